// Reads `nft -a list ruleset`: the text of a rule, by its number.

export interface RulePlace {
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly handle: number | undefined
}

/** For example `chain FORWARD of table ip filter`. */
export function chainName({ family, table, chain }: Omit<RulePlace, 'handle'>): string {
  return `chain ${chain} of table ${family} ${table}`
}

/** Without its counter, which is a different one each time. */
export function findRule(ruleset: string, { family, table, chain, handle }: RulePlace): string | undefined {
  let at: { table?: string; chain?: string } = {}
  for (const line of ruleset.split('\n')) {
    const [, ofFamily, ofTable] = /^table (\S+) (\S+) \{/.exec(line) ?? []
    if (ofTable !== undefined) at = { table: `${ofFamily ?? ''} ${ofTable}` }
    const ofChain = /^\tchain (\S+) \{/.exec(line)?.[1]
    if (ofChain !== undefined) at = { ...at, chain: ofChain }
    const [, text, number] = /^\t\t(.*) # handle (\d+)$/.exec(line) ?? []
    // A table of inet is told of as what its packet is.
    if (text !== undefined && Number(number) === handle && at.chain === chain && (at.table === `${family} ${table}` || at.table === `inet ${table}`)) {
      return text.replaceAll(/counter packets \d+ bytes \d+ ?/g, '').trim()
    }
  }
  return undefined
}
