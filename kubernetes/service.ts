// Which pods answer for a Service: core/v1, https://kubernetes.io/docs/reference/networking/virtual-ips/
import type { Pod, Protocol, Service, ServicePort } from './objects.ts'
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
