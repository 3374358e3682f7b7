// What following one packet finds: data, which a terminal, a script and a page each show in their own way.
import type { Evidence } from './verdict.ts'

export type Protocol = 'tcp' | 'udp' | 'icmp'

/** One who sends, or is sent to. */
export interface TraceEnd {
  /** What a reader calls it: `red`, `node1`, or the address. */
  readonly name: string
  readonly address: string
  /** The namespace that has the address: `node1/red`. Undefined: nobody in the lab has it. */
  readonly place: string | undefined
}

/** What is wanted: a packet from one to another. */
export interface Probe {
  /** Where it is sent: `node1/red`. */
  readonly from: string
  /** An address of the sender, where it has several; default: the kernel's choice. */
  readonly source?: string
  /** The address that it is sent to. */
  readonly to: string
  readonly protocol: Protocol
  /** Of TCP and UDP; undefined: one that answers is opened for the occasion, where the address is. */
  readonly port?: number
  /** Bytes of the whole IP packet, which is then not to be fragmented. Default: as small as can be. TCP begins small. */
  readonly size?: number
  /** What a reader calls the two. Default: the names of their namespaces. */
  readonly names?: { readonly from: string; readonly to: string }
}

/** One packet that has another in it. */
export interface Carrier {
  readonly kind: 'vxlan' | 'ipip' | 'gre' | 'encrypted'
  readonly from: string
  readonly to: string
  readonly fromPort?: number
  readonly toPort?: number
  /** VXLAN's network number. */
  readonly id?: number
}

/** What is different from the hop before. */
export type Rewrite =
  | { readonly what: 'source' | 'destination'; readonly from: string; readonly to: string }
  | { readonly what: 'ttl'; readonly from: number; readonly to: number }
  | { readonly what: 'wrapped' | 'unwrapped'; readonly carrier: Carrier }

/** The packet at one interface: interfaces it passes in the order in which it lived. */
export interface Hop {
  /** `node1/red`, `node1`, `fabric`. */
  readonly place: string
  /** What a reader calls the place: `red`. */
  readonly name: string
  readonly device: string
  readonly direction: 'in' | 'out'
  /** Microseconds since the first hop. */
  readonly us: number
  readonly from: string
  readonly to: string
  readonly fromPort: number | undefined
  readonly toPort: number | undefined
  readonly ttl: number
  readonly bytes: number
  readonly fromMac: string | undefined
  readonly toMac: string | undefined
  /** The outermost first. */
  readonly carriers: readonly Carrier[]
  readonly rewrites: readonly Rewrite[]
}

/**
 * Why a packet went no further: words that stay the same for programs. Which namespace is meant says `where`, which half
 * of the way `way`.
 */
export type CauseKind =
  // A table or a setting of the namespace that the packet is in.
  | 'no-route' | 'route-says-no' | 'forwarding-off' | 'reverse-path-filter' | 'no-address' | 'own-source' | 'ignores-ping' | 'loop'
  // The link that it should leave by, or the next hop that should take it.
  | 'link-down' | 'no-carrier' | 'bridge-down' | 'not-attached' | 'port-not-forwarding' | 'isolated-ports' | 'hairpin-off'
  | 'nobody-has-next-hop' | 'nobody-has-address' | 'wrong-mask' | 'not-asked-for' | 'wrong-mac' | 'duplicate-address'
  // Filters. `bridge-netfilter`: a filter for routers that is shown what a bridge forwards.
  | 'filtered' | 'rejected' | 'bridge-filtered' | 'bridge-netfilter'
  // Tunnels.
  | 'tunnel-down' | 'tunnel-no-peer' | 'tunnel-wrong-peer' | 'tunnel-wrong-id' | 'tunnel-wrong-port'
  // Sizes. `too-big`: the sender is told. `too-big-untold`: it is not. `too-big-for-layer2`: nobody could tell it.
  | 'too-big' | 'too-big-untold' | 'too-big-for-layer2'
  // Addresses that were rewritten.
  | 'rewritten-to-nobody' | 'reply-not-rewritten'
  // It arrived.
  | 'nobody-listens' | 'listens-elsewhere' | 'listener-silent'
  | 'unknown'

export interface Cause {
  readonly kind: CauseKind
  /** The place in which it ended: `node1/red`, `node1`, `fabric`. */
  readonly where: string
  readonly way: 'there' | 'back'
  /** One sentence, without its subject's history: `node2 received it on eth0 and dropped it: net.ipv4.ip_forward is 0`. */
  readonly sentence: string
  /** What the kernel itself says of it, a line each: `IpInAddrErrors 0 → 1`. */
  readonly evidence: readonly string[]
}

export type Outcome =
  /** It arrived, and so did the answer. */
  | 'answered'
  /** It arrived, and was told that nobody is there. */
  | 'refused'
  /** It, or the answer, got lost. */
  | 'lost'
  /** The sender's own kernel did not let it out. */
  | 'not-sent'

/** What works, and is still worth knowing. */
export interface Note {
  readonly kind: 'source-rewritten' | 'destination-rewritten' | 'other-namespace' | 'detour' | 'duplicate-address' | 'asymmetric'
  readonly sentence: string
}

export interface Trace {
  readonly probe: Probe
  readonly from: TraceEnd
  readonly to: TraceEnd
  readonly outcome: Outcome
  /** Whether the packet itself got to where it was sent. */
  readonly arrived: boolean
  readonly there: readonly Hop[]
  readonly back: readonly Hop[]
  /** None if it was answered. */
  readonly cause: Cause | undefined
  readonly notes: readonly Note[]
  /** What was asked of which tool. */
  readonly evidence: readonly Evidence[]
  /** Milliseconds that it took. */
  readonly ms: number
}
