// Reads the bytes of an IPv4 packet: its header, and what is inside if that is VXLAN, on whatever port.
import { formatAddress } from '../../runner/core/ipv4.ts'

export interface PacketHeader {
  readonly from: string
  readonly fromPort: number | undefined
  readonly to: string
  readonly toPort: number | undefined
  /** One of several pieces of a packet that was cut. */
  readonly fragment: boolean
}

export interface Packet {
  /** The outermost first. */
  readonly headers: readonly PacketHeader[]
  /** Of the outermost VXLAN header. */
  readonly vni: number | undefined
}

const TCP = 6
const UDP = 17
const DEEPEST = 4
const VXLAN_HEADER = 8
const ETHERNET_HEADER = 14
/** RFC 7348: the flag that says that there is a network identifier. */
const HAS_VNI = 0x08
/** VXLAN-GPE: what is inside need not be Ethernet. */
const OTHER_PROTOCOL = 0x04

export function readPacket(bytes: Uint8Array): Packet {
  const headers: PacketHeader[] = []
  let vni: number | undefined
  for (let at = 0; headers.length < DEEPEST;) {
    if (at + 20 > bytes.length || byte(bytes, at) >> 4 !== 4) break
    const length = (byte(bytes, at) & 15) * 4
    const protocol = byte(bytes, at + 9)
    const payload = at + length
    const offset = word(bytes, at + 6) & 0x1fff
    // Only the first piece has ports.
    const ports = offset === 0 && (protocol === TCP || protocol === UDP) && payload + 4 <= bytes.length
    headers.push({
      from: address(bytes, at + 12), fromPort: ports ? word(bytes, payload) : undefined,
      to: address(bytes, at + 16), toPort: ports ? word(bytes, payload + 2) : undefined,
      fragment: (word(bytes, at + 6) & 0x3fff) !== 0,
    })
    const vxlan = payload + 8
    if (!ports || protocol !== UDP || !isVxlan(bytes, vxlan)) break
    vni ??= word(bytes, vxlan + 4) << 8 | byte(bytes, vxlan + 6)
    at = vxlan + VXLAN_HEADER + ETHERNET_HEADER
  }
  return { headers, vni }
}

/** The port says nothing: by its flags, what is reserved, and that an Ethernet frame with IPv4 in it follows. */
function isVxlan(bytes: Uint8Array, at: number): boolean {
  const inner = at + VXLAN_HEADER + ETHERNET_HEADER
  if (inner + 20 > bytes.length) return false
  const flags = byte(bytes, at)
  return (flags & HAS_VNI) !== 0 && (flags & OTHER_PROTOCOL) === 0 && byte(bytes, at + 7) === 0 &&
    word(bytes, inner - 2) === 0x0800 && byte(bytes, inner) >> 4 === 4 && (byte(bytes, inner) & 15) >= 5
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

function word(bytes: Uint8Array, at: number): number {
  return byte(bytes, at) << 8 | byte(bytes, at + 1)
}

function address(bytes: Uint8Array, at: number): string {
  return formatAddress(word(bytes, at) * 65_536 + word(bytes, at + 2))
}
