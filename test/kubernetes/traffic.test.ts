// What the documentation of virtual IPs and of traffic policies says, and laws that hold for any endpoints.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Objects, Service, ServicePort } from '../../kubernetes/objects.ts'
import { readObjects } from '../../kubernetes/read.ts'
import { backendsOf, usable, type Backend } from '../../kubernetes/service.ts'
import { byNodePort, nextOf, trafficOf, type Asked, type Client } from '../../kubernetes/traffic.ts'

/** One Service, web, with what its spec has besides, and endpoints: `10.244.1.2 node1 ready`. */
function cluster(spec: string, ...endpoints: readonly string[]): { objects: Objects; service: Service; port: ServicePort } {
  const conditions: Readonly<Record<string, string>> = {
    ready: '{ ready: true }', unready: '{ ready: false }', ending: '{ ready: false, serving: true, terminating: true }', ended: '{ ready: false, serving: false, terminating: true }',
  }
  const objects = readObjects([{ file: 'a.yaml', text: `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.7, ${spec} }
status: { loadBalancer: { ingress: [{ ip: 192.168.1.240 }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [${endpoints.map(one => {
    const [address = '', node = '', how = 'ready'] = one.split(' ')
    return `{ addresses: [${address}], nodeName: ${node}, conditions: ${conditions[how] ?? ''} }`
  }).join(', ')}]` }])
  const [service] = objects.services
  const [port] = service?.ports ?? []
  if (service === undefined || port === undefined) throw new Error('no Service')
  return { objects, service, port }
}

const PODS: Readonly<Record<string, Client>> = {
  pod: { kind: 'pod', address: '10.244.1.9', node: 'node1' }, itself: { kind: 'pod', address: '10.244.1.2', node: 'node1' }, elsewhere: { kind: 'pod', address: '10.244.3.9', node: 'node3' },
  node: { kind: 'node', node: 'node1' }, outside: { kind: 'outside', address: '192.168.1.200' },
}
const AT: Readonly<Record<string, Asked>> = {
  vip: { at: 'clusterIP' }, 'node1:port': { at: 'nodePort', node: 'node1' }, 'node3:port': { at: 'nodePort', node: 'node3' },
  lb: { at: 'external', address: '192.168.1.240', node: 'node1' }, 'lb at node3': { at: 'external', address: '192.168.1.240', node: 'node3' },
}

/** `10.244.1.2 sees client`, or what comes in place of an answer. */
function asked({ objects, service, port }: ReturnType<typeof cluster>, client: string, at: string): readonly string[] {
  const [who, where] = [PODS[client], AT[at]]
  if (who === undefined || where === undefined) throw new Error(`${client} → ${at}`)
  const traffic = trafficOf(service, port, who, where, objects)
  return traffic.outcome === 'answered' ? traffic.by.map(({ backend, sees }) => `${backend.address} sees ${sees === 'client' ? sees : sees.node}`) : [traffic.outcome]
}

const TWO = ['10.244.1.2 node1', '10.244.2.2 node2']
const CLUSTER_IP = 'ports: [{ port: 80 }]'
const NODE_PORT = 'type: NodePort, ports: [{ port: 80, nodePort: 31175 }]'
const LOCAL = 'type: NodePort, externalTrafficPolicy: Local, ports: [{ port: 80, nodePort: 31175 }]'
const BALANCED = 'type: LoadBalancer, externalTrafficPolicy: Local, ports: [{ port: 80, nodePort: 31175 }]'

describe('who answers, and whom that one sees', () => {
  test.for<readonly [title: string, spec: string, endpoints: readonly string[], client: string, at: string, ...answers: readonly string[]]>([
    ['a pod by the clusterIP: any endpoint, which sees the pod itself', CLUSTER_IP, TWO, 'pod', 'vip', '10.244.1.2 sees client', '10.244.2.2 sees client'],
    ['an endpoint by the clusterIP: if it is itself, it sees its node', CLUSTER_IP, TWO, 'itself', 'vip', '10.244.1.2 sees node1', '10.244.2.2 sees client'],
    ['a node by the clusterIP', CLUSTER_IP, TWO, 'node', 'vip', '10.244.1.2 sees node1', '10.244.2.2 sees node1'],
    ['nobody is ready', CLUSTER_IP, ['10.244.1.2 node1 unready'], 'pod', 'vip', 'refused'],
    ['nobody at all', CLUSTER_IP, [], 'pod', 'vip', 'refused'],
    ['who is not ready is left out', CLUSTER_IP, ['10.244.1.2 node1', '10.244.2.2 node2 unready'], 'pod', 'vip', '10.244.1.2 sees client'],
    ['who is ending is left out while another is ready', CLUSTER_IP, ['10.244.1.2 node1', '10.244.2.2 node2 ending'], 'pod', 'vip', '10.244.1.2 sees client'],
    ['who is ending and serves answers if nobody is ready', CLUSTER_IP, ['10.244.1.2 node1 unready', '10.244.2.2 node2 ending', '10.244.3.2 node3 ended'], 'pod', 'vip', '10.244.2.2 sees client'],
    ['internalTrafficPolicy Local: those of the client\'s node', `internalTrafficPolicy: Local, ${CLUSTER_IP}`, TWO, 'pod', 'vip', '10.244.1.2 sees client'],
    ['and nobody else', `internalTrafficPolicy: Local, ${CLUSTER_IP}`, TWO, 'elsewhere', 'vip', 'dropped'],
    ['the local one that is ending, though another node has one that is ready', `internalTrafficPolicy: Local, ${CLUSTER_IP}`, ['10.244.1.2 node1 ending', '10.244.2.2 node2'], 'pod', 'vip', '10.244.1.2 sees client'],
    ['a machine outside by a node\'s port: any endpoint, which sees the node', NODE_PORT, TWO, 'outside', 'node3:port', '10.244.1.2 sees node3', '10.244.2.2 sees node3'],
    ['a pod by a node\'s port as well', NODE_PORT, TWO, 'pod', 'node3:port', '10.244.1.2 sees node3', '10.244.2.2 sees node3'],
    ['no endpoint behind a node\'s port', NODE_PORT, [], 'outside', 'node1:port', 'refused'],
    ['externalTrafficPolicy Local: those of the node, which see the client', LOCAL, TWO, 'outside', 'node1:port', '10.244.1.2 sees client'],
    ['and silence where there is none', LOCAL, TWO, 'outside', 'node3:port', 'dropped'],
    ['but refusal if there is none anywhere', LOCAL, [], 'outside', 'node3:port', 'refused'],
    ['within the cluster the proxy decides what a node\'s port means then', LOCAL, TWO, 'pod', 'node3:port', 'unspecified'],
    ['a load balancer\'s address at a node with an endpoint', BALANCED, TWO, 'outside', 'lb', '10.244.1.2 sees client'],
    ['and at one without', BALANCED, TWO, 'outside', 'lb at node3', 'dropped'],
    ['within the cluster it means all endpoints', BALANCED, TWO, 'elsewhere', 'lb at node3', '10.244.1.2 sees client', '10.244.2.2 sees client'],
    ['a range that has the client', `loadBalancerSourceRanges: [192.168.0.0/16], ${BALANCED}`, TWO, 'outside', 'lb', '10.244.1.2 sees client'],
    ['a range that has not', `loadBalancerSourceRanges: [198.51.100.0/24], ${BALANCED}`, TWO, 'outside', 'lb', 'dropped'],
    ['ranges and clients within the cluster', `loadBalancerSourceRanges: [198.51.100.0/24], ${BALANCED}`, TWO, 'pod', 'lb', 'unspecified'],
    ['ranges are not about node ports', `loadBalancerSourceRanges: [198.51.100.0/24], ${BALANCED}`, TWO, 'outside', 'node1:port', '10.244.1.2 sees client'],
    ['a port that the Service has not', CLUSTER_IP, TWO, 'outside', 'node1:port', 'unspecified'],
  ])('%s', ([, spec, endpoints, client, at, ...answers]) => {
    expect(asked(cluster(spec, ...endpoints), client, at)).toEqual(answers)
  })

  test('by the pods that it selects, where nobody has written slices', () => {
    const { objects: { services: [service], ...rest } } = { objects: readObjects([{ file: 'a.yaml', text: ['a', 'b', 'c'].map((name, index) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: web }${name === 'c' ? ', deletionTimestamp: "2026-01-01T00:00:00Z"' : ''} }
spec: { nodeName: node1, containers: [{ ports: [{ name: http, containerPort: 808${index} }] }] }
status: { podIP: 10.244.1.${index + 2}, phase: ${name === 'b' ? 'Failed' : 'Running'}, conditions: [{ type: Ready, status: "True" }] }`).concat(`apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.7, selector: { app: web }, ports: [{ port: 80, targetPort: http, name: named }] }`).join('\n---\n') }]) }
    const [port] = service?.ports ?? []
    if (service === undefined || port === undefined) throw new Error('no Service')
    expect(backendsOf(service, port, { services: [service], ...rest })).toEqual([
      { address: '10.244.1.2', port: 8080, node: 'node1', ready: true, serving: true, terminating: false },
      { address: '10.244.1.4', port: 8082, node: 'node1', ready: false, serving: true, terminating: true },
    ])
  })

  test('a node\'s port is found by number and protocol', () => {
    const { objects, service } = cluster(NODE_PORT, ...TWO)
    expect(byNodePort(objects, 31175, 'TCP')?.service).toBe(service)
    expect(byNodePort(objects, 31175, 'UDP')).toBeUndefined()
  })
})

describe('the next connection of a client', () => {
  const all = cluster(`sessionAffinity: ClientIP, sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } }, ${CLUSTER_IP}`, ...TWO)
  const traffic = trafficOf(all.service, all.port, { kind: 'pod', address: '10.244.3.9', node: 'node3' }, { at: 'clusterIP' }, all.objects)
  const next = (service: Service, address: string, seconds: number): readonly string[] => nextOf(service, traffic, { address, port: 8080 }, seconds).map(({ backend }) => backend.address)

  test('goes where the last one went, until the time is up or that endpoint is gone', () => {
    expect(next(all.service, '10.244.2.2', 9)).toEqual(['10.244.2.2'])
    expect(next(all.service, '10.244.2.2', 10)).toEqual(['10.244.1.2', '10.244.2.2'])
    expect(next(all.service, '10.244.9.9', 1)).toEqual(['10.244.1.2', '10.244.2.2'])
  })

  test('goes anywhere without affinity', () => {
    expect(next({ ...all.service, affinitySeconds: undefined }, '10.244.2.2', 1)).toEqual(['10.244.1.2', '10.244.2.2'])
  })
})

const backend: fc.Arbitrary<Backend> = fc.record({
  address: fc.constantFrom('10.244.1.2', '10.244.1.3', '10.244.2.2', '10.244.3.2'), port: fc.constant(8080), node: fc.constantFrom('node1', 'node2', 'node3'),
  ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean(),
}).map(one => ({ ...one, serving: one.serving || one.ready }))
const backends = fc.uniqueArray(backend, { selector: ({ address }) => address, maxLength: 4 })
const node = fc.constantFrom('node1', 'node2', 'node3')
const client: fc.Arbitrary<Client> = fc.oneof(
  fc.record({ kind: fc.constant('pod' as const), address: fc.constantFrom('10.244.1.2', '10.244.1.9', '10.244.3.2'), node }),
  fc.record({ kind: fc.constant('node' as const), node }), fc.record({ kind: fc.constant('outside' as const), address: fc.constant('192.168.1.200') }),
)
const at: fc.Arbitrary<Asked> = fc.oneof(
  fc.constant({ at: 'clusterIP' as const }), fc.record({ at: fc.constant('nodePort' as const), node }), fc.record({ at: fc.constant('external' as const), address: fc.constant('192.168.1.240'), node }),
)
const policy = fc.constantFrom('Cluster' as const, 'Local' as const)

describe('for any endpoints', () => {
  const base = cluster(BALANCED)
  const law = (holds: (traffic: ReturnType<typeof trafficOf>, given: { all: readonly Backend[]; who: Client; where: Asked; service: Service }) => void): void => {
    fc.assert(fc.property(backends, client, at, policy, policy, (all, who, where, internalTrafficPolicy, externalTrafficPolicy) => {
      const service = { ...base.service, internalTrafficPolicy, externalTrafficPolicy }
      const objects: Objects = { ...base.objects, slices: [{
        name: 'web-1', namespace: 'default', service: 'web', addressType: 'IPv4', ports: [{ name: undefined, protocol: 'TCP', port: 8080 }],
        endpoints: all.map(({ address, node: on, ready, serving, terminating }) => ({ addresses: [address], node: on, ready, serving, terminating, hostname: undefined, pod: undefined })),
      }] }
      holds(trafficOf(service, base.port, who, where, objects), { all, who, where, service })
    }), { numRuns: 500 })
  }

  test('whoever answers serves, and who is ending answers only where nobody is ready', () => {
    law((traffic, { all }) => {
      if (traffic.outcome !== 'answered') return
      expect(traffic.by.length).toBeGreaterThan(0)
      for (const { backend: one } of traffic.by) {
        expect(one.serving).toBe(true)
        if (!one.ready) expect(traffic.by.every(({ backend: other }) => !other.ready) && one.terminating).toBe(true)
      }
      expect(traffic.by.every(({ backend: one }) => all.some(({ address }) => address === one.address))).toBe(true)
    })
  })

  test('refused means that nobody can answer, and nobody else is refused', () => {
    law((traffic, { all }) => {
      expect(traffic.outcome === 'refused').toBe(usable(all).length === 0)
    })
  })

  test('where both policies are Cluster, every endpoint that can answer may', () => {
    law((traffic, { all, where, service }) => {
      const policyOf = where.at === 'clusterIP' ? service.internalTrafficPolicy : service.externalTrafficPolicy
      if (traffic.outcome !== 'answered' || policyOf !== 'Cluster') return
      expect(traffic.by.map(({ backend: one }) => one.address)).toEqual(usable(all).map(({ address }) => address))
    })
  })

  test('Local keeps to one node, and keeps the address of whoever comes from outside', () => {
    law((traffic, { who, where, service }) => {
      if (traffic.outcome !== 'answered' || where.at === 'clusterIP' || who.kind !== 'outside' || service.externalTrafficPolicy !== 'Local') return
      for (const { backend: one, sees } of traffic.by) expect([one.node, sees]).toEqual([where.node, 'client'])
    })
  })

  test('nobody sees their own address when they ask themselves', () => {
    law((traffic, { who }) => {
      if (traffic.outcome !== 'answered' || who.kind !== 'pod') return
      for (const { backend: one, sees } of traffic.by) if (one.address === who.address) expect(sees).not.toBe('client')
    })
  })
})
