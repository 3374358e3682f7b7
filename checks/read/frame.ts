// Reads the first bytes of a frame as it was on an interface: Ethernet or bare IP, ARP, IPv4, and what tunnels carry.
import { formatAddress } from '../../runner/core/ipv4.ts'

export interface Ethernet {
  readonly from: string
  readonly to: string
}

export interface Arp {
  readonly asks: boolean
  readonly senderMac: string
  readonly sender: string
  readonly targetMac: string
  readonly target: string
}

export interface Icmp {
  readonly type: number
  readonly code: number
  /** Of an echo and its reply. */
  readonly id: number
  /** Of `fragmentation needed`. */
  readonly mtu: number
  /** The packet that an error is about, from its IP header on. */
  readonly quoted: Layers | undefined
}

export interface Tcp {
  readonly sequence: number
  readonly acknowledged: number
  readonly syn: boolean
  readonly ack: boolean
  readonly rst: boolean
}

/** One IPv4 packet without what it carries. */
export interface Packet {
  readonly from: string
  readonly to: string
  readonly protocol: number
  readonly ttl: number
  readonly bytes: number
  /** Not the first fragment: it has no ports. */
  readonly fragment: boolean
  readonly dontFragment: boolean
  readonly fromPort: number | undefined
  readonly toPort: number | undefined
  readonly tcp: Tcp | undefined
  readonly icmp: Icmp | undefined
  /** What comes after the headers, as far as it was kept; each byte a character. */
  readonly payload: string
}

export interface Layer {
  readonly ethernet: Ethernet | undefined
  readonly packet: Packet
  /** How the next layer is in this one. */
  readonly carries: { readonly kind: 'vxlan' | 'ipip' | 'gre'; readonly id?: number } | undefined
}

/** The outermost first. Empty: no IPv4. */
export interface Layers {
  readonly layers: readonly Layer[]
  /** At the innermost end. */
  readonly arp: Arp | undefined
  readonly ethernet: Ethernet | undefined
}

const DEEPEST = 4
/** As `sockaddr_ll` numbers hardware: Ethernet, loopback. Others that the course meets begin with an IP header. */
const WITH_ETHERNET: readonly number[] = [1, 772]
export const VXLAN_PORTS: readonly number[] = [4789, 8472]

/** `vxlanPorts`: UDP ports on which VXLAN is spoken here. */
export function readFrame(hex: string, hardware: number, vxlanPorts: ReadonlySet<number>): Layers {
  const bytes = Buffer.from(hex, 'hex')
  return WITH_ETHERNET.includes(hardware) ? inEthernet(bytes, vxlanPorts, 0) : bytes.length > 0 && (bytes[0] ?? 0) >> 4 === 4 ? inIp(bytes, undefined, vxlanPorts, 0) : NOTHING
}

const NOTHING: Layers = { layers: [], arp: undefined, ethernet: undefined }

function inEthernet(bytes: Buffer, vxlanPorts: ReadonlySet<number>, depth: number): Layers {
  if (bytes.length < 14 || depth > DEEPEST) return NOTHING
  const ethernet = { to: mac(bytes, 0), from: mac(bytes, 6) }
  let at = 12
  // A VLAN's tag lies before the type.
  if (bytes.readUInt16BE(at) === 0x8100 && bytes.length >= 18) at += 4
  const type = bytes.readUInt16BE(at)
  const rest = bytes.subarray(at + 2)
  if (type === 0x0800) return inIp(rest, ethernet, vxlanPorts, depth)
  if (type !== 0x0806 || rest.length < 28) return { ...NOTHING, ethernet }
  return {
    layers: [], ethernet,
    arp: { asks: rest.readUInt16BE(6) === 1, senderMac: mac(rest, 8), sender: address(rest, 14), targetMac: mac(rest, 18), target: address(rest, 24) },
  }
}

function inIp(bytes: Buffer, ethernet: Ethernet | undefined, vxlanPorts: ReadonlySet<number>, depth: number): Layers {
  const header = ((bytes[0] ?? 0) & 15) * 4
  if (bytes.length < 20 || header < 20 || bytes.length < header || depth > DEEPEST) return { ...NOTHING, ethernet }
  const protocol = bytes[9] ?? 0
  const fragments = bytes.readUInt16BE(6)
  const fragment = (fragments & 0x1fff) !== 0
  const rest = bytes.subarray(header)
  const ported = (protocol === 6 || protocol === 17) && !fragment && rest.length >= 8
  const tcp = protocol === 6 && ported && rest.length >= 14 ? {
    sequence: rest.readUInt32BE(4), acknowledged: rest.readUInt32BE(8),
    syn: ((rest[13] ?? 0) & 2) !== 0, ack: ((rest[13] ?? 0) & 16) !== 0, rst: ((rest[13] ?? 0) & 4) !== 0,
  } : undefined
  const icmp = protocol === 1 && !fragment && rest.length >= 8 ? {
    type: rest[0] ?? 0, code: rest[1] ?? 0, id: rest.readUInt16BE(4), mtu: rest.readUInt16BE(6),
    // Errors quote what they are about; so do redirects.
    quoted: [3, 5, 11, 12].includes(rest[0] ?? 0) ? inIp(rest.subarray(8), undefined, vxlanPorts, depth + 1) : undefined,
  } : undefined
  const headers = protocol === 6 ? ((rest[12] ?? 0) >> 4) * 4 : 8
  const packet: Packet = {
    from: address(bytes, 12), to: address(bytes, 16), protocol, ttl: bytes[8] ?? 0, bytes: bytes.readUInt16BE(2),
    fragment, dontFragment: (fragments & 0x4000) !== 0,
    fromPort: ported ? rest.readUInt16BE(0) : undefined, toPort: ported ? rest.readUInt16BE(2) : undefined,
    tcp, icmp, payload: rest.subarray(headers).toString('latin1'),
  }
  const alone = { layers: [{ ethernet, packet, carries: undefined }], arp: undefined, ethernet }
  if (fragment) return alone
  if (protocol === 17 && packet.toPort !== undefined && vxlanPorts.has(packet.toPort) && rest.length >= 16 && ((rest[8] ?? 0) & 8) !== 0) {
    return around({ ethernet, packet, carries: { kind: 'vxlan', id: rest.readUIntBE(12, 3) } }, inEthernet(rest.subarray(16), vxlanPorts, depth + 1))
  }
  if (protocol === 4) return around({ ethernet, packet, carries: { kind: 'ipip' } }, inIp(rest, undefined, vxlanPorts, depth + 1))
  if (protocol === 47 && rest.length >= 4 && rest.readUInt16BE(2) === 0x0800) {
    // Checksum, key and sequence number are there if their bits are.
    const optional = [0x80, 0x20, 0x10].filter(bit => ((rest[0] ?? 0) & bit) !== 0).length * 4
    return around({ ethernet, packet, carries: { kind: 'gre' } }, inIp(rest.subarray(4 + optional), undefined, vxlanPorts, depth + 1))
  }
  return alone
}

function around(outer: Layer, inner: Layers): Layers {
  return inner.layers.length === 0 && inner.arp === undefined
    ? { layers: [{ ...outer, carries: undefined }], arp: undefined, ethernet: outer.ethernet }
    : { layers: [outer, ...inner.layers], arp: inner.arp, ethernet: inner.ethernet }
}

function mac(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 6)].map(byte => byte.toString(16).padStart(2, '0')).join(':')
}

function address(bytes: Buffer, at: number): string {
  return formatAddress(bytes.readUInt32BE(at))
}
