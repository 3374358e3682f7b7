// What NetworkPolicy says of one connection: networking.k8s.io/v1,
// https://kubernetes.io/docs/concepts/services-networking/network-policies/
import { list } from '../runner/core/quoted.ts'
import { contains, parseRange } from './address.ts'
import type { Namespace, NetworkPolicy, Peer, Pod, PolicyPort, PolicyType, Protocol, Rule } from './objects.ts'
import { selects } from './selector.ts'

export interface Connection {
  readonly from: Pod | Outside
  readonly to: Pod | Outside
  readonly protocol: Protocol
  /** The port of the pod, not that of a Service: policies hold after the Service's address was rewritten. */
  readonly port: number
}

/** An address that is no pod's. */
export interface Outside {
  readonly address: string
}

export interface Decision {
  /**
   * `unspecified`: the specification leaves it to the plugin. `unknown`: it would be decided by an address, and the pod has
   * none yet.
   */
  readonly outcome: 'allowed' | 'denied' | 'unspecified' | 'unknown'
  /** One sentence. */
  readonly because: string
  /** The policies that decide, as `namespace/name`. None: no policy has a say. */
  readonly by: readonly string[]
}

/** Both ends have a say: what leaves one has to be let in by the other. */
export function decide(connection: Connection, policies: readonly NetworkPolicy[], namespaces: readonly Namespace[]): Decision {
  const { from, to } = connection
  if (isPod(from) && isPod(to) && from.namespace === to.namespace && from.name === to.name) {
    return { outcome: 'allowed', because: 'a pod cannot block itself', by: [] }
  }
  return decideBetween(connection, policies, namespaces)
}

/** As if the two ends were never one and the same pod. */
export function decideBetween(connection: Connection, policies: readonly NetworkPolicy[], namespaces: readonly Namespace[]): Decision {
  const { from, to } = connection
  const directions = [
    ...isPod(from) ? [oneWay('Egress', from, to, connection, policies, namespaces)] : [],
    ...isPod(to) ? [oneWay('Ingress', to, from, connection, policies, namespaces)] : [],
  ]
  const decisive = ORDER.map(outcome => directions.find(direction => direction.outcome === outcome)).find(found => found !== undefined)
  if (decisive === undefined) return { outcome: 'allowed', because: 'neither end is a pod', by: [] }
  if (decisive.outcome !== 'allowed') return decisive
  const named = directions.filter(direction => direction.by.length > 0)
  return named.length === 0 ? { outcome: 'allowed', because: directions.length > 1 ? 'no policy selects either of them' : decisive.because, by: [] }
    : { outcome: 'allowed', because: named.map(({ because }) => because).join('; '), by: named.flatMap(({ by }) => by) }
}

/** A refusal of one end is final, whatever is not known of the other. */
const ORDER = ['denied', 'unspecified', 'unknown', 'allowed'] as const

/** What the pod's own side says: `Egress` where it speaks first, `Ingress` where it is spoken to. */
function oneWay(
  type: PolicyType, pod: Pod, other: Pod | Outside, connection: Connection, policies: readonly NetworkPolicy[], namespaces: readonly Namespace[],
): Decision {
  const way = type.toLowerCase()
  const isolating = policies.filter(policy => policy.namespace === pod.namespace && policy.policyTypes.includes(type) && selects(policy.podSelector, pod.labels))
  if (isolating.length === 0) return { outcome: 'allowed', because: `no policy selects ${nameOf(pod)} for ${way}`, by: [] }
  if (pod.hostNetwork) {
    return { outcome: 'unspecified', because: `${nameOf(pod)} is on its node's own network: what a policy means for it is the plugin's to say`, by: isolating.map(idOf) }
  }
  const judged = isolating.flatMap(policy => rulesOf(policy, type).map((rule, index) => ({ policy, index, match: matches(rule, policy, other, connection, namespaces) })))
  // The union: one rule of one policy is enough.
  const allowing = judged.find(({ match }) => match === 'yes')
  if (allowing !== undefined) {
    return { outcome: 'allowed', because: `${idOf(allowing.policy)} allows it (${way}[${allowing.index}])`, by: [idOf(allowing.policy)] }
  }
  const open = judged.find(({ match }) => match === 'unknown' || match === 'unspecified')
  if (open?.match === 'unspecified') {
    return { outcome: 'unspecified', because: `${way}[${open.index}] of ${idOf(open.policy)} is about pods, and ${isPod(other) ? nameOf(other) : other.address} is on its node's own network`, by: [idOf(open.policy)] }
  }
  if (open !== undefined) {
    return { outcome: 'unknown', because: `${way}[${open.index}] of ${idOf(open.policy)} goes by address, and ${isPod(other) ? nameOf(other) : other.address} has no status.podIP`, by: [idOf(open.policy)] }
  }
  // Whatever else holds, a pod's own node reaches it; whether a pod on the node's network counts as the node is the plugin's to say.
  if (type === 'Ingress' && isPod(other) && other.hostNetwork && (other.node === undefined || pod.node === undefined || other.node === pod.node)) {
    return { outcome: 'unspecified', because: `${nameOf(other)} is on its node's own network, and may count as the node itself`, by: isolating.map(idOf) }
  }
  const who = isolating.map(idOf)
  const none = isolating.every(policy => rulesOf(policy, type).length === 0)
  const several = isolating.length > 1
  const because = none
    ? `${list(who)} ${several ? 'isolate' : 'isolates'} ${nameOf(pod)} for ${way}, and ${several ? 'have' : 'has'} no rule for it`
    : `${list(who)} ${several ? 'isolate' : 'isolates'} ${nameOf(pod)} for ${way}, and no rule matches`
  return { outcome: 'denied', because, by: who }
}

function rulesOf(policy: NetworkPolicy, type: PolicyType): readonly Rule[] {
  return type === 'Ingress' ? policy.ingress : policy.egress
}

type Match = 'yes' | 'no' | 'unknown' | 'unspecified'

/** Peers and ports both have to match, each by one entry of theirs; an empty list is every peer, every port. */
function matches(rule: Rule, policy: NetworkPolicy, other: Pod | Outside, connection: Connection, namespaces: readonly Namespace[]): Match {
  const reached = connection.to
  if (rule.ports.length > 0 && !rule.ports.some(port => isPort(port, connection, reached))) return 'no'
  if (rule.peers.length === 0) return 'yes'
  const found = rule.peers.map(peer => isPeer(peer, policy, other, namespaces))
  return (['yes', 'unspecified', 'unknown'] as const).find(match => found.includes(match)) ?? 'no'
}

function isPort({ protocol, port, endPort }: PolicyPort, connection: Connection, reached: Pod | Outside): boolean {
  if (protocol !== connection.protocol) return false
  if (port === undefined) return true
  // A name means what the pod that is reached calls so: nothing, where that is no pod.
  if (typeof port === 'string') {
    return isPod(reached) && reached.ports.some(one => one.name === port && one.protocol === protocol && one.port === connection.port)
  }
  return port <= connection.port && connection.port <= (endPort ?? port)
}

function isPeer(peer: Peer, policy: NetworkPolicy, other: Pod | Outside, namespaces: readonly Namespace[]): Match {
  if ('ipBlock' in peer) {
    const { address } = other
    if (address === undefined) return 'unknown'
    const within = (text: string): boolean => {
      const range = parseRange(text)
      return range !== undefined && contains(range, address)
    }
    return within(peer.ipBlock.cidr) && !peer.ipBlock.except.some(within) ? 'yes' : 'no'
  }
  if (!isPod(other)) return 'no'
  const { podSelector, namespaceSelector } = peer
  const inNamespace = namespaceSelector === undefined
    ? other.namespace === policy.namespace
    : selects(namespaceSelector, labelsOf(other.namespace, namespaces))
  if (!inNamespace || (podSelector !== undefined && !selects(podSelector, other.labels))) return 'no'
  return other.hostNetwork ? 'unspecified' : 'yes'
}

/** A namespace that no file describes still has its name as a label. */
function labelsOf(name: string, namespaces: readonly Namespace[]): Namespace['labels'] {
  return namespaces.find(namespace => namespace.name === name)?.labels ?? { 'kubernetes.io/metadata.name': name }
}

export function isPod(end: Pod | Outside): end is Pod {
  return 'namespace' in end
}

export function nameOf(pod: Pod): string {
  return `${pod.namespace}/${pod.name}`
}

function idOf(policy: NetworkPolicy): string {
  return `${policy.namespace}/${policy.name}`
}
