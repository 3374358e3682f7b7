// The one way wires are made, whatever the nodes run on: one fabric namespace holds a bridge for each segment,
// and a veth goes from it straight into each node. No host interface, no management network, no way out.
import type { Interface, Topology, TopologyNode } from '../core/topology.ts'

/** Lines as `ip -batch` takes them, done by the lab's first process. `@node@` stands for the node's process id. */
export interface Wires {
  /** In the fabric, before there are nodes. */
  readonly segments: string
  /** In the fabric, when all nodes' namespaces are there. */
  readonly links: string
  /** In the nodes: each line is a node's name and a command. */
  readonly addresses: string
}

export function wires(topology: Topology): Wires {
  const ends = topology.nodes.flatMap((node, index) => node.interfaces.map(port => ({ node, port, index })))
  return {
    // No learning delay: a bridge otherwise keeps a new port from forwarding for 15 seconds if it ever runs STP.
    // Multicast snooping off: a segment is a plain wire, and queries of its own would be seen in captures.
    segments: lines(topology.segments.map(segment =>
      `link add name ${segment.name} mtu ${segment.mtu} up type bridge forward_delay 0 mcast_snooping 0`)),
    links: lines(ends.flatMap(({ node, port, index }) => {
      const segment = topology.segments.find(candidate => candidate.name === port.segment)
      const mtu = `mtu ${segment?.mtu ?? 1500}`
      const outer = fabricEnd(node, port, index)
      return [
        `link add name ${outer} ${mtu} type veth peer name ${port.name} ${mtu} netns @${node.name}@`,
        `link set ${outer} master ${port.segment} up`,
      ]
    })),
    addresses: lines(ends.flatMap(({ node, port }) => [
      ...(port.address === undefined ? [] : [`${node.name} addr add ${port.address} dev ${port.name}`]),
      `${node.name} link set ${port.name} up`,
    ])),
  }
}

/** The name in the fabric of a node's interface: what a capture on that wire names. At most 15 bytes. */
export function fabricEnd(node: TopologyNode, port: Interface, index: number): string {
  const readable = `${node.name}-${port.name}`
  return readable.length <= 15 ? readable : `n${index}-${port.name}`.slice(0, 15)
}

function lines(all: readonly string[]): string {
  return all.map(line => `${line}\n`).join('')
}
