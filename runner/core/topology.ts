/** Nodes and the segments that join them. */
export interface Topology {
  readonly nodes: readonly TopologyNode[]
  readonly segments: readonly Segment[]
}

export interface TopologyNode {
  readonly name: string
  readonly interfaces: readonly Interface[]
  /** Mebibytes that a node may write. */
  readonly diskMiB: number
}

export interface Interface {
  readonly name: string
  readonly segment: string
  /** IPv4 with prefix length, for example `192.168.1.11/24`; none: the learner gives it one. */
  readonly address: string | undefined
}

export interface Segment {
  readonly name: string
  /** Bytes. */
  readonly mtu: number
}
