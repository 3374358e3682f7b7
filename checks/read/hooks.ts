// Reads `nft -j list ruleset` and `iptables-legacy-save`: the chains that the kernel itself calls.
import { readJson, record, records, text } from './json.ts'

export interface Hook {
  /** For example `chain FORWARD of table ip filter`. */
  readonly name: string
  /** `forward`, `input`, `postrouting`, … */
  readonly hook: string
  readonly policy: 'accept' | 'drop'
}

export function readHooks(output: string): readonly Hook[] {
  return records(record(readJson(output))['nftables'] ?? []).flatMap(entry => {
    const chain = record(entry['chain'])
    const hook = text(chain['hook'])
    if (hook === undefined) return []
    const name = `chain ${text(chain['name']) ?? '?'} of table ${text(chain['family']) ?? '?'} ${text(chain['table']) ?? '?'}`
    return [{ name, hook, policy: chain['policy'] === 'drop' ? 'drop' : 'accept' }]
  })
}

/** The older kind of iptables, which nft does not show. */
export function readLegacyPolicies(output: string): readonly Hook[] {
  return output.split(/^(?=\*)/m).flatMap(table => {
    const name = /^\*(\w+)$/m.exec(table)?.[1]
    if (name === undefined) return []
    return [...table.matchAll(/^:(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) (ACCEPT|DROP) /gm)].map(([, chain = '', policy]): Hook => ({
      name: `chain ${chain} of table ${name} (iptables-legacy)`, hook: chain.toLowerCase(), policy: policy === 'DROP' ? 'drop' : 'accept',
    }))
  })
}
