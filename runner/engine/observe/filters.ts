// Reads what nft, iptables-save and iptables-legacy-save print: chains with their rules, each rule as its tool writes it.
import type { ObservedChain, ObservedSet } from '../../core/observed.ts'

export interface Printed {
  readonly nft: string
  readonly iptables: string
  readonly legacy: string
}

export interface Filters {
  readonly chains: readonly ObservedChain[]
  readonly sets: readonly ObservedSet[]
}

export function readFilters({ nft, iptables, legacy }: Printed): Filters {
  const saved = readSaved('iptables', iptables)
  // iptables keeps its tables in nft, which leaves out half of their matches when it shows them.
  const managed = new Set(saved.map(({ table }) => table))
  const seen = readNft(nft)
  return {
    chains: [...seen.chains.filter(({ family, table }) => family !== 'ip' || !managed.has(table)), ...saved, ...readSaved('iptables-legacy', legacy)],
    sets: seen.sets,
  }
}

/** `nft -s -a list ruleset`. */
export function readNft(printed: string): Filters {
  const chains: ObservedChain[] = []
  const sets: ObservedSet[] = []
  for (const table of blocks(printed.split('\n'))) {
    const [, family, name] = /^table (\w+) (\S+)$/.exec(table.head) ?? []
    if (family === undefined || name === undefined) continue
    for (const part of blocks(table.body)) {
      const [, kind = '', own = ''] = /^(\w+) (\S+)$/.exec(part.head) ?? []
      const lines = part.body.map(line => line.trim()).filter(line => line !== '')
      if (kind === 'chain') chains.push({ tool: 'nft', family, table: name, name: own, ...chainOf(lines) })
      else if (own !== '') sets.push({ family, table: name, name: own, kind, text: lines.join('; ').replaceAll(/\s+/g, ' ') })
    }
  }
  return { chains, sets }
}

function chainOf(lines: readonly string[]): Pick<ObservedChain, 'hook' | 'policy' | 'rules'> {
  const declared = lines.find(line => /^type \w+ hook /.test(line))
  const policy = /policy (accept|drop);/.exec(declared ?? '')?.[1]
  return {
    hook: declared?.split(';')[0],
    policy: policy === 'accept' || policy === 'drop' ? policy : undefined,
    rules: lines.filter(line => line !== declared).map(line => {
      const [, text = line, handle] = /^(.*?)(?: # handle (\d+))?$/.exec(line) ?? []
      return { text: text.replaceAll(/ {2,}/g, ' ').trim(), handle: handle === undefined ? undefined : Number(handle) }
    }),
  }
}

interface Block {
  /** Without the brace and the handle. */
  readonly head: string
  readonly body: readonly string[]
}

/** The outermost blocks: a line that ends in a brace, to the one that closes it. Those that a rule or a set has begin and end on other lines. */
function blocks(lines: readonly string[]): readonly Block[] {
  const found: Block[] = []
  let head: string | undefined
  let body: string[] = []
  let indent = ''
  for (const line of lines) {
    if (head === undefined) {
      const [, space = '', opened] = /^(\s*)(\S.*?) \{(?: # handle \d+)?$/.exec(line) ?? []
      if (opened !== undefined) [head, indent, body] = [opened, space, []]
    } else if (line === `${indent}}`) {
      found.push({ head, body })
      head = undefined
    } else body.push(line)
  }
  return found
}

/** `iptables-save`, of either make. */
export function readSaved(tool: 'iptables' | 'iptables-legacy', printed: string): readonly ObservedChain[] {
  return printed.split(/^(?=\*)/m).flatMap(part => {
    const table = /^\*(\w+)$/m.exec(part)?.[1]
    if (table === undefined) return []
    const rules = [...part.matchAll(/^-A (\S+) (.*)$/gm)].map(([, chain = '', text = '']) => ({ chain, text }))
    return [...part.matchAll(/^:(\S+) (ACCEPT|DROP|-)/gm)].map(([, name = '', policy = '-']): ObservedChain => ({
      tool, family: 'ip', table, name,
      hook: policy === '-' ? undefined : name.toLowerCase(),
      policy: policy === 'ACCEPT' ? 'accept' : policy === 'DROP' ? 'drop' : undefined,
      rules: rules.filter(rule => rule.chain === name).map(({ text }) => ({ text, handle: undefined })),
    }))
  })
}
