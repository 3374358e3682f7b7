// Policies by chance, as the API server takes them: each number makes the same ones again.

/** As JSON has it. */
export type ApiObject = Readonly<Record<string, unknown>>

export interface GeneratedPod {
  readonly namespace: string
  readonly name: string
  readonly address: string
  readonly node: string
}

const NAMESPACES: Readonly<Record<string, ApiObject>> = { x: { team: 'one' }, y: { team: 'two', env: 'test' }, z: {} }

/** Three pods a namespace, three a node, and no node with just one namespace. */
export const PODS: readonly GeneratedPod[] = ([
  ['x', 'a', 1], ['x', 'b', 1], ['y', 'c', 1], ['x', 'c', 2], ['y', 'a', 2], ['z', 'b', 2], ['y', 'b', 3], ['z', 'a', 3], ['z', 'c', 3],
] as const).map(([namespace, name, node], index) => ({ namespace, name, node: `node${node}`, address: `10.244.${node}.${index % 3 + 2}` }))

/** One name means other ports in other pods, another protocol in one, and nothing in some. */
const NAMED: Readonly<Record<string, readonly ApiObject[]>> = {
  a: [{ name: 'web', containerPort: 80 }, { name: 'dns', containerPort: 81, protocol: 'UDP' }],
  b: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }],
  c: [{ name: 'web', containerPort: 81, protocol: 'UDP' }, { containerPort: 80 }],
}
const TIERS: Readonly<Record<string, string>> = { 'x/a': 'front', 'y/b': 'front', 'z/c': 'front', 'x/b': 'back', 'y/c': 'back' }

export const PORTS = [80, 81, 8080, 8081].flatMap(port => [{ protocol: 'TCP' as const, port }, { protocol: 'UDP' as const, port }])

export const pods: readonly ApiObject[] = PODS.map(({ namespace, name, address, node }) => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: name, ...TIERS[`${namespace}/${name}`] === undefined ? {} : { tier: TIERS[`${namespace}/${name}`] } } },
  spec: { nodeName: node, containers: [{ name: 'main', image: 'main', ports: NAMED[name] ?? [] }] },
  status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
}))

export const namespaces: readonly ApiObject[] = Object.entries(NAMESPACES).map(([name, labels]) => ({
  apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
}))

type Pick = <T>(all: readonly [T, ...T[]]) => T

/** One to four policies. */
export function policiesOf(seed: number): readonly ApiObject[] {
  const pick = picker(seed)
  return Array.from({ length: pick([1, 1, 2, 2, 3, 4]) }, (_, index) => ({
    apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: `p${index}`, namespace: pick(['x', 'y', 'z']) }, spec: specOf(pick),
  }))
}

function specOf(pick: Pick): ApiObject {
  return {
    ...pick<ApiObject>([{}, { podSelector: {} }, { podSelector: podSelector(pick) }, { podSelector: podSelector(pick) }]),
    ...pick<ApiObject>([{}, { policyTypes: [] }, { policyTypes: ['Ingress'] }, { policyTypes: ['Egress'] }, { policyTypes: ['Ingress', 'Egress'] }, { policyTypes: ['Ingress', 'Egress'] }]),
    ...pick<ApiObject>([{}, { ingress: [] }, { ingress: rules(pick, 'from') }, { ingress: rules(pick, 'from') }, { ingress: rules(pick, 'from') }]),
    ...pick<ApiObject>([{}, { egress: [] }, { egress: rules(pick, 'to') }, { egress: rules(pick, 'to') }]),
  }
}

function rules(pick: Pick, peers: 'from' | 'to'): readonly ApiObject[] {
  return some(pick, [1, 1, 2], () => ({
    ...pick<ApiObject>([{}, { [peers]: [] }, ...several(() => ({ [peers]: some(pick, [1, 2, 3], () => peer(pick)) }), 6)]),
    ...pick<ApiObject>([{}, {}, { ports: [] }, ...several(() => ({ ports: some(pick, [1, 1, 2], () => port(pick)) }), 5)]),
  }))
}

function peer(pick: Pick): ApiObject {
  const [pods, namespaces] = [{ podSelector: podSelector(pick) }, { namespaceSelector: namespaceSelector(pick) }]
  return pick<ApiObject>([pods, pods, namespaces, namespaces, { ...pods, ...namespaces }, { ...pods, ...namespaces }, { ipBlock: block(pick) }])
}

function podSelector(pick: Pick): ApiObject {
  return pick<ApiObject>([
    {}, { matchLabels: { app: pick(['a', 'b', 'c']) } }, { matchLabels: { tier: pick(['front', 'back', 'none']) } }, { matchLabels: { app: pick(['a', 'b', 'c']), tier: 'front' } },
    { matchExpressions: [requirement(pick, 'app', ['a', 'b', 'c']), ...pick([[], [requirement(pick, 'tier', ['front', 'back'])]])] },
    { matchLabels: { app: pick(['a', 'b']) }, matchExpressions: [requirement(pick, 'tier', ['front', 'back'])] },
  ])
}

function namespaceSelector(pick: Pick): ApiObject {
  return pick<ApiObject>([
    {}, { matchLabels: { 'kubernetes.io/metadata.name': pick(['x', 'y', 'z']) } }, { matchLabels: { team: pick(['one', 'two', 'three']) } },
    { matchExpressions: [requirement(pick, 'team', ['one', 'two'])] }, { matchExpressions: [requirement(pick, 'kubernetes.io/metadata.name', ['x', 'y', 'z'])] },
  ])
}

function requirement(pick: Pick, key: string, values: readonly [string, ...string[]]): ApiObject {
  const operator = pick(['In', 'NotIn', 'Exists', 'DoesNotExist'])
  return operator === 'In' || operator === 'NotIn' ? { key, operator, values: [...new Set([pick(values), pick(values)])] } : { key, operator }
}

function block(pick: Pick): ApiObject {
  const pod = pick(PODS as readonly [GeneratedPod, ...GeneratedPod[]]).address
  return pick<ApiObject>([
    { cidr: '0.0.0.0/0' }, { cidr: '10.244.0.0/16', except: [`${pod}/32`] }, { cidr: `10.244.${pick([1, 2, 3])}.0/24` }, { cidr: `${pod}/32` },
    { cidr: '10.244.0.0/22', except: [`10.244.${pick([1, 2])}.0/24`, `${pod}/31`] }, { cidr: '192.168.1.0/24' }, { cidr: '::/0' },
  ])
}

function port(pick: Pick): ApiObject {
  const protocol = pick<ApiObject>([{}, { protocol: 'TCP' }, { protocol: 'UDP' }])
  return { ...protocol, ...pick<ApiObject>([{}, { port: 80 }, { port: 81 }, { port: 8080 }, { port: 'web' }, { port: 'web' }, { port: 'dns' }, { port: 80, endPort: 81 }, { port: 81, endPort: 8080 }, { port: 8080, endPort: 8080 }]) }
}

function some<T>(pick: Pick, counts: readonly [number, ...number[]], make: () => T): readonly T[] {
  return several(make, pick(counts))
}

function several<T>(make: () => T, count: number): readonly T[] {
  return Array.from({ length: count }, make)
}

/** mulberry32. */
function picker(seed: number): Pick {
  let state = seed >>> 0
  return all => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return all[((mixed ^ (mixed >>> 14)) >>> 0) % all.length] ?? all[0]
  }
}
