// Who may reach whom on which port: every pod, every other pod and every Service, as the objects have it.
import type { Namespace, Objects, Pod, Protocol, Service, ServicePort } from './objects.ts'
import { decide, decideBetween, nameOf, type Decision } from './policy.ts'
import { behind, endpointsFor } from './service.ts'

export interface Port {
  readonly protocol: Protocol
  readonly port: number
}

/** `some`: a Service of whose endpoints only some may be reached. `none`: a Service with nobody behind it. */
export type Outcome = Decision['outcome'] | 'some' | 'none'

export interface Cell {
  /** `namespace/name` of the pod that asks. */
  readonly from: string
  readonly to: string
  readonly outcome: Outcome
  readonly because: string
  /** The policies that decide. */
  readonly by: readonly string[]
}

/** One port of the pods. */
export interface PodTable extends Port {
  readonly pods: readonly string[]
  readonly cells: readonly Cell[]
}

const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP']

/** `8080`, `53/UDP`. */
export function portOf(text: string): Port | undefined {
  const [number = '', name = 'TCP', ...more] = text.split('/')
  const protocol = PROTOCOLS.find(one => one === name.toUpperCase())
  const port = Number(number)
  return !/^\d+$/.test(number) || port < 1 || port > 65_535 || protocol === undefined || more.length > 0 ? undefined : { protocol, port }
}

/** All ports of the Services. */
export interface ServiceTable {
  readonly services: readonly { readonly name: string; readonly port: Port; readonly clusterIP: string | undefined; readonly endpoints: readonly string[] }[]
  readonly cells: readonly Cell[]
}

export interface Table {
  readonly pods: readonly PodTable[]
  readonly services: ServiceTable
}

/** The ports: those asked for, or all that containers declare, policies name and Services lead to. */
export function tableOf(objects: Objects, asked?: readonly Port[]): Table {
  const ports = asked ?? portsOf(objects)
  return {
    pods: ports.map(port => ({ ...port, pods: objects.pods.map(nameOf), cells: podCells(objects, port) })),
    services: serviceTable(objects),
  }
}

function podCells({ pods, policies, namespaces }: Objects, port: Port): readonly Cell[] {
  return pods.flatMap(from => pods.map(to => ({ from: nameOf(from), to: nameOf(to), ...decide({ from, to, ...port }, policies, namespaces) })))
}

function serviceTable(objects: Objects): ServiceTable {
  const all = objects.services.flatMap(service => service.ports.map(port => ({ service, port })))
  return {
    services: all.map(({ service, port }) => {
      const found = behind(service, port, objects)
      return {
        name: titleOf(service, port), port: { protocol: port.protocol, port: port.port }, clusterIP: service.clusterIP,
        endpoints: found.known ? found.endpoints.map(endpoint => `${nameOf(endpoint.pod)}:${endpoint.port}`) : [],
      }
    }),
    cells: objects.pods.flatMap(from => all.map(({ service, port }) => ({ from: nameOf(from), to: titleOf(service, port), ...reach(from, service, port, objects) }))),
  }
}

export function titleOf(service: Service, port: ServicePort): string {
  return `${service.namespace}/${service.name}:${port.port}${port.protocol === 'TCP' ? '' : `/${port.protocol}`}`
}

/** The address of a Service is rewritten before policies are asked: what counts is the endpoint and its port. */
function reach(from: Pod, service: Service, port: ServicePort, objects: Objects): { outcome: Outcome; because: string; by: readonly string[] } {
  const found = behind(service, port, objects)
  if (!found.known) return { outcome: 'unknown', because: found.because, by: [] }
  if (found.endpoints.length === 0) return { outcome: 'none', because: `no pod that is ready is behind ${titleOf(service, port)}`, by: [] }
  const local = endpointsFor(service, from, found.endpoints)
  if (local === undefined) return { outcome: 'unknown', because: `internalTrafficPolicy is Local, and not every pod has a spec.nodeName`, by: [] }
  if (local.length === 0) return { outcome: 'none', because: `internalTrafficPolicy is Local, and no endpoint is on ${from.node ?? 'the same node'}`, by: [] }
  const decisions = local.map(({ pod, protocol, port: number }): Decision => {
    const decision = decideBetween({ from, to: pod, protocol, port: number }, objects.policies, objects.namespaces)
    // Whether policies hold before or after an address is rewritten is not specified, and so not whether this is a pod that asks itself.
    return nameOf(pod) !== nameOf(from) || decision.outcome === 'allowed' ? decision
      : { ...decision, outcome: 'unspecified', because: `a pod cannot block itself, and whether it is itself that it asks by a Service is the plugin's to say: ${decision.because}` }
  })
  const refused = decisions.filter(({ outcome }) => outcome !== 'allowed')
  const [first = { outcome: 'allowed' as const, because: '', by: [] }] = refused.length > 0 ? refused : decisions
  if (refused.length === 0 || refused.length === decisions.length) return first
  const which = local.filter((_, index) => decisions[index]?.outcome !== 'allowed').map(({ pod }) => nameOf(pod))
  return { outcome: 'some', because: `not ${which.join(', ')}: ${first.because}`, by: first.by }
}

function portsOf(objects: Objects): readonly Port[] {
  const { pods, services, policies } = objects
  const named = [
    ...pods.flatMap(pod => pod.ports),
    ...policies.flatMap(policy => [...policy.ingress, ...policy.egress]).flatMap(rule => rule.ports)
      .flatMap(({ protocol, port, endPort }) => typeof port === 'number' ? [{ protocol, port }, ...(endPort === undefined ? [] : [{ protocol, port: endPort }])] : []),
    ...services.flatMap(service => service.ports.flatMap(port => {
      const found = behind(service, port, objects)
      return found.known ? found.endpoints : []
    })),
  ].map(({ protocol, port }) => ({ protocol, port }))
  return named.filter((one, index) => named.findIndex(other => other.protocol === one.protocol && other.port === one.port) === index)
    .toSorted((a, b) => a.protocol.localeCompare(b.protocol) || a.port - b.port)
}

/** Tables that say the same of every pair, told once. */
export function alike(tables: readonly PodTable[]): readonly { readonly ports: readonly Port[]; readonly table: PodTable }[] {
  const groups = new Map<string, { ports: Port[]; table: PodTable }>()
  for (const table of tables) {
    const key = JSON.stringify(table.cells)
    const group = groups.get(key) ?? { ports: [], table }
    group.ports.push({ protocol: table.protocol, port: table.port })
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** Namespaces that pods or policies are in and no file describes: their labels can only be guessed. */
export function undescribed({ pods, policies, namespaces }: Objects): readonly string[] {
  const described = new Set(namespaces.map((namespace: Namespace) => namespace.name))
  return [...new Set([...pods, ...policies].map(({ namespace }) => namespace))].filter(name => !described.has(name)).toSorted()
}
