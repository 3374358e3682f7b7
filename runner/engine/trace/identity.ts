// Knows the packet again wherever it is seen, and its answer, whatever has been rewritten on the way: by the nonce that it
// carries, or by TCP's first sequence number, which nobody rewrites.
import type { Packet } from '../../../checks/read/frame.ts'
import type { Sent } from '../../../checks/read/recorded.ts'
import type { RecordedProbe } from './recording.ts'

export type Role = 'there' | 'back' | 'error there' | 'error back'

/** As much of the nonce as nftables shows of a packet that it tells of. */
const ENOUGH = 10

export class Identity {
  readonly #probe: RecordedProbe
  readonly #sent: Sent | undefined
  readonly #nonce: string
  /** Ends of the packet as it was seen, the other way round: so its answer looks. */
  readonly #answers = new Set<string>()
  #sequence: number | undefined
  /** Where the sender could not choose the number, it is seen on the way out, as long as nobody has rewritten both ends. */
  constructor(probe: RecordedProbe, sent?: Sent) {
    this.#probe = probe
    this.#sent = sent
    this.#sequence = sent?.sequence
    this.#nonce = probe.nonce.slice(0, ENOUGH)
  }

  /** `leaving`: it goes out of the sender's own namespace. */
  role(packet: Packet, leaving = false): Role | undefined {
    const quoted = packet.icmp?.quoted?.layers.at(-1)?.packet
    if (quoted !== undefined) {
      // A redirect is about a packet that goes on.
      if (packet.icmp?.type === 5) return undefined
      const role = this.#plain(quoted, false)
      return role === undefined ? undefined : role === 'there' ? 'error there' : 'error back'
    }
    return this.#plain(packet, leaving)
  }

  #plain(packet: Packet, leaving: boolean): 'there' | 'back' | undefined {
    const role = this.#one(packet, leaving)
    if (role === 'there') this.#answers.add(ends(packet.to, packet.toPort, packet.from, packet.fromPort))
    return role
  }

  #one(packet: Packet, leaving: boolean): 'there' | 'back' | undefined {
    const { icmp, tcp } = packet
    switch (this.#probe.protocol) {
      case 'icmp':
        if (icmp === undefined || !packet.payload.startsWith(this.#nonce)) return undefined
        return icmp.type === 8 ? 'there' : icmp.type === 0 ? 'back' : undefined
      case 'udp': {
        if (packet.protocol !== 17 || packet.fromPort === undefined) return undefined
        // The answer of a server may hold anything: it is known by its ends. Where rules of the sender's own rewrote it before it was seen, by one of them.
        if (packet.to === this.#sent?.address && packet.toPort === this.#sent.port) return 'back'
        if (this.#answers.has(ends(packet.from, packet.fromPort, packet.to, packet.toPort))) return 'back'
        return packet.payload.startsWith(this.#nonce) ? 'there' : undefined
      }
      case 'tcp': {
        if (tcp === undefined) return undefined
        if (leaving && tcp.syn && !tcp.ack && packet.fromPort === this.#sent?.port && packet.to === this.#probe.to) this.#sequence ??= tcp.sequence
        if (this.#sequence === undefined) return undefined
        if (tcp.syn && !tcp.ack && tcp.sequence === this.#sequence) return 'there'
        // An end of the connection by its own side is none.
        return tcp.ack && tcp.acknowledged === (this.#sequence + 1) % 2 ** 32 && (tcp.syn || tcp.rst) ? 'back' : undefined
      }
    }
  }
}

function ends(from: string, fromPort: number | undefined, to: string, toPort: number | undefined): string {
  return `${from} ${fromPort ?? ''} ${to} ${toPort ?? ''}`
}
