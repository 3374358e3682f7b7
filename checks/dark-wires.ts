// Wires that carry nothing, because a node's end of them is down.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'

export interface Dark {
  readonly segment: string
  readonly evidence: Evidence
}

/** An end that a pod has taken into its own namespace is that pod's business. */
export async function darkWires(bench: Bench, segments: readonly string[]): Promise<readonly Dark[]> {
  const ends = await Promise.all(bench.topology.nodes.map(async node => {
    const own = (await bench.namespaces(node.name)).find(namespace => namespace.own)
    return node.interfaces.flatMap(({ name, segment }) => own?.links.some(link => link.name === name && !link.up) === true ? [{ segment, evidence: own.evidence }] : [])
  }))
  return segments.flatMap(segment => ends.flat().find(end => end.segment === segment) ?? [])
}
