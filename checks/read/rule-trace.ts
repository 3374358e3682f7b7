// Reads a message of nftables' tracing, as the kernel sends it: which rule, or which chain's policy, said what.
import { readFrame, type Packet } from './frame.ts'

export interface RuleTrace {
  readonly family: 'ip' | 'inet' | 'bridge' | 'arp' | 'netdev' | 'ip6' | '?'
  readonly table: string
  readonly chain: string
  /** The rule's number in its table; undefined for a policy. */
  readonly handle: number | undefined
  readonly what: 'policy' | 'return' | 'rule' | '?'
  readonly verdict: 'accept' | 'drop' | 'other'
  /** One packet's passage through one hook has one number. */
  readonly id: number
  readonly packet: Packet | undefined
}

const FAMILIES: Readonly<Record<number, RuleTrace['family']>> = { 1: 'inet', 2: 'ip', 3: 'arp', 5: 'netdev', 7: 'bridge', 10: 'ip6' }
const WHAT = ['?', 'policy', 'return', 'rule'] as const

export function readRuleTrace(hex: string): RuleTrace | undefined {
  const bytes = Buffer.from(hex, 'hex')
  // nlmsghdr, then nfgenmsg. NFT_MSG_TRACE of the subsystem nf_tables.
  if (bytes.length < 20 || bytes.readUInt16LE(4) !== ((10 << 8) | 17)) return undefined
  const attributes = readAttributes(bytes.subarray(20))
  const verdict = attributes.get(5)
  const code = verdict === undefined ? undefined : readAttributes(verdict).get(1)
  const policy = attributes.get(16)
  const what = WHAT[number(attributes.get(4)) ?? 0] ?? '?'
  const says = what === 'policy' ? number(policy) : number(code)
  const ip = attributes.get(8)
  const above = attributes.get(9)
  return {
    family: FAMILIES[bytes[16] ?? 0] ?? '?', table: string(attributes.get(1)), chain: string(attributes.get(2)),
    handle: number(attributes.get(3)), what, verdict: says === 1 ? 'accept' : says === 0 ? 'drop' : 'other', id: number(attributes.get(6)) ?? 0,
    packet: ip === undefined ? undefined : readFrame(Buffer.concat(above === undefined ? [ip] : [ip, above]).toString('hex'), 0, new Set()).layers[0]?.packet,
  }
}

/** Type and value; numbers in a value are in network order. */
function readAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) break
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length))
    at += length + (-length & 3)
  }
  return found
}

function string(bytes: Buffer | undefined): string {
  return (bytes?.toString('utf8') ?? '').replace(/\0.*$/s, '')
}

function number(bytes: Buffer | undefined): number | undefined {
  if (bytes === undefined) return undefined
  return bytes.length === 8 ? Number(bytes.readBigInt64BE(0)) : bytes.length === 4 ? bytes.readUInt32BE(0) : undefined
}
