// Reads `nft list ruleset` and `iptables-save` for rules that change a packet's source.
import { broadcastOf, networkOf, parseAddress, parseCidr } from '../../runner/core/ipv4.ts'

export interface Passing {
  readonly from: string
  readonly to: string
}

/** Those that a packet with these addresses may have met: what a line says of them does not exclude it. */
export function readSourceRules(text: string, packet: Passing): readonly string[] {
  return text.split('\n').map(line => line.trim())
    .filter(line => CHANGES.test(line) && mayBe(line, 'saddr', 's', packet.from) && mayBe(line, 'daddr', 'd', packet.to))
}

const CHANGES = /\b(?:masquerade|snat|ip saddr set)\b|-j (?:MASQUERADE|SNAT)\b/

/** What cannot be read excludes nothing. */
function mayBe(line: string, nft: string, iptables: string, address: string): boolean {
  const number = parseAddress(address)
  if (number === undefined) return true
  const [, unlike, set, one] = new RegExp(`\\bip ${nft} (!= )?(?:\\{ ([^{}]*) \\}|(\\d[\\d./-]*))`).exec(line) ?? []
  const [, not, range] = new RegExp(`(?:^|\\s)(! )?-${iptables} (\\d[\\d./]*)`).exec(line) ?? []
  const wanted = set?.split(', ') ?? [one ?? range].filter(part => part !== undefined)
  if (wanted.length === 0) return true
  const within = wanted.map(part => contains(part, number))
  if (within.includes(undefined)) return true
  return within.includes(true) !== (unlike !== undefined || not !== undefined)
}

/** `10.244.0.0/16`, `10.244.1.2` or `192.168.1.11-192.168.1.13`; undefined for anything else. */
function contains(part: string, number: number): boolean | undefined {
  const cidr = parseCidr(part.includes('/') ? part : `${part}/32`)
  if (cidr !== undefined) return networkOf(cidr) <= number && number <= broadcastOf(cidr)
  const [low, high] = part.split('-').map(end => parseAddress(end))
  return low === undefined || high === undefined ? undefined : low <= number && number <= high
}
