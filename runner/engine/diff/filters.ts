// Rules of nft and of both kinds of iptables.
import type { FilterRule, ObservedChain } from '../../core/observed.ts'
import { entries, how, type Difference, type Entry } from './difference.ts'
import type { NamespacePair, Pair } from './match.ts'
import { placeOf, wantedPlace, type Names } from './names.ts'

export function filterDifferences(pair: NamespacePair, names: Names): readonly Difference[] {
  const { have, want } = pair
  if (want === undefined) return []
  const place = placeOf(pair)
  const at = wantedPlace(pair)
  const chains = matchChains(have?.chains ?? [], want.chains)
  const sets = entries(have?.sets ?? [], want.sets, one => ({ key: `${one.kind} ${one.name}`, text: one.text }), one => ({ key: `${one.kind} ${one.name}`, text: one.text }))
  const setDifference = ({ have: one, want: other }: (typeof sets)[number]): Difference => {
    const set = other ?? one
    const table = `${set?.family ?? ''} ${set?.table ?? ''}`
    return {
      place, kind: 'set of a filter', how: how({ have: one, want: other }), object: `the ${set?.kind ?? 'set'} ${set?.name ?? ''}`, have: one?.text, want: other?.text,
      commands: [
        one === undefined ? { place, text: `nft 'add table ${table}'` } : { place, text: `nft 'delete ${one.kind} ${one.family} ${one.table} ${one.name}'` },
        ...(other === undefined ? [] : [{ place, text: `nft 'add ${other.kind} ${table} ${other.name} { ${other.text}; }'` }]),
      ],
    }
  }
  return [
    ...sets.filter(({ want: other }) => other !== undefined).map(setDifference),
    ...chains.flatMap(chain => chainDifferences(place, at, chain, names)),
    // A rule that names a set keeps it.
    ...sets.filter(({ want: other }) => other === undefined).map(setDifference),
  ]
}

/** Those that the kernel calls by where they are called; the others by name. Tables are called as one likes. */
function matchChains(have: readonly ObservedChain[], want: readonly ObservedChain[]): readonly Pair<ObservedChain>[] {
  const key = ({ tool, family, table, name, hook }: ObservedChain): Entry => {
    const text = tool !== 'nft' ? `${tool} ${table} ${name}` : hook === undefined ? `${family} ${name}` : `${family} ${hook}`
    return { key: text, text }
  }
  const left = [...have]
  return [
    ...want.map(other => {
      const index = left.findIndex(one => key(one).key === key(other).key)
      return { have: index === -1 ? undefined : left.splice(index, 1)[0], want: other }
    }),
    ...left.map(one => ({ have: one, want: undefined })),
  ]
}

function chainDifferences(place: string, at: string, { have, want }: Pair<ObservedChain>, names: Names): readonly Difference[] {
  const chain = have ?? want
  if (chain === undefined) return []
  const object = chain.tool === 'nft' ? `nft's chain ${chain.name} of table ${chain.family} ${chain.table}` : `${chain.tool}'s chain ${chain.name} of table ${chain.table}`
  const [is, should] = [have?.policy ?? 'accept', want?.policy ?? 'accept']
  const declare = chain.tool === 'nft' && have === undefined && want !== undefined ? [
    { place, text: `nft 'add table ${want.family} ${want.table}'` },
    { place, text: `nft 'add chain ${want.family} ${want.table} ${want.name}${want.hook === undefined ? '' : ` { ${want.hook}; }`}'` },
  ] : []
  const program = chain.tool === 'iptables-legacy' ? 'iptables-legacy' : 'iptables'
  const own = chain.tool !== 'nft' && chain.policy === undefined && have === undefined ? [{ place, text: `${program} -t ${chain.table} -N ${chain.name}` }] : []
  const policy: readonly Difference[] = is === should ? [] : [{
    place, kind: 'filter policy', how: 'different', object: `the policy of ${object}`, have: is, want: should,
    commands: chain.tool === 'nft'
      ? [...declare, { place, text: `nft 'chain ${chain.family} ${chain.table} ${chain.name} { policy ${should}; }'` }]
      : [{ place, text: `${program} -t ${chain.table} -P ${chain.name} ${should.toUpperCase()}` }],
  }]
  const entry = (text: string): Entry => ({ key: text, text })
  const same = (text: string): string => text.replaceAll(/\bcounter /g, '')
  const ruleList = (all: ObservedChain | undefined): readonly FilterRule[] => all?.rules ?? []
  const rules = entries(ruleList(have), ruleList(want), rule => entry(same(names.textInWant(at, rule.text))), rule => entry(same(rule.text)))
  const missing = new Set(rules.flatMap(({ want: other }) => other ?? []))
  /** Where it has to stand, if one that is there already comes after it. */
  const before = (rule: FilterRule): number | undefined => {
    const index = ruleList(want).indexOf(rule)
    return ruleList(want).slice(index + 1).some(one => !missing.has(one)) ? index : undefined
  }
  // What goes makes room first: then the places are those that are wanted.
  const differ = rules.toSorted((one, other) => Number(one.want !== undefined) - Number(other.want !== undefined)).map(({ have: one, want: other }, index): Difference => {
    const wanted = other === undefined ? undefined : names.textInHave(at, other.text)
    const position = other === undefined ? undefined : before(other)
    const table = `${chain.family} ${chain.table} ${chain.name}`
    const nft = wanted === undefined ? `nft delete rule ${table} handle ${one?.handle ?? ''}`
      : position === undefined ? `nft 'add rule ${table} ${wanted}'` : `nft 'insert rule ${table} index ${position} ${wanted}'`
    const iptables = `${program} -t ${chain.table} ${wanted === undefined ? `-D ${chain.name}` : position === undefined ? `-A ${chain.name}` : `-I ${chain.name} ${position + 1}`} ${wanted ?? one?.text ?? ''}`
    return {
      place, kind: 'filter rule', how: how({ have: one, want: other }), object: `a rule of ${object}`, have: one?.text, want: wanted,
      commands: chain.tool === 'nft' ? [...(index === 0 && policy.length === 0 ? declare : []), { place, text: nft }] : [...(index === 0 ? own : []), { place, text: iptables }],
    }
  })
  if (differ.length > 0) return [...policy, ...differ]
  const order = (all: ObservedChain | undefined, translated: boolean): string => ruleList(all).map(rule => same(translated ? names.textInWant(at, rule.text) : rule.text)).join('\n')
  if (have === undefined || want === undefined || order(have, true) === order(want, false)) return policy
  return [...policy, {
    place, kind: 'filter rule', how: 'different', object: `the order of the rules of ${object}`, have: have.rules.map(({ text }) => text).join('; '), want: want.rules.map(({ text }) => text).join('; '),
    commands: chain.tool === 'nft'
      ? [{ place, text: `nft flush chain ${have.family} ${have.table} ${have.name}` }, ...want.rules.map(rule => ({ place, text: `nft 'add rule ${have.family} ${have.table} ${have.name} ${names.textInHave(at, rule.text)}'` }))]
      : [{ place, text: `${program} -t ${have.table} -F ${have.name}` }, ...want.rules.map(rule => ({ place, text: `${program} -t ${have.table} -A ${have.name} ${names.textInHave(at, rule.text)}` }))],
  }]
}
