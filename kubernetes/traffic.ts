// Who answers for a Service, and whom does that one see: https://kubernetes.io/docs/reference/networking/virtual-ips/, the traffic
// policies of core/v1, and KEP-1669 for endpoints that are ending. IPv4.
import { contains, parseRange } from './address.ts'
import type { Objects, Protocol, Service, ServicePort } from './objects.ts'
import { backendsOf, usable, type Backend } from './service.ts'

export type Client =
  /** A pod with an address of its own. */
  | { readonly kind: 'pod'; readonly address: string; readonly node: string }
  /** A node of the cluster itself, or a pod on its network. */
  | { readonly kind: 'node'; readonly node: string }
  /** A machine that is none of them. */
  | { readonly kind: 'outside'; readonly address: string }

/** What was asked for: an address of the Service, or a node and the Service's port there. */
export type Asked =
  | { readonly at: 'clusterIP' }
  | { readonly at: 'nodePort'; readonly node: string }
  /** One of `spec.externalIPs` or of the load balancer; `node` is the one that the packet comes to. */
  | { readonly at: 'external'; readonly address: string; readonly node: string }

export interface Candidate {
  readonly backend: Backend
  /** Whose address it sees: the client's own, or one of a node's, of which node. */
  readonly sees: 'client' | { readonly node: string }
}

export type Traffic =
  | { readonly outcome: 'answered'; readonly by: readonly Candidate[]; readonly because: string }
  /** At once: a reset or "port unreachable". */
  | { readonly outcome: 'refused'; readonly because: string }
  /** Nothing comes back: somebody else could answer, and must not. */
  | { readonly outcome: 'dropped'; readonly because: string }
  /** No such address or port is the Service's, or the specification leaves it open. */
  | { readonly outcome: 'unspecified'; readonly because: string }

/** What becomes of a first connection. */
export function trafficOf(service: Service, port: ServicePort, client: Client, asked: Asked, objects: Objects): Traffic {
  const name = `${service.namespace}/${service.name}`
  const missing = notThere(service, port, asked)
  if (missing !== undefined) return { outcome: 'unspecified', because: missing }
  const all = backendsOf(service, port, objects)
  const cluster = usable(all)
  if (cluster.length === 0) return { outcome: 'refused', because: `${name} has no endpoint that is ready` }
  if (asked.at === 'clusterIP') {
    if (client.kind === 'outside') return { outcome: 'unspecified', because: 'a clusterIP is for clients in the cluster' }
    if (service.internalTrafficPolicy === 'Cluster') return answered(cluster, candidate => seenInside(client, candidate), `internalTrafficPolicy of ${name} is Cluster`)
    const local = usable(all.filter(backend => backend.node === client.node))
    // As if it had no endpoints, for this node: whether a word or silence says so is the proxy's choice.
    if (local.length === 0) return { outcome: 'dropped', because: `internalTrafficPolicy of ${name} is Local, and no endpoint is on ${client.node}` }
    return answered(local, candidate => seenInside(client, candidate), `internalTrafficPolicy of ${name} is Local`)
  }
  if (asked.at === 'external' && !admitted(service, asked.address, client)) {
    return client.kind === 'outside' ? { outcome: 'dropped', because: `loadBalancerSourceRanges of ${name} do not have ${client.address}` }
      : { outcome: 'unspecified', because: `whether loadBalancerSourceRanges of ${name} are about clients within the cluster is the proxy's to say` }
  }
  if (service.externalTrafficPolicy === 'Cluster') return answered(cluster, () => ({ node: asked.node }), `externalTrafficPolicy of ${name} is Cluster`)
  if (client.kind !== 'outside') return fromInside(service, client, asked, cluster)
  const local = usable(all.filter(backend => backend.node === asked.node))
  if (local.length === 0) return { outcome: 'dropped', because: `externalTrafficPolicy of ${name} is Local, and no endpoint is on ${asked.node}` }
  return answered(local, () => 'client', `externalTrafficPolicy of ${name} is Local`)
}

/** Why the Service does not have what is asked for. */
function notThere(service: Service, port: ServicePort, asked: Asked): string | undefined {
  const name = `${service.namespace}/${service.name}`
  if (service.type === 'ExternalName') return `${name} is another name in DNS, and has no address`
  if (asked.at === 'clusterIP') return service.clusterIP === undefined || service.clusterIP === 'None' ? `${name} has no clusterIP` : undefined
  if (asked.at === 'nodePort') return port.nodePort === undefined ? `port ${port.port} of ${name} has no nodePort` : undefined
  return [...service.externalIPs, ...service.loadBalancerIPs].includes(asked.address) ? undefined : `${asked.address} is no address of ${name}`
}

/** Ranges are about the load balancer's addresses alone; none is everybody. */
function admitted({ loadBalancerSourceRanges: ranges, loadBalancerIPs }: Service, address: string, client: Client): boolean {
  return ranges.length === 0 || !loadBalancerIPs.includes(address) || ranges.some(text => {
    const range = parseRange(text)
    return range !== undefined && client.kind !== 'node' && contains(range, client.address)
  })
}

/**
 * From within the cluster an external address always means all endpoints; a node's port may mean those of that node only. Whose
 * address is seen is not specified.
 */
function fromInside(service: Service, client: Exclude<Client, { kind: 'outside' }>, asked: Exclude<Asked, { at: 'clusterIP' }>, cluster: readonly Backend[]): Traffic {
  const name = `${service.namespace}/${service.name}`
  if (asked.at === 'nodePort') return { outcome: 'unspecified', because: `externalTrafficPolicy of ${name} is Local, and whether a node's port leads clients within the cluster only to that node's endpoints is the proxy's to say` }
  return answered(cluster, candidate => client.kind === 'pod' && candidate.address !== client.address ? 'client' : { node: client.node }, `to clients within the cluster ${asked.address} means all endpoints of ${name}`)
}

/** The client's own address. But whoever asks itself has to be answered through the node, which is seen then; and of a node any address is its own. */
function seenInside(client: Exclude<Client, { kind: 'outside' }>, { address }: Backend): Candidate['sees'] {
  return client.kind === 'pod' && client.address !== address ? 'client' : { node: client.node }
}

function answered(backends: readonly Backend[], sees: (backend: Backend) => Candidate['sees'], because: string): Traffic {
  return { outcome: 'answered', because, by: backends.map(backend => ({ backend, sees: sees(backend) })) }
}

/**
 * Who may answer the next connection of a client that `last` answered, so many seconds ago: with `sessionAffinity: ClientIP` the same one,
 * as long as it can and the time is not up; whoever may otherwise.
 */
export function nextOf(service: Service, traffic: Traffic, last: Pick<Backend, 'address' | 'port'>, secondsAgo: number): readonly Candidate[] {
  if (traffic.outcome !== 'answered') return []
  const same = traffic.by.filter(({ backend }) => backend.address === last.address && backend.port === last.port)
  return service.affinitySeconds !== undefined && secondsAgo < service.affinitySeconds && same.length > 0 ? same : traffic.by
}

/** The Service and its port that a number of a node leads to. */
export function byNodePort({ services }: Objects, nodePort: number, protocol: Protocol): { readonly service: Service; readonly port: ServicePort } | undefined {
  return services.flatMap(service => service.ports.map(port => ({ service, port }))).find(({ port }) => port.nodePort === nodePort && port.protocol === protocol)
}
