// Reads `nft -j list ruleset`: the chains on a bridge, ebtables' too, in which frames that it forwards are dropped.
import { readJson, record, records, text } from './json.ts'

/** For example `chain FORWARD of table bridge filter`. A rule that drops may be about other frames: it is a hint. */
export function readBridgeDrops(output: string): readonly string[] {
  const entries = records(record(readJson(output))['nftables'] ?? [])
  const dropping = new Set(entries.map(entry => record(entry['rule']))
    .filter(rule => Array.isArray(rule['expr']) && rule['expr'].some(part => 'drop' in record(part)))
    .map(rule => nameOf(rule, rule['chain'])))
  return entries.map(entry => record(entry['chain']))
    .filter(chain => chain['family'] === 'bridge' && ['prerouting', 'forward', 'postrouting'].includes(text(chain['hook']) ?? ''))
    .filter(chain => chain['policy'] === 'drop' || dropping.has(nameOf(chain, chain['name'])))
    .map(chain => nameOf(chain, chain['name']))
}

function nameOf(entry: Readonly<Record<string, unknown>>, chain: unknown): string {
  return `chain ${text(chain) ?? '?'} of table ${text(entry['family']) ?? '?'} ${text(entry['table']) ?? '?'}`
}
