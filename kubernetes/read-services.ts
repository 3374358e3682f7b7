// Services and what is behind them: core/v1 Service and Node, discovery.k8s.io/v1 EndpointSlice.
import { familyOf, parseRange } from './address.ts'
import type { Field } from './field.ts'
import type { ClusterNode, EndpointSlice, Service, ServicePort, SliceEndpoint, SlicePort } from './objects.ts'
import { isPort, LABEL, portName, PROTOCOLS, readLabels, readName, readPort, type Metadata } from './read-parts.ts'

const SERVICE = ['allocateLoadBalancerNodePorts', 'clusterIP', 'clusterIPs', 'externalIPs', 'externalName', 'externalTrafficPolicy', 'healthCheckNodePort',
  'internalTrafficPolicy', 'ipFamilies', 'ipFamilyPolicy', 'loadBalancerClass', 'loadBalancerIP', 'loadBalancerSourceRanges', 'ports',
  'publishNotReadyAddresses', 'selector', 'sessionAffinity', 'sessionAffinityConfig', 'trafficDistribution', 'type']

/** Three hours, as the API server fills it in. */
const AFFINITY_S = 10_800
const LONGEST_AFFINITY_S = 86_400

export function readService(object: Field, metadata: Metadata): Service {
  const spec = object.field('spec')
  spec.mapping(SERVICE)
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(metadata.name) || metadata.name.length > 63) {
    object.field('metadata').field('name').invalid('must be a lowercase RFC 1035 label', 'up to 63 of a-z, 0-9 and `-`, with a letter first', 'web')
  }
  const type = spec.field('type').oneOf(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const) ?? 'ClusterIP'
  const clusterIP = spec.field('clusterIP')
  const address = clusterIP.text()
  if (address !== undefined && address !== '' && address !== 'None' && familyOf(address) === undefined) {
    clusterIP.invalid('must be empty, \'None\', or a valid IP address', 'an address of the Service range', '10.96.0.42')
  }
  if (address === 'None' && (type === 'NodePort' || type === 'LoadBalancer')) clusterIP.invalid(`may not be set to 'None' for ${type} services`, 'no clusterIP')
  if (address !== undefined && address !== '' && type === 'ExternalName') clusterIP.forbidden('may not be set for ExternalName services', 'no clusterIP')
  const ports = spec.field('ports').items().flatMap((port, _, all) => readServicePort(port, all.length > 1, type))
  if (ports.length === 0 && type !== 'ExternalName' && address !== 'None' && spec.field('ports').items().length === 0) spec.field('ports').required('', 'one port at least', 'ports: [{ port: 80 }]')
  if (type === 'ExternalName' && !spec.field('externalName').present) spec.field('externalName').required('', 'the name', 'externalName: db.example.com')
  for (const [index, port] of ports.entries()) {
    const before = ports.slice(0, index).filter(other => other.protocol === port.protocol)
    const at = spec.field('ports').items()[index]
    if (before.some(other => other.port === port.port)) at?.invalid('Duplicate value: port and protocol are another\'s', 'each once')
    if (before.some(other => other.nodePort !== undefined && other.nodePort === port.nodePort)) at?.field('nodePort').invalid('Duplicate value: node port and protocol are another\'s', 'each once')
    if (port.name !== undefined && ports.slice(0, index).some(other => other.name === port.name)) at?.field('name').invalid('Duplicate value', 'each name once')
  }
  const externalIPs = spec.field('externalIPs').items().flatMap(readAddress)
  return {
    ...metadata, type, ports,
    clusterIP: address === '' ? undefined : address,
    selector: spec.field('selector').entries().length === 0 ? undefined : readLabels(spec.field('selector')),
    internalTrafficPolicy: spec.field('internalTrafficPolicy').oneOf(['Cluster', 'Local'] as const) ?? 'Cluster',
    publishNotReadyAddresses: spec.field('publishNotReadyAddresses').flag() ?? false,
    externalName: spec.field('externalName').text(),
    ...readOutside(object, type, externalIPs),
    affinitySeconds: readAffinity(spec),
  }
}

/** What is for clients outside of the cluster. */
function readOutside(object: Field, type: Service['type'], externalIPs: readonly string[]): Pick<Service, 'externalTrafficPolicy' | 'externalIPs' | 'loadBalancerIPs' | 'loadBalancerClass' | 'loadBalancerSourceRanges' | 'healthCheckNodePort'> {
  const spec = object.field('spec')
  const policy = spec.field('externalTrafficPolicy')
  const externalTrafficPolicy = policy.oneOf(['Cluster', 'Local'] as const) ?? 'Cluster'
  if (policy.present && type !== 'NodePort' && type !== 'LoadBalancer' && !(type === 'ClusterIP' && externalIPs.length > 0)) {
    policy.invalid('may only be set for externally-accessible services', '`type: NodePort` or `type: LoadBalancer`')
  }
  const health = spec.field('healthCheckNodePort')
  const healthCheckNodePort = readPort(health)
  if (healthCheckNodePort !== undefined && (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local')) {
    health.invalid('may only be set when `type` is \'LoadBalancer\' and `externalTrafficPolicy` is \'Local\'', 'both, or no health check')
  }
  const loadBalancerClass = spec.field('loadBalancerClass')
  const ranges = spec.field('loadBalancerSourceRanges')
  if (type !== 'LoadBalancer') {
    for (const field of [loadBalancerClass, ranges]) if (field.present && !(field === ranges && ranges.items().length === 0)) field.forbidden('may only be used when `type` is \'LoadBalancer\'', '`type: LoadBalancer`')
  }
  return {
    externalTrafficPolicy, externalIPs, healthCheckNodePort,
    loadBalancerClass: loadBalancerClass.text(),
    loadBalancerSourceRanges: ranges.items().flatMap(field => {
      const text = field.text()
      if (text !== undefined && parseRange(text.trim()) === undefined) field.invalid('must be a valid CIDR value', 'a range of addresses', '10.0.0.0/8')
      return text === undefined ? [] : [text.trim()]
    }),
    loadBalancerIPs: object.field('status').field('loadBalancer').field('ingress').items().flatMap(one => one.mapping() ? readAddress(one.field('ip')) : []),
  }
}

/** Undefined: each connection is for itself. */
function readAffinity(spec: Field): number | undefined {
  const affinity = spec.field('sessionAffinity').oneOf(['ClientIP', 'None'] as const) ?? 'None'
  const config = spec.field('sessionAffinityConfig')
  const seconds = config.mapping(['clientIP']) ? config.field('clientIP').field('timeoutSeconds') : undefined
  const number = seconds?.whole()
  if (affinity === 'None') {
    if (config.present) config.forbidden('must not be set when session affinity is None', '`sessionAffinity: ClientIP`')
    return undefined
  }
  if (number !== undefined && (number <= 0 || number > LONGEST_AFFINITY_S)) seconds?.invalid(`must be greater than 0 and less than ${LONGEST_AFFINITY_S}`, 'seconds', '10800')
  return number ?? AFFINITY_S
}

function readAddress(field: Field): readonly string[] {
  const text = field.text()
  if (text === undefined || text === '') return []
  if (familyOf(text) === undefined) field.invalid('must be a valid IP address', 'an address', '192.168.1.240')
  return [text]
}

const [FIRST_NODE_PORT, LAST_NODE_PORT] = [30_000, 32_767]

function readServicePort(field: Field, named: boolean, type: Service['type']): readonly ServicePort[] {
  if (!field.mapping(['name', 'protocol', 'port', 'targetPort', 'nodePort', 'appProtocol'])) return []
  const port = readPort(field.field('port'))
  if (port === undefined) {
    if (!field.field('port').present) field.field('port').required('', 'a port', 'port: 80')
    return []
  }
  const name = field.field('name').text()
  if (named && (name === undefined || name === '')) field.field('name').required('', 'a name for each, where there are several', 'name: http')
  if (name !== undefined && name !== '' && (!LABEL.test(name) || name.length > 63)) field.field('name').invalid('must be a lowercase RFC 1123 label', 'up to 63 of a-z, 0-9 and `-`', 'http')
  const target = field.field('targetPort')
  const targetPort = target.wholeOrText()
  if (typeof targetPort === 'number' && !isPort(targetPort)) target.invalid('must be between 1 and 65535, inclusive', 'a port', '8080')
  if (typeof targetPort === 'string') portName(target, targetPort)
  const at = field.field('nodePort')
  const nodePort = at.whole()
  if (nodePort !== undefined && nodePort !== 0) {
    if (type !== 'NodePort' && type !== 'LoadBalancer') at.forbidden(`may not be used when \`type\` is '${type}'`, '`type: NodePort`')
    else if (nodePort < FIRST_NODE_PORT || nodePort > LAST_NODE_PORT) at.invalid(`provided port is not in the valid range. The range of valid ports is ${FIRST_NODE_PORT}-${LAST_NODE_PORT}`, 'a port of that range', '31175')
  }
  return [{
    name: name === '' ? undefined : name, protocol: field.field('protocol').oneOf(PROTOCOLS) ?? 'TCP', port, targetPort: targetPort ?? port,
    nodePort: nodePort === 0 ? undefined : nodePort,
  }]
}

export function readSlice(object: Field, metadata: Metadata): EndpointSlice {
  object.mapping(['apiVersion', 'kind', 'metadata', 'addressType', 'endpoints', 'ports'])
  const type = object.field('addressType')
  const addressType = type.oneOf(['IPv4', 'IPv6', 'FQDN'] as const)
  if (!type.present) type.required('', '`addressType: IPv4`')
  const ports = object.field('ports').items().flatMap(readSlicePort)
  for (const [index, { name }] of ports.entries()) {
    if (ports.slice(0, index).some(other => other.name === name)) object.field('ports').items()[index]?.field('name').invalid('Duplicate value', 'each name once; of several ports each needs one')
  }
  return {
    name: metadata.name, namespace: metadata.namespace, service: metadata.labels['kubernetes.io/service-name'], addressType: addressType ?? 'IPv4', ports,
    endpoints: object.field('endpoints').items().flatMap(endpoint => readEndpoint(endpoint, addressType ?? 'IPv4')),
  }
}

function readEndpoint(field: Field, type: EndpointSlice['addressType']): readonly SliceEndpoint[] {
  if (!field.mapping(['addresses', 'conditions', 'hostname', 'targetRef', 'deprecatedTopology', 'nodeName', 'zone', 'hints'])) return []
  const listed = field.field('addresses')
  const addresses = listed.items().flatMap(one => {
    const text = one.text()
    if (text === undefined) return []
    if (type === 'IPv4' && familyOf(text) !== 'ipv4') one.invalid('must be a valid IPv4 address', 'an address', '10.244.1.2')
    if (type === 'IPv6' && familyOf(text) !== 'ipv6') one.invalid('must be a valid IPv6 address', 'an address', '2001:db8::1')
    return [text]
  })
  if (listed.items().length === 0) listed.required('must contain at least 1 address', 'an address', 'addresses: [10.244.1.2]')
  const conditions = field.field('conditions')
  conditions.mapping(['ready', 'serving', 'terminating'])
  // What is not known counts as ready, and as not terminating.
  const ready = conditions.field('ready').flag() ?? true
  const target = field.field('targetRef')
  return addresses.length === 0 ? [] : [{
    addresses, ready,
    serving: conditions.field('serving').flag() ?? ready,
    terminating: conditions.field('terminating').flag() ?? false,
    hostname: readName(field.field('hostname')),
    node: field.field('nodeName').text(),
    pod: target.mapping() && target.field('kind').text() === 'Pod' ? target.field('name').text() : undefined,
  }]
}

function readSlicePort(field: Field): readonly SlicePort[] {
  if (!field.mapping(['name', 'protocol', 'port', 'appProtocol'])) return []
  const name = field.field('name').text()
  if (name !== undefined && name !== '' && (!LABEL.test(name) || name.length > 63)) field.field('name').invalid('must be a lowercase RFC 1123 label', 'up to 63 of a-z, 0-9 and `-`', 'http')
  return [{ name: name === '' ? undefined : name, protocol: field.field('protocol').oneOf(PROTOCOLS) ?? 'TCP', port: readPort(field.field('port')) }]
}

export function readNode(object: Field, metadata: Metadata): ClusterNode {
  const podCIDR = object.field('spec').field('podCIDR')
  const range = podCIDR.text()
  if (range !== undefined && range !== '' && parseRange(range) === undefined) podCIDR.invalid('must be a valid CIDR value', 'a range of addresses', '10.244.1.0/24')
  return {
    name: metadata.name, podCIDR: range === '' ? undefined : range,
    addresses: object.field('status').field('addresses').items().flatMap(one => one.mapping() && one.field('type').text() !== 'Hostname' ? readAddress(one.field('address')) : []),
  }
}
