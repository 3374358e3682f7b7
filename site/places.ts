// A colour is a place: the same in prose, terminals and drawing.
import type { Topology } from '../runner/core/topology.ts'

const COLOURS = 6

/** The class of a place's colour, `n1` to `n6`: that of its node, by the topology's order. */
export function placeClass(topology: Topology, place: string): string {
  const node = place.split('/')[0] ?? ''
  const index = topology.nodes.findIndex(({ name }) => name === node)
  return index === -1 ? 'n0' : `n${(index % COLOURS) + 1}`
}
