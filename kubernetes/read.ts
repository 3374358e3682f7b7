// YAML as `kubectl apply -f` takes it, and `kubectl get -o yaml` prints it → objects. What the API server would refuse is
// refused in its manner, with the line and column besides.
import { Mistakes } from '../runner/core/mistake.ts'
import { contains, familyOf, parseRange } from './address.ts'
import { Source, type Field } from './field.ts'
import type {
  ClusterNode, ContainerPort, EndpointSlice, Namespace, NetworkPolicy, Objects, Other, Peer, Pod, PolicyPort, PolicyType, Requirement, Rule, Selector, Service,
} from './objects.ts'
import { isPort, LABEL, portName, PROTOCOLS, qualified, readLabels, readName, readPort, readPortName, SUBDOMAIN, type Metadata } from './read-parts.ts'
import { readNode, readService, readSlice } from './read-services.ts'

const METADATA = ['name', 'generateName', 'namespace', 'labels', 'annotations', 'uid', 'resourceVersion', 'generation', 'creationTimestamp',
  'deletionTimestamp', 'deletionGracePeriodSeconds', 'ownerReferences', 'finalizers', 'managedFields', 'selfLink']

interface Gathering {
  readonly namespaces: Namespace[]
  readonly pods: Pod[]
  readonly services: Service[]
  readonly slices: EndpointSlice[]
  readonly nodes: ClusterNode[]
  readonly policies: NetworkPolicy[]
  readonly others: Other[]
}

/** Throws Mistakes, of all files at once. */
export function readObjects(files: readonly { readonly file: string; readonly text: string }[]): Objects {
  const all: Gathering = { namespaces: [], pods: [], services: [], slices: [], nodes: [], policies: [], others: [] }
  const seen = new Map<string, Field>()
  const mistakes = files.flatMap(({ file, text }) => {
    const source = new Source(file)
    for (const document of source.documents(text)) readDocument(document, all, seen)
    // A field that is read twice is one mistake.
    return source.mistakes.filter((mistake, index, every) => every.findIndex(one => one.message === mistake.message) === index)
  })
  if (mistakes.length > 0) throw new Mistakes(mistakes)
  return all
}

function readDocument(document: Field, all: Gathering, seen: Map<string, Field>): void {
  if (!document.mapping()) return
  const kind = document.field('kind').text()
  if (kind === 'List') {
    for (const item of document.field('items').items()) readDocument(item, all, seen)
    return
  }
  if (kind === undefined) return document.field('kind').required('', 'the kind of the object', 'kind: NetworkPolicy')
  const name = document.field('metadata').field('name').text() ?? ''
  const object = document.of({ kind, name })
  if (name === '') return object.field('metadata').field('name').required('name or generateName is required', 'a name', 'name: web')
  const version = object.field('apiVersion')
  const expected = VERSIONS[kind]
  if (expected === undefined) {
    all.others.push({ kind, name, at: object.at })
    return
  }
  if (version.text() !== expected) return version.present ? version.invalid(`no matches for kind ${JSON.stringify(kind)} in this version`, `\`${expected}\``) : version.required('', `\`${expected}\``)
  const metadata = readMetadata(object)
  const id = `${kind} ${kind === 'Namespace' || kind === 'Node' ? '' : metadata.namespace}/${name}`
  const first = seen.get(id)
  if (first !== undefined) return object.field('metadata').field('name').invalid(`${kind} is there already, at ${first.at.file}:${first.at.line}`, 'each object once')
  seen.set(id, object)
  switch (kind) {
    case 'Namespace': all.namespaces.push({ name, labels: { ...metadata.labels, 'kubernetes.io/metadata.name': name } }); break
    case 'Pod': all.pods.push(readPod(object, metadata)); break
    case 'Service': all.services.push(readService(object, metadata)); break
    case 'EndpointSlice': all.slices.push(readSlice(object, metadata)); break
    case 'Node': all.nodes.push(readNode(object, metadata)); break
    case 'NetworkPolicy': all.policies.push(readPolicy(object, metadata)); break
  }
}

const VERSIONS: Readonly<Record<string, string>> = { Namespace: 'v1', Pod: 'v1', Service: 'v1', Node: 'v1', EndpointSlice: 'discovery.k8s.io/v1', NetworkPolicy: 'networking.k8s.io/v1' }

function readMetadata(object: Field): Metadata {
  const metadata = object.field('metadata')
  metadata.mapping(METADATA)
  const name = metadata.field('name')
  const text = name.text() ?? ''
  if (!SUBDOMAIN.test(text) || text.length > 253) name.invalid('must be a lowercase RFC 1123 subdomain', 'a-z, 0-9, `-` and `.`, with a letter or digit at both ends', 'default-deny')
  const namespace = metadata.field('namespace')
  const where = namespace.text() ?? 'default'
  if (!LABEL.test(where) || where.length > 63) namespace.invalid('must be a lowercase RFC 1123 label', 'up to 63 of a-z, 0-9 and `-`', 'production')
  return { name: text, namespace: where, labels: readLabels(metadata.field('labels')) }
}

function readPod(object: Field, metadata: Metadata): Pod {
  const spec = object.field('spec')
  const status = object.field('status')
  const ports = spec.field('containers').items().flatMap(container => container.mapping() ? container.field('ports').items() : []).flatMap(readContainerPort)
  const address = status.field('podIP')
  const text = address.text()
  if (text !== undefined && text !== '' && familyOf(text) === undefined) address.invalid('must be a valid IP address', 'an address', '10.244.1.2')
  const ready = status.field('conditions').items().find(condition => condition.mapping() && condition.field('type').text() === 'Ready')
  return {
    ...metadata, ports,
    node: spec.field('nodeName').text(),
    address: text === '' ? undefined : text,
    ready: ready === undefined || ready.field('status').text() === 'True',
    hostNetwork: spec.field('hostNetwork').flag() ?? false,
    terminating: object.field('metadata').field('deletionTimestamp').present,
    ended: ['Succeeded', 'Failed'].includes(status.field('phase').text() ?? ''),
    hostname: readName(spec.field('hostname')),
    subdomain: readName(spec.field('subdomain')),
  }
}

function readContainerPort(field: Field): readonly ContainerPort[] {
  if (!field.mapping(['name', 'containerPort', 'hostPort', 'hostIP', 'protocol'])) return []
  const port = readPort(field.field('containerPort'))
  if (port === undefined) {
    if (!field.field('containerPort').present) field.field('containerPort').required('', 'a port', 'containerPort: 8080')
    return []
  }
  return [{ name: readPortName(field.field('name')), port, protocol: field.field('protocol').oneOf(PROTOCOLS) ?? 'TCP' }]
}

function readPolicy(object: Field, metadata: Metadata): NetworkPolicy {
  const spec = object.field('spec')
  spec.mapping(['podSelector', 'ingress', 'egress', 'policyTypes'])
  const ingress = spec.field('ingress').items().flatMap(rule => readRule(rule, 'from'))
  const egress = spec.field('egress').items().flatMap(rule => readRule(rule, 'to'))
  const types = spec.field('policyTypes')
  const given = types.items().flatMap(type => type.oneOf(['Ingress', 'Egress'] as const) ?? [])
  if (types.items().length > 2) types.invalid('may not specify more than two policyTypes', '`Ingress`, `Egress` or both')
  // The API server's own default: Ingress always, Egress where there is a rule for it.
  const policyTypes: readonly PolicyType[] = types.items().length > 0 ? given : egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
  return { ...metadata, podSelector: readSelector(spec.field('podSelector')) ?? [], ingress, egress, policyTypes }
}

function readRule(rule: Field, peers: 'from' | 'to'): readonly Rule[] {
  // `- {}` is a rule with nothing in it: every peer, every port.
  if (!rule.mapping([peers, 'ports'])) return []
  return [{ peers: rule.field(peers).items().flatMap(readPeer), ports: rule.field('ports').items().flatMap(readPolicyPort) }]
}

function readPolicyPort(field: Field): readonly PolicyPort[] {
  if (!field.mapping(['protocol', 'port', 'endPort'])) return []
  const [at, endAt] = [field.field('port'), field.field('endPort')]
  const [port, endPort] = [at.wholeOrText(), endAt.whole()]
  if (typeof port === 'number' && !isPort(port)) at.invalid('must be between 1 and 65535, inclusive', 'a port', '8080')
  if (typeof port === 'string') portName(at, port)
  if (endPort !== undefined) {
    if (port === undefined) endAt.invalid('may not be specified when `port` is not specified', '`port` beside it')
    else if (typeof port === 'string') endAt.invalid('may not be specified when `port` is non-numeric', 'a range of numbers')
    else if (endPort < port) endAt.invalid('must be greater than or equal to `port`', `${port} or more`)
    else if (!isPort(endPort)) endAt.invalid('must be between 1 and 65535, inclusive', 'a port', '8090')
  }
  return [{ protocol: field.field('protocol').oneOf(PROTOCOLS) ?? 'TCP', port, endPort }]
}

function readPeer(peer: Field): readonly Peer[] {
  // An empty entry says nobody, and is refused; an empty selector says everybody.
  if (!peer.mapping(['podSelector', 'namespaceSelector', 'ipBlock'])) {
    if (!peer.present) peer.required('must specify a peer', 'a selector or an ipBlock', 'podSelector: {}')
    return []
  }
  const podSelector = readSelector(peer.field('podSelector'))
  const namespaceSelector = readSelector(peer.field('namespaceSelector'))
  const block = peer.field('ipBlock')
  if (block.present) {
    if (podSelector !== undefined || namespaceSelector !== undefined) peer.forbidden('may not specify both ipBlock and another peer', 'two entries of the list')
    return readBlock(block)
  }
  if (podSelector === undefined && namespaceSelector === undefined) {
    peer.required('must specify a peer', 'a selector or an ipBlock', 'podSelector: {}')
    return []
  }
  return [{ podSelector, namespaceSelector }]
}

function readBlock(block: Field): readonly Peer[] {
  if (!block.mapping(['cidr', 'except'])) return []
  const at = block.field('cidr')
  const cidr = at.text()
  if (cidr === undefined || cidr === '') {
    at.required('', 'a range of addresses', 'cidr: 10.0.0.0/8')
    return []
  }
  const range = parseRange(cidr)
  if (range === undefined) at.invalid('must be a valid CIDR value', 'a range of addresses', '10.9.8.0/24')
  const except = block.field('except').items().flatMap(field => {
    const text = field.text()
    if (text === undefined) return []
    const inner = parseRange(text)
    if (inner === undefined) field.invalid('must be a valid CIDR value', 'a range of addresses', '10.9.8.0/24')
    else if (range !== undefined && (!contains(range, inner.address) || inner.prefix <= range.prefix)) field.invalid('must be a strict subset of `cidr`', `a smaller range within ${cidr}`)
    return [text]
  })
  return [{ ipBlock: { cidr, except } }]
}

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const

/** Undefined where there is none; an empty one selects everything. */
function readSelector(field: Field): Selector | undefined {
  if (!field.mapping(['matchLabels', 'matchExpressions'])) return undefined
  const labels = Object.entries(readLabels(field.field('matchLabels'))).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] }))
  return [...labels, ...field.field('matchExpressions').items().flatMap(readRequirement)]
}

function readRequirement(field: Field): readonly Requirement[] {
  if (!field.mapping(['key', 'operator', 'values'])) return []
  const key = field.field('key').text()
  if (key === undefined) {
    field.field('key').required('', 'a label key', 'key: app')
    return []
  }
  qualified(field.field('key'), key)
  const at = field.field('operator')
  const operator = OPERATORS.find(one => one === at.text())
  if (operator === undefined) {
    if (at.present) at.invalid('not a valid selector operator', OPERATORS.map(one => `\`${one}\``).join(', '))
    else at.required('', OPERATORS.map(one => `\`${one}\``).join(', '))
    return []
  }
  const listed = field.field('values')
  const values = listed.items().flatMap(value => value.text() ?? [])
  const takes = operator === 'In' || operator === 'NotIn'
  if (takes && values.length === 0) listed.required("must be specified when `operator` is 'In' or 'NotIn'", 'one value at least', 'values: [web]')
  if (!takes && values.length > 0) listed.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'", 'no values')
  return [{ key, operator, values }]
}
