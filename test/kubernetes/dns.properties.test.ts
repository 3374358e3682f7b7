// What is true of the names of any cluster, however its Services and pods are made.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answer, recordsOf, tried, type RecordType } from '../../kubernetes/dns.ts'
import type { Objects, Pod, Service } from '../../kubernetes/objects.ts'
import { readObjects } from '../../kubernetes/read.ts'

const names = fc.constantFrom('a', 'b', 'c')
const spaces = fc.constantFrom('x', 'y')
const port = fc.record({ name: fc.option(fc.constantFrom('http', 'dns'), { nil: undefined }), protocol: fc.constantFrom('TCP' as const, 'UDP' as const), port: fc.integer({ min: 1, max: 65_535 }) })

interface Sketch {
  readonly kind: 'ClusterIP' | 'headless' | 'ExternalName'
  readonly name: string
  readonly namespace: string
  readonly published: boolean
  readonly ports: readonly { readonly name: string | undefined; readonly protocol: 'TCP' | 'UDP'; readonly port: number }[]
}
const service: fc.Arbitrary<Sketch> = fc.record({
  kind: fc.constantFrom('ClusterIP' as const, 'headless' as const, 'ExternalName' as const), name: names, namespace: spaces, published: fc.boolean(),
  ports: fc.uniqueArray(port, { minLength: 1, maxLength: 2, selector: one => one.name ?? '' }).filter(ports =>
    ports.length === 1 || (ports.every(one => one.name !== undefined) && new Set(ports.map(one => `${one.port}/${one.protocol}`)).size === ports.length)),
})
const pod = fc.record({ app: names, namespace: spaces, ready: fc.boolean(), hostname: fc.option(fc.constantFrom('p-0', 'p-1'), { nil: undefined }), subdomain: fc.option(names, { nil: undefined }) })

/** By YAML, as everybody gives them. */
const clusters: fc.Arbitrary<Objects> = fc.record({
  services: fc.uniqueArray(service, { maxLength: 5, selector: one => `${one.namespace}/${one.name}` }), pods: fc.array(pod, { maxLength: 6 }),
}).map(({ services, pods }) => readObjects([{ file: 'a.yaml', text: [
  ...services.map(({ kind, name, namespace, published, ports }, index) => ({
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace },
    spec: kind === 'ExternalName' ? { type: kind, externalName: 'www.example.com' }
      : { clusterIP: kind === 'headless' ? 'None' : `10.96.0.${index + 1}`, selector: { app: name }, publishNotReadyAddresses: published, ports },
  })),
  ...pods.map(({ app, namespace, ready, hostname, subdomain }, index) => ({
    apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${index}`, namespace, labels: { app } }, spec: { hostname, subdomain },
    status: { podIP: `10.244.0.${index + 1}`, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  })),
].map(one => JSON.stringify(one)).join('\n---\n') }]))

const holds = (property: (objects: Objects) => void): void => fc.assert(fc.property(clusters, property), { numRuns: 300 })
const nameOf = ({ name, namespace }: Service): string => `${name}.${namespace}.svc.cluster.local`
const addresses = (objects: Objects, name: string): readonly string[] => answer(objects, name, 'A').records.flatMap(record => record.type === 'A' ? [record.address] : [])
/** Who may be found through a Service. */
const behind = (objects: Objects, service: Service): readonly Pod[] => objects.pods.filter(one => one.namespace === service.namespace && one.labels['app'] === service.selector?.['app'] && (one.ready || service.publishNotReadyAddresses))

describe('the names of any cluster', () => {
  test('each record is the answer to its own question', () => {
    holds(objects => {
      for (const record of recordsOf(objects)) expect(answer(objects, record.name, record.type).records).toContainEqual(record)
    })
  })
  test('there is no answer that is no record', () => {
    holds(objects => {
      const all = recordsOf(objects)
      for (const { name } of all) for (const type of ['A', 'SRV', 'PTR', 'CNAME', 'TXT'] as const satisfies readonly RecordType[]) {
        for (const record of answer(objects, name, type).records) expect(all).toContainEqual(record)
      }
    })
  })
  test('a name that has a record of any type is never denied', () => {
    holds(objects => {
      for (const { name } of recordsOf(objects)) expect(answer(objects, name, 'PTR').code).toBe('NOERROR')
    })
  })
  test('nobody is below, above or beside', () => {
    holds(objects => {
      for (const service of objects.services) for (const name of [`zz.${nameOf(service)}`, `zz.${service.namespace}.svc.cluster.local`, `${service.name}.zz.svc.cluster.local`]) {
        expect(answer(objects, name, 'A')).toEqual({ code: 'NXDOMAIN', records: [] })
      }
    })
  })
  test('a Service with an address is that address, and its pods are nobody\'s business', () => {
    holds(objects => {
      for (const service of objects.services.filter(one => one.type !== 'ExternalName' && one.clusterIP !== 'None')) {
        expect(addresses(objects, nameOf(service))).toEqual([service.clusterIP])
        expect(recordsOf({ ...objects, pods: [] }).filter(({ name }) => name.endsWith(nameOf(service)))).toEqual(recordsOf(objects).filter(({ name }) => name.endsWith(nameOf(service))))
      }
    })
  })
  test('a headless Service is the pods behind it, and does not exist without any', () => {
    holds(objects => {
      for (const service of objects.services.filter(one => one.clusterIP === 'None')) {
        const pods = behind(objects, service)
        expect(addresses(objects, nameOf(service)).toSorted()).toEqual(pods.flatMap(one => one.address ?? []).toSorted())
        expect(answer(objects, nameOf(service), 'A').code).toBe(pods.length === 0 ? 'NXDOMAIN' : 'NOERROR')
      }
    })
  })
  test('a port without a name has no SRV record; one with a name has one for each who is behind it', () => {
    holds(objects => {
      for (const service of objects.services.filter(one => one.type !== 'ExternalName')) {
        const records = recordsOf(objects).filter(({ name, type }) => type === 'SRV' && name.endsWith(`.${nameOf(service)}`))
        const each = service.clusterIP === 'None' ? behind(objects, service).length : 1
        expect(records).toHaveLength(service.ports.filter(one => one.name !== undefined).length * each)
      }
    })
  })
  test('what leads back leads there again', () => {
    holds(objects => {
      for (const record of recordsOf(objects)) {
        if (record.type !== 'PTR') continue
        const address = record.name.replace('.in-addr.arpa', '').split('.').toReversed().join('.')
        expect(addresses(objects, record.target)).toContain(address)
      }
    })
  })
})

test('a resolver asks for the name itself once, and for each domain of its list once', () => {
  const label = fc.stringMatching(/^[a-z]{1,4}$/)
  fc.assert(fc.property(fc.array(label, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 15 }), (labels, ndots) => {
    const name = labels.join('.')
    const search = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local']
    const all = tried(name, { search, ndots })
    expect(all.toSorted()).toEqual([name, ...search.map(domain => `${name}.${domain}`)].toSorted())
    expect(all.indexOf(name)).toBe(labels.length - 1 >= ndots ? 0 : 3)
    expect(tried(`${name}.`, { search, ndots })).toEqual([name])
  }))
})
