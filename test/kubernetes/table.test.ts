// Services lead to endpoints, and policies hold for those; a table of all.
import { describe, expect, test } from 'vitest'
import { readObjects } from '../../kubernetes/read.ts'
import { alike, tableOf, undescribed } from '../../kubernetes/table.ts'

const pod = (name: string, { labels = `{ app: ${name} }`, spec = '', ready = 'True' } = {}): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: ${labels} }
spec: { containers: [{ ports: [{ name: http, containerPort: 8080 }] }]${spec} }
status: { conditions: [{ type: Ready, status: "${ready}" }] }`
const service = (spec: string): string => `apiVersion: v1
kind: Service
metadata: { name: s }
spec: ${spec}`
const policy = (name: string, spec: string): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: ${name} }
spec: ${spec}`

function table(...documents: readonly string[]) {
  return tableOf(readObjects([{ file: 'a.yaml', text: documents.join('\n---\n') }]))
}

describe('a Service', () => {
  const services = (...documents: readonly string[]) => table(...documents).services
  const cell = (from: string, ...documents: readonly string[]) => services(...documents).cells.find(one => one.from === `default/${from}`)

  test('leads to the ready pods that it selects, on the port that is meant', () => {
    expect(services(pod('a'), pod('b', { labels: '{ app: a }' }), pod('c'), pod('d', { labels: '{ app: a }', ready: 'False' }), service('{ selector: { app: a }, ports: [{ port: 80, targetPort: http }] }')).services)
      .toEqual([{ name: 'default/s:80', port: { protocol: 'TCP', port: 80 }, clusterIP: undefined, endpoints: ['default/a:8080', 'default/b:8080'] }])
  })

  test('publishes pods that are not ready if it is told to', () => {
    expect(services(pod('a', { ready: 'False' }), service('{ publishNotReadyAddresses: true, selector: { app: a }, ports: [{ port: 80 }] }')).services).toMatchObject([{ endpoints: ['default/a:80'] }])
  })

  test('is judged by the policies of its endpoints, on their port and not on its own', () => {
    const all = [pod('a'), pod('b'), service('{ selector: { app: a }, ports: [{ port: 80, targetPort: 8080 }] }')]
    expect(cell('b', ...all, policy('p', '{ ingress: [{ ports: [{ port: 80 }] }] }'))).toMatchObject({ outcome: 'denied', by: ['default/p'] })
    expect(cell('b', ...all, policy('p', '{ ingress: [{ ports: [{ port: 8080 }] }] }'))).toMatchObject({ outcome: 'allowed', by: ['default/p'] })
  })

  test('of whose endpoints only some may be reached says which not', () => {
    const both = [pod('a', { labels: '{ app: s, tier: front }' }), pod('b', { labels: '{ app: s }' }), pod('c')]
    expect(cell('c', ...both, service('{ selector: { app: s }, ports: [{ port: 80 }] }'), policy('p', '{ podSelector: { matchLabels: { tier: front } } }')))
      .toMatchObject({ outcome: 'some', because: 'not default/a: default/p isolates default/a for ingress, and has no rule for it' })
  })

  test('by which a pod reaches itself is the plugin\'s to say, if a policy would keep others away', () => {
    const self = [pod('a'), service('{ selector: { app: a }, ports: [{ port: 80 }] }')]
    expect(cell('a', ...self)).toMatchObject({ outcome: 'allowed' })
    expect(cell('a', ...self, policy('p', '{ ingress: [] }'))).toMatchObject({ outcome: 'unspecified', by: ['default/p'] })
  })

  test('with nobody behind it is no denial', () => {
    expect(cell('a', pod('a'), service('{ selector: { app: z }, ports: [{ port: 80 }] }'))).toMatchObject({ outcome: 'none', because: 'no pod that is ready is behind default/s:80' })
  })

  test('without a selector is not known', () => {
    expect(cell('a', pod('a'), service('{ ports: [{ port: 80 }] }'))).toMatchObject({ outcome: 'unknown' })
  })

  test('has the endpoints that its EndpointSlices name', () => {
    const slice = (endpoints: string): string => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s-1, labels: { kubernetes.io/service-name: s } }
addressType: IPv4
ports: [{ port: 8080 }]
endpoints: [${endpoints}]`
    const all = [pod('a').replace('status: {', 'status: { podIP: 10.244.1.2,'), service('{ ports: [{ port: 80 }] }')]
    expect(services(...all, slice('{ addresses: [10.244.1.2] }')).services).toMatchObject([{ endpoints: ['default/a:8080'] }])
    expect(cell('a', ...all, slice('{ addresses: [10.244.1.2], conditions: { ready: false } }'))).toMatchObject({ outcome: 'none' })
    expect(cell('a', ...all, slice('{ addresses: [192.0.2.1] }'))).toMatchObject({ outcome: 'unknown', because: '192.0.2.1, an endpoint of default/s, is no pod\'s address' })
  })

  test('that stays on the node has only the endpoints of the client\'s', () => {
    const spec = '{ internalTrafficPolicy: Local, selector: { app: a }, ports: [{ port: 80 }] }'
    const on = (node: string) => ({ spec: `, nodeName: ${node}` })
    expect(cell('b', pod('a', on('node1')), pod('b', on('node1')), service(spec))).toMatchObject({ outcome: 'allowed' })
    expect(cell('b', pod('a', on('node1')), pod('b', on('node2')), service(spec))).toMatchObject({ outcome: 'none', because: 'internalTrafficPolicy is Local, and no endpoint is on node2' })
    expect(cell('b', pod('a'), pod('b'), service(spec))).toMatchObject({ outcome: 'unknown' })
  })
})

describe('a table', () => {
  test('has the ports that containers declare, policies name and Services lead to', () => {
    const { pods } = table(pod('a'), service('{ selector: { app: a }, ports: [{ port: 80, targetPort: 9000 }] }'), policy('p', '{ ingress: [{ ports: [{ port: 53, protocol: UDP }, { port: 70, endPort: 75 }] }] }'))
    expect(pods.map(({ protocol, port }) => `${protocol} ${port}`)).toEqual(['TCP 70', 'TCP 75', 'TCP 8080', 'TCP 9000', 'UDP 53'])
  })

  test('has a cell for every pair', () => {
    const { pods } = table(pod('a'), pod('b'), pod('c'))
    expect(pods.map(({ cells }) => cells.length)).toEqual([9])
  })

  test('tells once what several ports have in common', () => {
    const { pods } = table(pod('a'), pod('b'), policy('p', '{ ingress: [{ ports: [{ port: 80 }, { port: 81 }] }] }'))
    expect(alike(pods).map(({ ports }) => ports.map(({ port }) => port))).toEqual([[80, 81], [8080]])
  })

  test('says which namespaces nobody described', () => {
    expect(undescribed(readObjects([{ file: 'a.yaml', text: pod('a') }]))).toEqual(['default'])
  })
})
