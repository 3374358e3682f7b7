import type { Check, Link } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { namespaceAt } from './ends.ts'
import { readNamespaceIds } from './read/namespace-ids.ts'
import { tool } from './tool.ts'

/** `a veth joins node1 and red`: one end in each, and each is the other's peer by number and by namespace. */
export function vethPair(node: string, name: string): Check {
  return {
    claim: `a veth joins ${node} and ${name}`,
    look: async bench => {
      const found = await namespaceAt(bench, `${node}/${name}`)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { namespace } = found
      const own = (await bench.namespaces(node)).find(one => one.own)
      if (own === undefined) throw new Error(`${node} has no namespace of its own`)
      const ids = await tool(own.place, ['ip', '-j', 'netns', 'list-id'], readNamespaceIds)
      const evidence = [own.evidence, namespace.evidence, ids.evidence] as const
      const veths = namespace.links.filter(link => link.kind === 'veth')
      // Interface numbers repeat from namespace to namespace: the node's number for the namespace settles it.
      const joined = veths.some(inner => own.links.some(outer => outer.kind === 'veth' &&
        outer.peerIndex === inner.index && inner.peerIndex === outer.index &&
        inner.peerNamespace !== undefined && outer.peerNamespace !== undefined && ids.value.get(outer.peerNamespace) === name))
      if (joined) return pass(...evidence)
      const inside = pairWithin(veths)
      if (inside !== undefined) return fail(`both ends of the veth are in ${name}: ${list(inside)}`, ...evidence)
      if (veths.length > 0) return fail(`the other end of ${list(veths.map(link => link.name))} in ${name} is not in ${node} itself`, ...evidence)
      // The node's wires to the fabric are veths too, with their other end elsewhere.
      const outside = pairWithin(own.links)
      if (outside !== undefined) return fail(`both ends of the veth are in ${node} itself: ${list(outside)}`, ...evidence)
      return fail(`${name} has no veth: its interfaces are ${list(namespace.links.map(link => link.name))}`, ...evidence)
    },
  }
}

function pairWithin(links: readonly Link[]): readonly string[] | undefined {
  const one = links.find(link => link.kind === 'veth' && link.peerNamespace === undefined && link.peerIndex !== undefined)
  const other = links.find(link => link.index === one?.peerIndex)
  return one === undefined || other === undefined ? undefined : [one.name, other.name]
}
