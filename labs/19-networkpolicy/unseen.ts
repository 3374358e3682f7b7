// Objects that no learner has seen, for the check of a program that makes rules of objects. Policies choose pods of node1 only:
// nobody guards the others.
type Labels = Readonly<Record<string, string>>

const namespace = (name: string, labels: Labels = {}) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } })
const pod = (at: string, address: string, labels?: Labels, main?: number) => {
  const [own = '', name = ''] = at.split('/')
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { namespace: own, name, ...labels === undefined ? {} : { labels } },
    spec: { nodeName: address.startsWith('10.77.1.') ? 'node1' : 'node2', containers: [{ name: 'main', image: name, ...main === undefined ? {} : { ports: [{ name: 'main', containerPort: main, protocol: 'TCP' }] } }] },
    status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
  }
}
const policy = (at: string, spec: object) => {
  const [own = '', name = ''] = at.split('/')
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: own, name }, spec }
}
const tcp = (port: number) => [{ protocol: 'TCP', port }]

const namespaces = [namespace('red', { env: 'prod', tier: 'front' }), namespace('blue', { env: 'test' }), namespace('green')]
const pods = [
  pod('red/api', '10.77.1.2', { role: 'api', tier: 'web' }, 8000), pod('red/db', '10.77.1.3', { role: 'db' }), pod('blue/api', '10.77.1.4', { role: 'api' }),
  pod('green/old', '10.77.1.5', { role: 'web', stage: 'old' }, 8001), pod('red/web', '10.77.2.2', { role: 'web' }, 8002),
  pod('blue/new', '10.77.2.3', { role: 'web', stage: 'new' }), pod('green/bare', '10.77.2.4'),
]

/** What the three policies of the lab do not show of selectors. */
export const selectors = {
  namespaces, pods, outside: {},
  policies: [
    policy('red/who', {
      podSelector: { matchExpressions: [{ key: 'role', operator: 'In', values: ['db', 'cache'] }] }, policyTypes: ['Ingress'],
      ingress: [
        { from: [{ namespaceSelector: { matchExpressions: [{ key: 'env', operator: 'Exists' }] }, podSelector: { matchExpressions: [{ key: 'stage', operator: 'NotIn', values: ['new'] }] } }], ports: tcp(81) },
        { from: [{ namespaceSelector: {} }], ports: tcp(82) },
        { from: [{ podSelector: {} }], ports: tcp(83) },
        { from: [{ namespaceSelector: { matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] } }], ports: tcp(84) },
        { from: [{ podSelector: { matchLabels: { role: 'nobody' } } }], ports: tcp(85) },
        { ports: tcp(86) },
      ],
    }),
    policy('red/besides', { podSelector: { matchLabels: { role: 'db' } }, policyTypes: ['Ingress'], ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'green' } }, podSelector: { matchLabels: { stage: 'old' } } }], ports: tcp(81) }] }),
    policy('blue/out', {
      podSelector: { matchLabels: { role: 'api' } }, policyTypes: ['Egress'],
      egress: [
        { to: [{ podSelector: { matchLabels: { role: 'web' } } }], ports: tcp(81) },
        { to: [{ namespaceSelector: { matchLabels: { env: 'prod' } }, podSelector: { matchLabels: { role: 'db' } } }], ports: [...tcp(82), ...tcp(84)] },
      ],
    }),
  ],
}

/** Ports, ranges of addresses, and directions that are not said. */
export const theRest = {
  namespaces,
  pods: [...pods, pod('green/shut', '10.77.1.6', { role: 'shut' }), pod('red/mute', '10.77.1.7', { role: 'mute' })],
  outside: { near: '203.0.113.5', far: '203.0.113.70' },
  policies: [
    policy('green/ports', { podSelector: { matchLabels: { role: 'web' } }, ingress: [{ ports: [{ protocol: 'TCP', port: 8003, endPort: 8005 }, { port: 'main' }, { protocol: 'UDP' }] }] }),
    policy('red/by-name', { podSelector: { matchLabels: { tier: 'web' } }, policyTypes: ['Egress'], egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: 'main' }] }] }),
    policy('blue/ranges', {
      podSelector: { matchLabels: { role: 'api' } }, policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.64/26'] } }], ports: tcp(81) }],
      egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.0/28'] } }], ports: tcp(81) }],
    }),
    policy('green/no-types', { podSelector: { matchLabels: { role: 'shut' } }, egress: [{ to: [{ namespaceSelector: {} }], ports: tcp(87) }] }),
    policy('red/mute', { podSelector: { matchLabels: { role: 'mute' } }, policyTypes: ['Egress'] }),
  ],
}
