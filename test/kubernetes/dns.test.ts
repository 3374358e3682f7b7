// The specification of DNS-based service discovery, section by section.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answer, recordsOf, resolverOf, tried, type RecordType } from '../../kubernetes/dns.ts'
import { readObjects } from '../../kubernetes/read.ts'

const objects = readObjects([{ file: 'a.yaml', text: `
apiVersion: v1
kind: Service
metadata: { name: kubernetes }
spec: { clusterIP: 10.96.0.1, ports: [{ name: https, port: 443, targetPort: 6443 }] }
---
apiVersion: v1
kind: Service
metadata: { name: plain }
spec: { clusterIP: 10.96.0.2, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: postgres, namespace: data }
spec: { clusterIP: None, selector: { app: postgres }, ports: [{ name: sql, port: 5432 }] }
---
apiVersion: v1
kind: Service
metadata: { name: empty }
spec: { clusterIP: None, selector: { app: nobody }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: outside }
spec: { type: ExternalName, externalName: WWW.example.com. }
---
apiVersion: v1
kind: Pod
metadata: { name: postgres-0, namespace: data, labels: { app: postgres } }
spec: { hostname: postgres-0, subdomain: postgres }
status: { podIP: 10.244.1.2 }
---
apiVersion: v1
kind: Pod
metadata: { name: postgres-x, namespace: data, labels: { app: postgres } }
status: { podIP: 10.244.1.3 }
---
apiVersion: v1
kind: Pod
metadata: { name: postgres-1, namespace: data, labels: { app: postgres } }
spec: { hostname: postgres-1, subdomain: postgres }
status: { podIP: 10.244.1.4, conditions: [{ type: Ready, status: "False" }] }
` }])

function asked(name: string, type: RecordType): readonly string[] {
  const { code, records } = answer(objects, name, type)
  return records.length === 0 ? [code === 'NOERROR' ? 'NODATA' : code] : records.map(record =>
    record.type === 'A' ? record.address : record.type === 'SRV' ? `${record.port} ${record.target ?? `any name of ${record.address}`}` : record.type === 'TXT' ? record.text : record.target)
}

describe('a name', () => {
  test.for<readonly [title: string, name: string, type: RecordType, ...answers: readonly string[]]>([
    ['the version of the schema', 'dns-version.cluster.local', 'TXT', '1.1.0'],
    ['a Service is its address', 'kubernetes.default.svc.cluster.local', 'A', '10.96.0.1'],
    ['in any case, with a dot at the end', 'Kubernetes.Default.svc.cluster.local.', 'A', '10.96.0.1'],
    ['a port with a name', '_https._tcp.kubernetes.default.svc.cluster.local', 'SRV', '443 kubernetes.default.svc.cluster.local'],
    ['a port without one', '_http._tcp.plain.default.svc.cluster.local', 'SRV', 'NXDOMAIN'],
    ['the way back', '1.0.96.10.in-addr.arpa', 'PTR', 'kubernetes.default.svc.cluster.local'],
    ['a Service has no record of another type: NODATA', 'kubernetes.default.svc.cluster.local', 'TXT', 'NODATA'],
    ['what is above a name exists', '_tcp.kubernetes.default.svc.cluster.local', 'SRV', 'NODATA'],
    ['no such Service', 'nobody.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['a Service of another namespace', 'kubernetes.data.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['a headless Service is its endpoints that are ready', 'postgres.data.svc.cluster.local', 'A', '10.244.1.2', '10.244.1.3'],
    ['an endpoint with a name', 'postgres-0.postgres.data.svc.cluster.local', 'A', '10.244.1.2'],
    ['an endpoint with a name that is not ready', 'postgres-1.postgres.data.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['a pod\'s name alone is no name', 'postgres-x.postgres.data.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['a port of each endpoint', '_sql._tcp.postgres.data.svc.cluster.local', 'SRV', '5432 postgres-0.postgres.data.svc.cluster.local', '5432 any name of 10.244.1.3'],
    ['the way back to an endpoint with a name', '2.1.244.10.in-addr.arpa', 'PTR', 'postgres-0.postgres.data.svc.cluster.local'],
    ['nobody ready: no such name', 'empty.default.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['another name', 'outside.default.svc.cluster.local', 'A', 'www.example.com'],
    ['an address as a name, which only some servers have', '10-244-1-9.data.pod.cluster.local', 'A', 'NXDOMAIN'],
  ])('%s', ([, name, type, ...answers]) => {
    expect(asked(name, type)).toEqual(answers)
  })

  test('of another zone', () => {
    expect(recordsOf(objects, 'example.org').filter(({ type }) => type === 'A').map(({ name }) => name)).toContain('kubernetes.default.svc.example.org')
  })
})

describe('a pod\'s resolver', () => {
  const pod = resolverOf('default')

  test('walks the list for a name of fewer dots than ndots, the namespace first', () => {
    expect(tried('payment-svc.production', pod)).toEqual([
      'payment-svc.production.default.svc.cluster.local', 'payment-svc.production.svc.cluster.local', 'payment-svc.production.cluster.local', 'payment-svc.production'])
  })

  test('asks for the name itself first when it has as many', () => {
    expect(tried('a.b.c.d.e.f', pod)[0]).toBe('a.b.c.d.e.f')
  })

  test('with ndots 2 still walks the list for a name of one dot', () => {
    expect(tried('api.example.com', { ...pod, ndots: 2 })[0]).toBe('api.example.com')
    expect(tried('example.com', { ...pod, ndots: 2 })[0]).toBe('example.com.default.svc.cluster.local')
  })

  test('takes a name with a dot at the end as it is', () => {
    expect(tried('example.com.', pod)).toEqual(['example.com'])
  })
})

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
const address = fc.tuple(fc.nat(255), fc.nat(255)).map(([third, last]) => `10.96.${third}.${last}`)
const manifest = (name: string, namespace: string, spec: string): string => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`
const someServices = fc.uniqueArray(fc.record({ name: word, namespace: fc.constantFrom('default', 'shop'), address, port: fc.integer({ min: 1, max: 65_535 }), portName: fc.option(word, { nil: undefined }) }), { selector: one => one.address, minLength: 1, maxLength: 5 })
  .map(all => all.filter((one, index) => all.findIndex(other => other.name === one.name && other.namespace === one.namespace) === index))

describe('for any Services', () => {
  const cluster = someServices.map(all => readObjects([{ file: 'a.yaml', text: all.map(({ name, namespace, address: clusterIP, port, portName }) =>
    manifest(name, namespace, `{ clusterIP: ${clusterIP}, ports: [{ port: ${port}${portName === undefined ? '' : `, name: ${portName}`} }] }`)).join('\n---\n') }]))

  test('every record is the answer to its own name, in any case', () => {
    fc.assert(fc.property(cluster, some => {
      for (const record of recordsOf(some)) expect(answer(some, `${record.name.toUpperCase()}.`, record.type)).toMatchObject({ code: 'NOERROR', records: expect.arrayContaining([record]) as unknown })
    }))
  })

  test('an address leads back to the name that leads to it', () => {
    fc.assert(fc.property(cluster, some => {
      for (const record of recordsOf(some)) {
        if (record.type !== 'A') continue
        const back = answer(some, `${record.address.split('.').toReversed().join('.')}.in-addr.arpa`, 'PTR').records
        expect(back.map(one => one.type === 'PTR' ? one.target : '')).toContain(record.name)
      }
    }))
  })

  test('below a Service there is nothing but its ports, and above it there is a name without data', () => {
    fc.assert(fc.property(cluster, word, (some, label) => {
      for (const { name, namespace } of some.services) {
        expect(answer(some, `${label}.${name}.${namespace}.svc.cluster.local`, 'A')).toEqual({ code: 'NXDOMAIN', records: [] })
        expect(answer(some, `${namespace}.svc.cluster.local`, 'A')).toEqual({ code: 'NOERROR', records: [] })
      }
    }))
  })

  test('a resolver tries a name and all that its list makes of it, each once', () => {
    fc.assert(fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), fc.nat(7), (labels, ndots) => {
      const name = labels.join('.')
      const search = ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local']
      const all = tried(name, { search, ndots })
      expect(all.toSorted()).toEqual([name, ...search.map(suffix => `${name}.${suffix}`)].toSorted())
      expect(all[labels.length - 1 >= ndots ? 0 : all.length - 1]).toBe(name)
    }))
  })
})
