// Looks at all nodes of a lab at once, and finds who is joined to whom.
import type { LinkEnd, Observed, ObservedLink } from '../../core/observed.ts'
import type { Node } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { readObserved, type SeenLink, type SeenNamespace } from './read.ts'

const OBSERVE = ['/usr/local/lib/hardway/observe']

/** One command a node. */
export async function observe(nodes: readonly Node[], topology: Topology): Promise<Observed> {
  return joined(topology, await Promise.all(topology.nodes.map(async ({ name }) => {
    const node = nodes.find(one => one.name === name)
    if (node === undefined) throw new CouldNotLook(`${name} is not running: \`npx lab reset\` starts the lab anew`)
    const evidence = await node.exec(OBSERVE, { maxBytes: 8 << 20 })
    if (evidence.exitCode !== 0) throw new CouldNotLook(`could not see what ${name} holds`, evidence)
    return { name, printed: evidence.stdout }
  })))
}

/** Pure: what each node printed, as one network. */
export function joined(topology: Topology, printed: readonly { readonly name: string; readonly printed: string }[]): Observed {
  return {
    nodes: printed.map(({ name, printed: text }) => {
      const namespaces = readObserved(name, text)
      const wires = topology.nodes.find(node => node.name === name)?.interfaces ?? []
      return {
        name,
        namespaces: namespaces.map(namespace => ({
          ...namespace,
          links: namespace.links.map(({ peerIndex, peerNamed, peerElsewhere, ...link }): ObservedLink => {
            const segment = namespace.own ? wires.find(wire => wire.name === link.name)?.segment : undefined
            // The other end of a wire is in the fabric, which is not looked at.
            const peer = segment === undefined ? peerOf(namespaces, namespace, { ...link, peerIndex, peerNamed, peerElsewhere }) : undefined
            return { ...link, peer, segment }
          }),
        })),
      }
    }),
  }
}

/**
 * Numbers of interfaces repeat from namespace to namespace: that each is the other's peer by number, and elsewhere or here
 * alike, leaves one in almost every case, and a name for the other namespace settles the rest.
 */
function peerOf(all: readonly SeenNamespace[], here: SeenNamespace, link: SeenLink): LinkEnd | undefined {
  if (link.peerIndex === undefined) return undefined
  const others = all.filter(namespace => (namespace !== here) === link.peerElsewhere)
  const ends = others.flatMap(namespace => namespace.links
    .filter(end => end.index === link.peerIndex && end.peerIndex === link.index && end.peerElsewhere === link.peerElsewhere)
    .map(end => ({ namespace, end })))
  const named = ends.filter(({ namespace }) => namespace.named === link.peerNamed)
  // The other end may know this place by a name.
  const known = ends.filter(({ end }) => end.peerNamed !== undefined && end.peerNamed === here.named)
  const [found, ...more] = ends.length === 1 ? ends : named.length === 1 && link.peerNamed !== undefined ? named : known
  return found === undefined || more.length > 0 ? undefined : { place: found.namespace.place, link: found.end.name }
}
