// The names that a cluster's DNS has to answer for: the specification of DNS-based service discovery, version 1.1.0,
// https://github.com/kubernetes/dns/blob/master/docs/specification.md, section 2. IPv4.
import type { Objects, Service } from './objects.ts'
import { endpointsOf } from './service.ts'

export type RecordType = 'A' | 'SRV' | 'PTR' | 'CNAME' | 'TXT'

/** Names are in lower case and without the dot at the end. */
export type DnsRecord =
  | { readonly name: string; readonly type: 'A'; readonly address: string }
  /** A target of undefined: the specification leaves the endpoint's name to the server; it has to have this address. */
  | { readonly name: string; readonly type: 'SRV'; readonly port: number; readonly target: string | undefined; readonly address: string }
  | { readonly name: string; readonly type: 'PTR' | 'CNAME'; readonly target: string }
  | { readonly name: string; readonly type: 'TXT'; readonly text: string }

/** NOERROR without records, "NODATA", says that the name exists and has nothing of this type. */
export interface DnsAnswer {
  readonly code: 'NOERROR' | 'NXDOMAIN'
  readonly records: readonly DnsRecord[]
}

const SCHEMA = '1.1.0'

/**
 * Every record that there must be. A server may have more, and servers do: `a-b-c-d.namespace.pod` for any address is no part of the
 * specification.
 */
export function recordsOf(objects: Objects, zone = 'cluster.local'): readonly DnsRecord[] {
  return [{ name: `dns-version.${zone}`, type: 'TXT', text: SCHEMA }, ...objects.services.flatMap(service => recordsOfService(service, objects, zone))]
}

function recordsOfService(service: Service, objects: Objects, zone: string): readonly DnsRecord[] {
  const name = `${service.name}.${service.namespace}.svc.${zone}`
  if (service.type === 'ExternalName') {
    return service.externalName === undefined ? [] : [{ name, type: 'CNAME', target: service.externalName.toLowerCase().replace(/\.$/, '') }]
  }
  if (service.clusterIP === 'None') return headless(service, objects, name)
  const address = service.clusterIP
  // Without an address the API server has not seen it yet.
  if (address === undefined) return []
  return [
    { name, type: 'A', address }, { name: reverse(address), type: 'PTR', target: name },
    // Ports without a name have no SRV record.
    ...service.ports.flatMap((port): readonly DnsRecord[] => port.name === undefined ? []
      : [{ name: `_${port.name}._${port.protocol.toLowerCase()}.${name}`, type: 'SRV', port: port.port, target: name, address }]),
  ]
}

/** Each endpoint that is ready, and those with a name of their own by that too. */
function headless(service: Service, objects: Objects, name: string): readonly DnsRecord[] {
  // A headless Service may have no ports at all, and has addresses nevertheless.
  const ports = service.ports.length > 0 ? service.ports : [{ name: undefined, protocol: 'TCP' as const, port: 1, targetPort: 1, nodePort: undefined }]
  const records = ports.flatMap(port => {
    const found = endpointsOf(service, port, objects.pods)
    return (found.known ? found.endpoints : []).flatMap(({ pod, port: number }): readonly DnsRecord[] => {
      const { address } = pod
      if (address === undefined) return []
      const own = pod.hostname !== undefined && pod.subdomain === service.name ? `${pod.hostname}.${name}` : undefined
      return [
        { name, type: 'A', address },
        ...(own === undefined ? [] : [{ name: own, type: 'A' as const, address }, { name: reverse(address), type: 'PTR' as const, target: own }]),
        ...(port.name === undefined ? [] : [{ name: `_${port.name}._${port.protocol.toLowerCase()}.${name}`, type: 'SRV' as const, port: number, target: own, address }]),
      ]
    })
  })
  return records.filter((record, index) => records.findIndex(other => JSON.stringify(other) === JSON.stringify(record)) === index)
}

function reverse(address: string): string {
  return `${address.split('.').toReversed().join('.')}.in-addr.arpa`
}

/** What a server that knows just these objects answers. Names outside the zone are not its own, and have no answer here. */
export function answer(objects: Objects, name: string, type: RecordType, zone = 'cluster.local'): DnsAnswer {
  const asked = name.toLowerCase().replace(/\.$/, '')
  const all = recordsOf(objects, zone)
  const own = all.filter(record => record.name === asked)
  // An alias stands in for every type.
  const records = own.filter(record => record.type === type || record.type === 'CNAME')
  // A name below which there are others exists too (RFC 8020).
  const exists = own.length > 0 || all.some(record => record.name.endsWith(`.${asked}`))
  return { code: exists ? 'NOERROR' : 'NXDOMAIN', records }
}

export interface Resolver {
  readonly search: readonly string[]
  readonly ndots: number
}

/** What a pod's `/etc/resolv.conf` says, if its spec says nothing else (`dnsPolicy: ClusterFirst`). */
export function resolverOf(namespace: string, zone = 'cluster.local'): Resolver {
  return { search: [`${namespace}.svc.${zone}`, `svc.${zone}`, zone], ndots: 5 }
}

/** The names that a stub resolver tries, in order, until one has an answer: resolv.conf(5). */
export function tried(name: string, { search, ndots }: Resolver): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const dots = name.split('.').length - 1
  const listed = search.map(suffix => `${name}.${suffix}`)
  return dots >= ndots ? [name, ...listed] : [...listed, name]
}
