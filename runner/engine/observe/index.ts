// Looks at all nodes of a lab at once, and finds who is joined to whom.
import { readJson, records, text, whole } from '../../../checks/read/json.ts'
import type { LinkEnd, MovedEnd, Observed, ObservedLink } from '../../core/observed.ts'
import type { Node } from '../../core/provider.ts'
import type { Topology } from '../../core/topology.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { readObserved, type SeenLink, type SeenNamespace } from './read.ts'

const OBSERVE = ['/usr/local/lib/hardway/observe']

const FABRIC = ['ip', '-j', 'link']

/** One command a node, and one for the fabric. */
export async function observe(nodes: readonly Node[], topology: Topology): Promise<Observed> {
  const [fabric, ...printed] = await Promise.all([fabricOf(nodes), ...topology.nodes.map(async ({ name }) => {
    const node = nodes.find(one => one.name === name)
    if (node === undefined) throw new CouldNotLook(`${name} is not running: \`npx lab reset\` starts the lab anew`)
    const evidence = await node.exec(OBSERVE, { maxBytes: 8 << 20 })
    if (evidence.exitCode !== 0) throw new CouldNotLook(`could not see what ${name} holds`, evidence)
    return { name, printed: evidence.stdout }
  })])
  return joined(topology, printed, fabric)
}

/** Nothing where it cannot be looked at: then ends that were moved are not known again. */
async function fabricOf(nodes: readonly Node[]): Promise<string> {
  const links = await nodes.find(({ name }) => name === 'fabric')?.exec(FABRIC).catch(() => undefined)
  return links?.exitCode === 0 ? links.stdout : '[]'
}

/** Pure: what each node printed, as one network; `fabric`: the links there, as JSON. */
export function joined(topology: Topology, printed: readonly { readonly name: string; readonly printed: string }[], fabric = '[]'): Observed {
  const ports = fabricPorts(fabric)
  return {
    nodes: printed.map(({ name, printed: text }) => {
      const namespaces = readObserved(name, text)
      const wires = topology.nodes.find(node => node.name === name)?.interfaces ?? []
      return {
        name,
        namespaces: namespaces.map(namespace => ({
          ...namespace,
          links: namespace.links.map(({ peerIndex, peerNamed, peerElsewhere, lowerIndex, ...link }): ObservedLink => {
            const segment = namespace.own ? wires.find(wire => wire.name === link.name)?.segment : undefined
            // The other end of a wire is in the fabric, which is not looked at.
            const peer = segment === undefined ? peerOf(namespaces, namespace, { ...link, peerIndex, peerNamed, peerElsewhere, lowerIndex }) : undefined
            const moved = namespace.own || peer !== undefined ? undefined : movedEnd(topology, name, ports, { peerIndex, peerElsewhere, index: link.index })
            const lower = lowerIndex === undefined ? undefined : lowerOf(namespaces, namespace, lowerIndex, peerElsewhere)
            return { ...link, peer, segment, ...(moved === undefined ? {} : { moved }), ...(lower === undefined ? {} : { lower }) }
          }),
        })),
      }
    }),
  }
}

/** In the node itself, if it is elsewhere: parts of what is in a pod are handed to nobody. */
function lowerOf(all: readonly SeenNamespace[], here: SeenNamespace, index: number, elsewhere: boolean): LinkEnd | undefined {
  const at = elsewhere ? all.find(({ own }) => own) : here
  const link = at?.links.find(one => one.index === index)
  return at === undefined || link === undefined || (elsewhere && at === here) ? undefined : { place: at.place, link: link.name }
}

interface FabricPort {
  readonly name: string
  readonly index: number | undefined
  readonly peerIndex: number | undefined
  readonly segment: string | undefined
}

function fabricPorts(printed: string): readonly FabricPort[] {
  return records(readJson(printed)).map(link => ({
    name: text(link['ifname']) ?? '', index: whole(link['ifindex']), peerIndex: whole(link['link_index']), segment: text(link['master']),
  }))
}

/** Both ends name each other by number; every node counts from one, so the name in the fabric says whose it is. */
function movedEnd({ nodes, segments }: Topology, node: string, ports: readonly FabricPort[], end: Pick<SeenLink, 'peerIndex' | 'peerElsewhere' | 'index'>): MovedEnd | undefined {
  if (!end.peerElsewhere || end.peerIndex === undefined) return undefined
  const found = ports.find(port => port.index === end.peerIndex && port.peerIndex === end.index)
  if (found?.segment === undefined || segments.every(({ name }) => name !== found.segment)) return undefined
  const own = found.name.startsWith(`${node}-`) || found.name.startsWith(`n${nodes.findIndex(({ name }) => name === node)}-`)
  return own ? { segment: found.segment, fabric: found.name } : undefined
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
