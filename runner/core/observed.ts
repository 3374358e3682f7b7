// What the kernels of a lab hold: nodes, namespaces, links and what joins them, addresses, routes, filters. Data, which a
// comparison and a drawing both start from.

/** How a check calls the wire of a pod that it makes for a moment: nothing that a learner has built. Whoever finds one left over knows whose it was. */
export const OF_A_LOOK = 'hwfresh-'

export interface Observed {
  readonly nodes: readonly ObservedNode[]
}

export interface ObservedNode {
  readonly name: string
  /** The node's own first. */
  readonly namespaces: readonly ObservedNamespace[]
}

export interface ObservedNamespace {
  /** `node1`, `node1/red`, or by its number where it has no name. */
  readonly place: string
  readonly node: string
  readonly named: string | undefined
  /** The one that the node itself lives in. */
  readonly own: boolean
  readonly inode: number
  /** Where nsenter finds it. */
  readonly path?: string
  readonly links: readonly ObservedLink[]
  readonly routes: readonly ObservedRoute[]
  readonly rules: readonly RoutingRule[]
  readonly neighbours: readonly ObservedNeighbour[]
  readonly forwarding: readonly ForwardingEntry[]
  readonly chains: readonly ObservedChain[]
  readonly sets: readonly ObservedSet[]
  /** By name: `net.ipv4.ip_forward`, `net.ipv4.conf.eth0.rp_filter`. */
  readonly settings: Readonly<Record<string, string>>
}

/** An interface, by its name in the place that it is in. */
export interface LinkEnd {
  readonly place: string
  readonly link: string
}

export interface MovedEnd {
  readonly segment: string
  /** What the other end is called in the fabric: `node1-rail0`. */
  readonly fabric: string
}

export interface ObservedLink {
  readonly name: string
  readonly index: number
  /** `veth`, `bridge`, `vxlan`, …; undefined for the loopback and for what has no kind. */
  readonly kind: string | undefined
  /** Told to be up. */
  readonly up: boolean
  /** Has somebody at the other end. */
  readonly carrier: boolean
  readonly arp: boolean
  readonly mtu: number
  readonly mac: string | undefined
  readonly master: string | undefined
  /** The other end of a veth, if that is in one of the lab's nodes. */
  readonly peer: LinkEnd | undefined
  /** The segment that it is joined to, if the topology has put it there. */
  readonly segment: string | undefined
  /** It is the end of such a wire that somebody has put into another namespace of the node, whatever it is called there. */
  readonly moved?: MovedEnd
  /** What it is a part of: the card under a macvlan, which may be in another namespace of the node. */
  readonly lower?: LinkEnd
  /** For example `10.244.1.1/24`. IPv4. */
  readonly addresses: readonly string[]
  readonly bridge: Bridge | undefined
  /** What its master takes it for, if that is a bridge. */
  readonly port: BridgePort | undefined
  readonly tunnel: Tunnel | undefined
}

export interface Bridge {
  /** Names of its links. */
  readonly ports: readonly string[]
  readonly stp: boolean
  readonly vlanFiltering: boolean
}

export interface BridgePort {
  /** `disabled`, `listening`, `learning`, `forwarding`, `blocking`. */
  readonly state: string
  /** Switches of the port, as `bridge link` calls them: `isolated`, `hairpin`, … */
  readonly flags: Readonly<Record<string, boolean>>
}

export interface Tunnel {
  readonly id: number | undefined
  readonly port: number | undefined
  readonly local: string | undefined
  readonly remote: string | undefined
  /** The link that it goes over. */
  readonly over: string | undefined
  readonly learning: boolean | undefined
}

export interface ObservedRoute {
  /** `main`, or a number. The table `local` is left out: addresses say the same. */
  readonly table: string
  /** `unicast`, `blackhole`, `unreachable`, `prohibit`, `throw`, … */
  readonly kind: string
  /** `default`, or a range. */
  readonly to: string
  readonly hops: readonly NextHop[]
  readonly source: string | undefined
  readonly metric: number | undefined
  readonly mtu: number | undefined
  /** Who made it: `kernel`, `boot`, `static`, `bird`, … */
  readonly protocol: string
}

export interface NextHop {
  readonly via: string | undefined
  readonly device: string | undefined
  readonly onlink: boolean
  readonly weight: number | undefined
}

/** Which table is asked for whom. The three that every namespace has are left out. */
export interface RoutingRule {
  readonly priority: number
  /** As `ip rule add` takes it: `from 10.244.1.2 lookup 100`. */
  readonly text: string
}

export interface ObservedNeighbour {
  readonly address: string
  readonly device: string
  readonly mac: string | undefined
  /** `proxy`: answered for. `learned` comes and goes by itself. */
  readonly kind: 'permanent' | 'proxy' | 'learned'
}

export interface ForwardingEntry {
  readonly mac: string
  readonly device: string
  /** The bridge whose table it is in; undefined: the table of the device itself, as of a VXLAN. */
  readonly bridge: string | undefined
  /** The other end of a tunnel. */
  readonly to: string | undefined
  readonly kind: 'permanent' | 'learned'
}

export interface ObservedChain {
  readonly tool: 'nft' | 'iptables' | 'iptables-legacy'
  /** `ip`, `inet`, `bridge`, `arp`, `netdev`. */
  readonly family: string
  readonly table: string
  readonly name: string
  /** `type filter hook forward priority filter`; undefined: others jump to it. */
  readonly hook: string | undefined
  readonly policy: 'accept' | 'drop' | undefined
  readonly rules: readonly FilterRule[]
}

export interface FilterRule {
  readonly text: string
  /** nft's number for it. */
  readonly handle: number | undefined
}

export interface ObservedSet {
  readonly family: string
  readonly table: string
  readonly name: string
  /** `set`, `map`, … */
  readonly kind: string
  readonly text: string
}
