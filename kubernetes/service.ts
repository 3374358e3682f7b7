// Which pods answer for a Service: core/v1, https://kubernetes.io/docs/reference/networking/virtual-ips/
import type { EndpointSlice, Objects, Pod, Protocol, Service, ServicePort } from './objects.ts'
import { selects } from './selector.ts'

export interface Endpoint {
  readonly pod: Pod
  readonly protocol: Protocol
  /** The pod's port, which is where policies apply. */
  readonly port: number
}

export type Endpoints =
  | { readonly known: true; readonly endpoints: readonly Endpoint[] }
  /** Written by somebody else than the controller that follows selectors. */
  | { readonly known: false; readonly because: string }

/** Who can be behind one port of a Service. Pods that are not ready are left out, unless the Service publishes them. */
export function endpointsOf(service: Service, port: ServicePort, pods: readonly Pod[]): Endpoints {
  if (service.type === 'ExternalName') return { known: false, because: `${service.namespace}/${service.name} is another name in DNS, and has no endpoints` }
  const { selector } = service
  if (selector === undefined) return { known: false, because: `${service.namespace}/${service.name} has no selector: its EndpointSlices are written by hand` }
  const requirements = Object.entries(selector).map(([key, value]) => ({ key, operator: 'In' as const, values: [value] }))
  const endpoints = pods
    .filter(pod => pod.namespace === service.namespace && selects(requirements, pod.labels) && !pod.ended && ((pod.ready && !pod.terminating) || service.publishNotReadyAddresses))
    .flatMap(pod => {
      const number = typeof port.targetPort === 'number' ? port.targetPort
        : pod.ports.find(one => one.name === port.targetPort && one.protocol === port.protocol)?.port
      // A pod that has no port of the name is no endpoint of this port.
      return number === undefined ? [] : [{ pod, protocol: port.protocol, port: number }]
    })
  return { known: true, endpoints }
}

/** Those that a client's own node sends it to. Undefined: which node it is on is not known. */
export function endpointsFor(service: Service, client: Pod, endpoints: readonly Endpoint[]): readonly Endpoint[] | undefined {
  if (service.internalTrafficPolicy === 'Cluster') return endpoints
  if (client.node === undefined || endpoints.some(({ pod }) => pod.node === undefined)) return undefined
  return endpoints.filter(({ pod }) => pod.node === client.node)
}

/** Those that traffic goes to: pods, as policies are about pods. */
export function behind(service: Service, port: ServicePort, objects: Objects): Endpoints {
  if (!objects.slices.some(slice => isOf(slice, service))) {
    const found = endpointsOf(service, port, objects.pods)
    if (!found.known || found.endpoints.length > 0) return found
  }
  const backends = usable(backendsOf(service, port, objects))
  const endpoints = backends.flatMap(({ address, port: number }) => {
    const pod = objects.pods.find(one => one.address === address)
    return pod === undefined ? [] : [{ pod, protocol: port.protocol, port: number }]
  })
  const stranger = backends.find(({ address }) => !objects.pods.some(pod => pod.address === address))
  return stranger === undefined ? { known: true, endpoints } : { known: false, because: `${stranger.address}, an endpoint of ${service.namespace}/${service.name}, is no pod's address` }
}

/** Who can be behind one port of a Service, ready or not. */
export interface Backend {
  readonly address: string
  readonly port: number
  readonly node: string | undefined
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

/** From its EndpointSlices; where there is none, from the pods that it selects, as the controller would write them. */
export function backendsOf(service: Service, port: ServicePort, { slices, pods }: Objects): readonly Backend[] {
  const own = slices.filter(slice => isOf(slice, service))
  if (own.length === 0) return fromPods(service, port, pods)
  const all = own.flatMap(slice => {
    const found = slice.ports.find(one => one.name === port.name && one.protocol === port.protocol)?.port
    return found === undefined ? [] : slice.endpoints.flatMap(({ addresses: [address], node, ready, serving, terminating }): readonly Backend[] =>
      address === undefined ? [] : [{ address, port: found, node, ready, serving, terminating }])
  })
  // While an endpoint moves from one slice to another it may be in both.
  return all.filter((one, index) => all.findIndex(other => other.address === one.address && other.port === one.port) === index)
}

function fromPods(service: Service, port: ServicePort, pods: readonly Pod[]): readonly Backend[] {
  const found = endpointsOf({ ...service, publishNotReadyAddresses: true }, port, pods)
  return (found.known ? found.endpoints : []).flatMap(({ pod, port: number }): readonly Backend[] => {
    const { address, node, ready, terminating, ended } = pod
    if (address === undefined || ended) return []
    return [{ address, port: number, node, ready: service.publishNotReadyAddresses || (ready && !terminating), serving: service.publishNotReadyAddresses || ready, terminating }]
  })
}

/** Those that are ready; if none is, those that are ending and still serve. */
export function usable(backends: readonly Backend[]): readonly Backend[] {
  const ready = backends.filter(backend => backend.ready)
  return ready.length > 0 ? ready : backends.filter(({ serving, terminating }) => serving && terminating)
}

function isOf(slice: EndpointSlice, service: Service): boolean {
  return slice.namespace === service.namespace && slice.service === service.name && slice.addressType === 'IPv4'
}
