// What an API server would refuse is refused: field path, value and reason, with the line and column besides.
import { describe, expect, test } from 'vitest'
import { readObjects } from '../../kubernetes/read.ts'
import { Mistakes } from '../../runner/core/mistake.ts'

function mistakesOf(text: string): readonly string[] {
  try {
    readObjects([{ file: 'a.yaml', text }])
    return []
  } catch (error) {
    if (!(error instanceof Mistakes)) throw error
    return error.all.map(({ message }) => message.slice(0, message.lastIndexOf('; expected')))
  }
}

const policy = (...spec: readonly string[]): string => ['apiVersion: networking.k8s.io/v1', 'kind: NetworkPolicy', 'metadata: { name: p }', 'spec:', ...spec.map(line => `  ${line}`)].join('\n')
const rule = (...lines: readonly string[]): string => policy('ingress:', '-', ...lines.map(line => `  ${line}`))
const service = (...spec: readonly string[]): string => ['apiVersion: v1', 'kind: Service', 'metadata: { name: s }', 'spec:', ...spec.map(line => `  ${line}`)].join('\n')
const slice = (...fields: readonly string[]): string => ['apiVersion: discovery.k8s.io/v1', 'kind: EndpointSlice', 'metadata: { name: s-1, labels: { kubernetes.io/service-name: s } }', ...fields].join('\n')
const P = 'NetworkPolicy "p" is invalid: '
const S = 'Service "s" is invalid: '

const cases: readonly (readonly [title: string, text: string, ...mistakes: readonly string[]])[] = [
  ['a port that is none', rule('ports:', '- port: 0'), `a.yaml:8:13: ${P}spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive`],
  ['a name that is no port\'s', rule('ports: [{ port: "8080" }]'), `a.yaml:7:21: ${P}spec.ingress[0].ports[0].port: Invalid value: "8080": must be up to 15 of a-z, 0-9 and single hyphens inside, with one letter at least`],
  ['a port that is a list', rule('ports: [{ port: [80] }]'), `a.yaml:7:21: ${P}spec.ingress[0].ports[0].port: Invalid value: a list: must not be a list`],
  ['a range that ends before it begins', rule('ports: [{ port: 90, endPort: 80 }]'), `a.yaml:7:34: ${P}spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to \`port\``],
  ['a range of names', rule('ports: [{ port: http, endPort: 80 }]'), `a.yaml:7:36: ${P}spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when \`port\` is non-numeric`],
  ['a range without a beginning', rule('ports: [{ endPort: 80 }]'), `a.yaml:7:24: ${P}spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when \`port\` is not specified`],
  ['a protocol that policies do not know', rule('ports: [{ protocol: ICMP }]'), `a.yaml:7:25: ${P}spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`],
  ['a peer that is nobody', rule('from: [{}]'), `a.yaml:7:12: ${P}spec.ingress[0].from[0]: Required value: must specify a peer`],
  ['two kinds of peer in one', rule('from: [{ ipBlock: { cidr: 10.0.0.0/8 }, podSelector: {} }]'), `a.yaml:7:12: ${P}spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer`],
  ['a range that is none', rule('from: [{ ipBlock: { cidr: 10.0.0.0 } }]'), `a.yaml:7:31: ${P}spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value`],
  ['no range', rule('from: [{ ipBlock: { except: [] } }]'), `a.yaml:7:23: ${P}spec.ingress[0].from[0].ipBlock.cidr: Required value`],
  ['an exception from outside', rule('from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [11.0.0.0/9] } }]'), `a.yaml:7:52: ${P}spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/9": must be a strict subset of \`cidr\``],
  ['an exception that is everything', rule('from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] } }]'), `a.yaml:7:52: ${P}spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``],
  ['a type that is none', policy('policyTypes: [ingress]'), `a.yaml:5:17: ${P}spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Ingress", "Egress"`],
  ['an operator that is none', policy('podSelector: { matchExpressions: [{ key: app, operator: in, values: [a] }] }'), `a.yaml:5:59: ${P}spec.podSelector.matchExpressions[0].operator: Invalid value: "in": not a valid selector operator`],
  ['In without values', policy('podSelector: { matchExpressions: [{ key: app, operator: In }] }'), `a.yaml:5:37: ${P}spec.podSelector.matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`],
  ['Exists with values', policy('podSelector: { matchExpressions: [{ key: app, operator: Exists, values: [a] }] }'), `a.yaml:5:75: ${P}spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`],
  ['a label that is a number', policy('podSelector: { matchLabels: { tier: 1 } }'), `a.yaml:5:39: ${P}spec.podSelector.matchLabels.tier: Invalid value: 1: must be a string`],
  ['a field that is misspelt', policy('podSelectr: {}'), 'a.yaml:5:3: NetworkPolicy "p": strict decoding error: unknown field "spec.podSelectr"'],
  ['a field in the wrong place', rule('podSelector: {}'), 'a.yaml:7:5: NetworkPolicy "p": strict decoding error: unknown field "spec.ingress[0].podSelector"'],
  ['a list that is none', policy('ingress: {}'), `a.yaml:5:12: ${P}spec.ingress: Invalid value: a mapping: must be an array`],
  ['a name that is none', 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: Deny_All }\nspec: {}', 'a.yaml:3:19: NetworkPolicy "Deny_All" is invalid: metadata.name: Invalid value: "Deny_All": must be a lowercase RFC 1123 subdomain'],
  ['no name', 'apiVersion: v1\nkind: Pod\nmetadata: {}', 'a.yaml:3:11: Pod "" is invalid: metadata.name: Required value: name or generateName is required'],
  ['an API version that is gone', 'apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: { name: p }', `a.yaml:1:13: ${P}apiVersion: Invalid value: "extensions/v1beta1": no matches for kind "NetworkPolicy" in this version`],
  ['the same object twice', `${policy('{}')}\n---\n${policy('{}')}`, `a.yaml:9:19: ${P}metadata.name: Invalid value: "p": NetworkPolicy is there already, at a.yaml:1`],
  ['a Service without ports', service('selector: { app: a }'), `a.yaml:5:3: ${S}spec.ports: Required value`],
  ['a Service\'s ports without names', service('ports: [{ port: 80 }, { port: 81 }]'), `a.yaml:5:11: ${S}spec.ports[0].name: Required value`, `a.yaml:5:25: ${S}spec.ports[1].name: Required value`],
  ['a port twice', service('ports: [{ name: a, port: 80 }, { name: b, port: 80 }]'), `a.yaml:5:34: ${S}spec.ports[1]: Invalid value: a mapping: Duplicate value: port and protocol are another's`],
  ['an address that is none', service('clusterIP: none', 'ports: [{ port: 80 }]'), `a.yaml:5:14: ${S}spec.clusterIP: Invalid value: "none": must be empty, 'None', or a valid IP address`],
  ['a target that is no port', service('ports: [{ port: 80, targetPort: 70000 }]'), `a.yaml:5:35: ${S}spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive`],
  ['a node port outside of its range', service('type: NodePort', 'ports: [{ port: 80, nodePort: 8080 }]'), `a.yaml:6:33: ${S}spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. The range of valid ports is 30000-32767`],
  ['a node port of a Service that has none', service('ports: [{ port: 80, nodePort: 30080 }]'), `a.yaml:5:33: ${S}spec.ports[0].nodePort: Forbidden: may not be used when \`type\` is 'ClusterIP'`],
  ['a node port twice', service('type: NodePort', 'ports: [{ name: a, port: 80, nodePort: 30080 }, { name: b, port: 81, nodePort: 30080 }]'), `a.yaml:6:82: ${S}spec.ports[1].nodePort: Invalid value: 30080: Duplicate value: node port and protocol are another's`],
  ['Local of a Service that nobody outside reaches', service('externalTrafficPolicy: Local', 'ports: [{ port: 80 }]'), `a.yaml:5:26: ${S}spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services`],
  ['a policy of traffic that is none', service('type: NodePort', 'externalTrafficPolicy: local', 'ports: [{ port: 80 }]'), `a.yaml:6:26: ${S}spec.externalTrafficPolicy: Unsupported value: "local": supported values: "Cluster", "Local"`],
  ['a health check of a NodePort', service('type: NodePort', 'externalTrafficPolicy: Local', 'healthCheckNodePort: 31000', 'ports: [{ port: 80 }]'), `a.yaml:7:24: ${S}spec.healthCheckNodePort: Invalid value: 31000: may only be set when \`type\` is 'LoadBalancer' and \`externalTrafficPolicy\` is 'Local'`],
  ['a class of what is no load balancer', service('loadBalancerClass: a/b', 'ports: [{ port: 80 }]'), `a.yaml:5:22: ${S}spec.loadBalancerClass: Forbidden: may only be used when \`type\` is 'LoadBalancer'`],
  ['an affinity that is none', service('sessionAffinity: client', 'ports: [{ port: 80 }]'), `a.yaml:5:20: ${S}spec.sessionAffinity: Unsupported value: "client": supported values: "ClientIP", "None"`],
  ['an affinity for ever', service('sessionAffinity: ClientIP', 'sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } }', 'ports: [{ port: 80 }]'), `a.yaml:6:56: ${S}spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400`],
  ['seconds without affinity', service('sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } }', 'ports: [{ port: 80 }]'), `a.yaml:5:26: ${S}spec.sessionAffinityConfig: Forbidden: must not be set when session affinity is None`],
  ['a NodePort without an address', service('type: NodePort', 'clusterIP: None', 'ports: [{ port: 80 }]'), `a.yaml:6:14: ${S}spec.clusterIP: Invalid value: "None": may not be set to 'None' for NodePort services`],
  ['a Service whose name is no host\'s', 'apiVersion: v1\nkind: Service\nmetadata: { name: 1web }\nspec: { ports: [{ port: 80 }] }', 'a.yaml:3:19: Service "1web" is invalid: metadata.name: Invalid value: "1web": must be a lowercase RFC 1035 label'],
  ['endpoints without addresses', slice('addressType: IPv4', 'endpoints: [{ addresses: [] }]'), 'a.yaml:5:26: EndpointSlice "s-1" is invalid: endpoints[0].addresses: Required value: must contain at least 1 address'],
  ['endpoints of the other family', slice('addressType: IPv4', 'endpoints: [{ addresses: ["2001:db8::1"] }]'), 'a.yaml:5:27: EndpointSlice "s-1" is invalid: endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address'],
  ['a slice without a family', slice('endpoints: []'), 'a.yaml:1:1: EndpointSlice "s-1" is invalid: addressType: Required value'],
  ['ports of a slice without names', slice('addressType: IPv4', 'endpoints: []', 'ports: [{ port: 80 }, { port: 81 }]'), 'a.yaml:6:23: EndpointSlice "s-1" is invalid: ports[1].name: Invalid value: empty: Duplicate value'],
  ['YAML that is none', 'kind: [', 'a.yaml:1:8: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['several in one go', `${rule('ports: [{ port: 0 }, { port: 99999 }]')}\n`, `a.yaml:7:21: ${P}spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive`, `a.yaml:7:34: ${P}spec.ingress[0].ports[1].port: Invalid value: 99999: must be between 1 and 65535, inclusive`],
]

describe('refuses', () => {
  for (const [title, text, ...mistakes] of cases) {
    test(title, () => {
      expect(mistakesOf(text)).toEqual(mistakes)
      expect(mistakes.length).toBeGreaterThan(0)
    })
  }

  test('and shows nothing that a terminal would obey', () => {
    expect(mistakesOf(policy('"\\e[2J": {}')).join('\n')).toBe('a.yaml:5:3: NetworkPolicy "p": strict decoding error: unknown field "spec.\\u001b[2J"')
  })
})

describe('reads', () => {
  const one = (text: string) => readObjects([{ file: 'a.yaml', text }])

  test('what kubectl prints, a List', () => {
    const { pods, others } = one('apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: { name: a, uid: 1-2 }\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: { name: web }')
    expect(pods).toMatchObject([{ name: 'a', namespace: 'default' }])
    expect(others).toMatchObject([{ kind: 'Deployment', name: 'web', at: { line: 7, column: 3 } }])
  })

  test('JSON, which is YAML', () => {
    expect(one('{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x","labels":{"a":"b"}}}').namespaces).toEqual([{ name: 'x', labels: { a: 'b', 'kubernetes.io/metadata.name': 'x' } }])
  })

  test('anchors, several documents and empty ones', () => {
    const { pods } = one('---\napiVersion: v1\nkind: Pod\nmetadata: &m { name: a, labels: &l { app: a } }\n---\n---\napiVersion: v1\nkind: Pod\nmetadata: { name: b, labels: { app: b } }\n')
    expect(pods.map(({ name, labels }) => [name, labels])).toEqual([['a', { app: 'a' }], ['b', { app: 'b' }]])
  })

  test('what a pod is and what it is not yet', () => {
    const { pods } = one('apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { nodeName: node1, containers: [{ name: c, image: i, ports: [{ containerPort: 53, protocol: UDP }] }] }\nstatus: { podIP: 10.244.1.2, conditions: [{ type: Ready, status: "False" }] }')
    expect(pods).toEqual([{ name: 'a', namespace: 'default', labels: {}, ports: [{ name: undefined, port: 53, protocol: 'UDP' }], node: 'node1', address: '10.244.1.2', ready: false, hostNetwork: false, terminating: false, ended: false, hostname: undefined, subdomain: undefined }])
  })

  test('a slice, with what is not said filled in', () => {
    const { slices } = one(slice('addressType: IPv4', 'endpoints:', '- { addresses: [10.244.1.2], nodeName: node1, targetRef: { kind: Pod, name: a } }', '- { addresses: [10.244.1.3], conditions: { ready: false, serving: true, terminating: true } }', 'ports: [{ port: 8080 }]'))
    expect(slices).toEqual([{
      name: 's-1', namespace: 'default', service: 's', addressType: 'IPv4', ports: [{ name: undefined, protocol: 'TCP', port: 8080 }],
      endpoints: [
        { addresses: ['10.244.1.2'], ready: true, serving: true, terminating: false, hostname: undefined, node: 'node1', pod: 'a' },
        { addresses: ['10.244.1.3'], ready: false, serving: true, terminating: true, hostname: undefined, node: undefined, pod: undefined },
      ],
    }])
  })

  test('what of a Service is for the outside', () => {
    const { services: [found] } = one(`${service('type: LoadBalancer', 'externalTrafficPolicy: Local', 'healthCheckNodePort: 31000', 'sessionAffinity: ClientIP', 'ports: [{ port: 80, nodePort: 31175 }]')}\nstatus: { loadBalancer: { ingress: [{ ip: 192.168.1.240 }] } }`)
    expect(found).toMatchObject({ externalTrafficPolicy: 'Local', healthCheckNodePort: 31000, affinitySeconds: 10800, loadBalancerIPs: ['192.168.1.240'], ports: [{ nodePort: 31175 }] })
  })

  test('no policyTypes as the API server would fill them in', () => {
    const types = (...spec: readonly string[]) => one(policy(...spec)).policies[0]?.policyTypes
    expect(types('podSelector: {}')).toEqual(['Ingress'])
    expect(types('egress: []')).toEqual(['Ingress'])
    expect(types('egress: [{}]')).toEqual(['Ingress', 'Egress'])
    expect(types('egress: [{}]', 'policyTypes: [Egress]')).toEqual(['Egress'])
  })
})
