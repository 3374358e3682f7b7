// What the kernels hold, as boxes and wires. Pure; how large they are and where they stand is the layout's.
import { OF_A_LOOK, type Observed, type ObservedChain, type ObservedLink, type ObservedNamespace, type ObservedNode, type ObservedRoute } from '../../runner/core/observed.ts'
import { shortNames } from '../../runner/core/short-names.ts'

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly segments: readonly Box[]
  readonly wires: readonly Wire[]
}

export interface GraphNode {
  readonly name: string
  /** Short facts beside its name: `forwards`. */
  readonly facts: readonly Line[]
  readonly boxes: readonly Box[]
}

export interface Box {
  /** Stays the same for the same thing: `node1/red`, `node1 cni0`, `node1 routes`. */
  readonly id: string
  readonly kind: 'namespace' | 'bridge' | 'link' | 'tunnel' | 'routes' | 'rules' | 'segment'
  readonly title: string
  readonly lines: readonly Line[]
  readonly down: boolean
  /** The command that shows it. */
  readonly command: string
}

/** A line of text; what was not there before stands out. */
export interface Line {
  readonly id: string
  readonly text: string
}

export interface Wire {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly kind: 'veth' | 'segment' | 'over'
  /** The name of the end that has no box of its own. */
  readonly label: string | undefined
  readonly down: boolean
  readonly command: string
  /** The name in the fabric of its end there, where its other end does not say it. */
  readonly fabric?: string
}

const MOST_LINES = 7
const MOST_OF_A_POD = 14

export function graphOf(observed: Observed, segments: readonly string[]): Graph {
  const nodes = observed.nodes.map(withoutVisitors)
  return {
    nodes: nodes.map(graphNode),
    segments: segments.map(name => ({ id: `segment ${name}`, kind: 'segment', title: name, lines: [], down: false, command: '' })),
    wires: nodes.flatMap(wiresOf),
  }
}

/** Which box or wire an interface is drawn as: where a trace passes. */
export function whereIs(graph: Graph, place: string, device: string): { readonly box: string } | { readonly wire: string } | undefined {
  if (place === 'fabric') {
    const wire = graph.wires.find(one => one.kind === 'segment' && (one.fabric ?? fabricName(one.from)) === device)
    if (wire !== undefined) return { wire: wire.id }
    return graph.segments.some(one => one.title === device) ? { box: `segment ${device}` } : undefined
  }
  const boxes = graph.nodes.flatMap(node => node.boxes)
  const own = boxes.find(box => box.id === `${place} ${device}`)
  if (own !== undefined) return { box: own.id }
  const wire = graph.wires.find(one => one.id === `${place} ${device}`)
  if (wire !== undefined) return { wire: wire.id }
  return boxes.some(box => box.id === place) ? { box: place } : undefined
}

function withoutVisitors({ name, namespaces }: ObservedNode): ObservedNode {
  const visiting = new Set(namespaces.flatMap(({ links }) => links.filter(link => link.name.startsWith(OF_A_LOOK)).flatMap(link => link.peer?.place ?? [])))
  return {
    name,
    namespaces: namespaces.filter(({ own, named, place, links }) => own || (!visiting.has(place) && (named !== undefined || links.some(link => link.name !== 'lo')))).map(namespace => ({
      ...namespace,
      links: namespace.links.filter(link => !link.name.startsWith(OF_A_LOOK))
        .map(link => link.bridge === undefined ? link : { ...link, bridge: { ...link.bridge, ports: link.bridge.ports.filter(port => !port.startsWith(OF_A_LOOK)) } }),
    })),
  }
}

/** The name in the fabric of a node's interface says both. */
function fabricName(box: string): string {
  return box.replace(' ', '-')
}

function graphNode({ name, namespaces }: ObservedNode): GraphNode {
  const own = namespaces.find(namespace => namespace.own)
  const others = namespaces.filter(namespace => !namespace.own)
  const forward = own?.settings['net.ipv4.ip_forward']
  return {
    name,
    facts: forward === undefined ? [] : [{ id: `${name} ip_forward ${forward}`, text: `ip_forward ${forward}` }],
    boxes: [...others.map(namespaceBox), ...own === undefined ? [] : ownBoxes(own)],
  }
}

/** A namespace that is not the node's: one box, whatever is in it. */
function namespaceBox(namespace: ObservedNamespace): Box {
  const links = namespace.links.filter(link => link.name !== 'lo')
  const lines = [
    ...links.flatMap(link => (link.addresses.length > 0 ? link.addresses : [`${link.name}, no address`]).map(address => `${address}${link.addresses.length > 0 && links.length > 1 ? ` ${link.name}` : ''}${link.up ? '' : ' down'}`)),
    ...namespace.routes.filter(route => route.protocol !== 'kernel').map(routeText),
    ...rulesOf(namespace.chains),
  ]
  return {
    id: namespace.place, kind: 'namespace', title: shortNames(namespace.named ?? namespace.place.slice(namespace.node.length + 1)),
    // All of its interfaces, as many as a pod has that trains.
    lines: lined(namespace.place, lines, Math.min(Math.max(MOST_LINES, links.length + 3), MOST_OF_A_POD)),
    down: links.length > 0 && links.every(link => !link.up),
    command: namespace.named === undefined ? '' : `ip -n ${namespace.named} addr`,
  }
}

function ownBoxes(own: ObservedNamespace): readonly Box[] {
  const shown = own.links.filter(link => link.name !== 'lo' && !isEnd(link))
  const routes = own.routes.map(routeText)
  const rules = [...own.rules.map(({ text }) => text), ...rulesOf(own.chains)]
  return [
    ...shown.map((link): Box => ({
      id: `${own.place} ${link.name}`, kind: link.bridge !== undefined ? 'bridge' : link.tunnel !== undefined || link.kind === 'tun' || link.kind === 'wireguard' ? 'tunnel' : 'link',
      title: link.name, lines: lined(`${own.place} ${link.name}`, describe(link)), down: !link.up || !link.carrier, command: link.bridge === undefined ? `ip -d addr show ${link.name}` : 'bridge link',
    })),
    ...(routes.length === 0 ? [] : [{ id: `${own.place} routes`, kind: 'routes' as const, title: 'routes', lines: lined(`${own.place} route`, routes), down: false, command: 'ip route show table all' }]),
    ...(rules.length === 0 ? [] : [{ id: `${own.place} rules`, kind: 'rules' as const, title: 'rules', lines: lined(`${own.place} rule`, rules), down: false, command: 'nft list ruleset; ip rule' }]),
  ]
}

/** The node's end of a pod's veth is no more than a name beside the wire. */
function isEnd(link: ObservedLink): boolean {
  return link.kind === 'veth' && link.segment === undefined && link.peer !== undefined && link.addresses.length === 0 && link.peer.place.includes('/')
}

function describe(link: ObservedLink): readonly string[] {
  const tunnel = link.tunnel === undefined ? (link.kind === 'tun' || link.kind === 'wireguard' ? [link.kind] : []) : [[link.tunnel.id === undefined ? undefined : `id ${link.tunnel.id}`, link.tunnel.port === undefined ? undefined : `port ${link.tunnel.port}`].filter(part => part !== undefined).join(' · ')]
  const ports = link.bridge === undefined ? [] : [`bridge, ${link.bridge.ports.length} ${link.bridge.ports.length === 1 ? 'port' : 'ports'}`]
  return [...link.addresses, ...tunnel, ...ports, ...(link.mtu === 1500 ? [] : [`mtu ${link.mtu}`]), ...(link.up ? [] : ['down'])].filter(text => text !== '')
}

function routeText({ table, kind, to, hops }: ObservedRoute): string {
  const way = hops.map(({ via, device }) => [via === undefined ? undefined : `via ${via}`, via === undefined && device !== undefined ? `dev ${device}` : undefined].filter(part => part !== undefined).join(' ')).join(', ')
  return [kind === 'unicast' ? undefined : kind, to, way === '' ? undefined : way, table === 'main' ? undefined : `table ${table}`].filter(part => part !== undefined).join(' ')
}

/** Rules, and policies that are no `accept`. */
function rulesOf(chains: readonly ObservedChain[]): readonly string[] {
  return chains.flatMap(chain => [
    ...(chain.policy === 'drop' ? [`${chain.name}: policy drop`] : []),
    ...chain.rules.map(({ text }) => `${chain.name}: ${text.replace(/^-A \S+ /, '')}`),
  ])
}

function lined(id: string, texts: readonly string[], most = MOST_LINES): readonly Line[] {
  const all = texts.map(text => ({ id: `${id} ${text}`, text }))
  return all.length <= most ? all : [...all.slice(0, most - 1), { id: `${id} more ${all.length}`, text: `and ${all.length - most + 1} more` }]
}

/** Its name, and what is unusual about it as a port. */
function portText({ name, port }: ObservedLink): string {
  const odd = port === undefined ? [] : [...(port.state === 'forwarding' ? [] : [port.state]), ...['isolated', 'hairpin'].filter(flag => port.flags[flag] === true)]
  return [name, ...odd].join(' ')
}

function wiresOf({ name, namespaces }: ObservedNode): readonly Wire[] {
  const own = namespaces.find(namespace => namespace.own)
  if (own === undefined) return []
  const moved = namespaces.flatMap(({ place, links }) => links.flatMap((link): readonly Wire[] => link.moved === undefined ? []
    : [{ id: `${place} ${link.name} wire`, from: place, to: `segment ${link.moved.segment}`, kind: 'segment', label: undefined, down: !link.up, command: `ip link show ${link.name}`, fabric: link.moved.fabric }]))
  const parts = namespaces.flatMap(({ place, links }) => links.flatMap((link): readonly Wire[] => link.lower?.place !== own.place ? []
    : [{ id: `${place} ${link.name} over`, from: place === own.place ? `${place} ${link.name}` : place, to: `${own.place} ${link.lower.link}`, kind: 'over', label: undefined, down: !link.up, command: `ip -d link show ${link.name}` }]))
  return [...moved, ...parts, ...own.links.flatMap((link): readonly Wire[] => {
    const id = `${own.place} ${link.name}`
    if (link.segment !== undefined) return [{ id: `${id} wire`, from: id, to: `segment ${link.segment}`, kind: 'segment', label: undefined, down: !link.up, command: `ip link show ${link.name}` }]
    const over = link.tunnel?.over
    if (over !== undefined && own.links.some(other => other.name === over)) return [{ id: `${id} over`, from: id, to: `${own.place} ${over}`, kind: 'over', label: undefined, down: !link.up, command: `ip -d link show ${link.name}` }]
    if (link.kind !== 'veth' || link.peer === undefined) return []
    const down = !link.up || !link.carrier
    if (isEnd(link)) {
      // A pod's wire leads to the bridge that its end is a port of, or ends in the node itself.
      const to = link.master === undefined ? `${own.place} routes` : `${own.place} ${link.master}`
      return [{ id, from: link.peer.place, to, kind: 'veth', label: portText(link), down, command: `bridge -d link show dev ${link.name}` }]
    }
    // Both ends in the node: one wire for the two.
    if (link.peer.place === own.place) return link.name < link.peer.link ? [{ id: `${id} wire`, from: id, to: `${own.place} ${link.peer.link}`, kind: 'veth', label: undefined, down, command: `ip link show ${link.name}` }] : []
    return [{ id: `${id} wire`, from: link.peer.place, to: id, kind: 'veth', label: undefined, down, command: `ip link show ${link.name}` }]
  }).filter(wire => wire.to !== `${name} routes` || own.routes.length > 0)]
}
