// What NetworkPolicy v1 says, in sentences of its documentation, and laws that hold for any policies.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Labels, Namespace, NetworkPolicy, Objects, Pod, PolicyPort, Rule, Selector } from '../../kubernetes/objects.ts'
import { decide, type Decision } from '../../kubernetes/policy.ts'
import { readObjects } from '../../kubernetes/read.ts'

/** Pods a, b in each of the namespaces x and y, with port 80 called http, and what a policy's spec in x makes of them. */
function cluster(...specs: readonly string[]): Objects {
  const pods = ['x', 'y'].flatMap(namespace => ['a', 'b'].map((name, index) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
spec: { containers: [{ ports: [{ name: http, containerPort: 80 }] }] }
status: { podIP: 10.244.${namespace === 'x' ? 1 : 2}.${index + 1} }`))
  const namespaces = ['x', 'y'].map(name => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { team: ${name}-team } }`)
  const policies = specs.map((spec, index) => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: p${index}, namespace: x }
spec: ${spec}`)
  return readObjects([{ file: 'cluster.yaml', text: [...namespaces, ...pods, ...policies].join('\n---') }])
}

function asked({ pods, policies, namespaces }: Objects, from: string, to: string, port: string): Decision {
  const end = (name: string) => pods.find(pod => `${pod.namespace}/${pod.name}` === name) ?? { address: name }
  const [number, protocol = 'TCP'] = port.split('/')
  return decide({ from: end(from), to: end(to), port: Number(number), protocol: protocol as 'TCP' }, policies, namespaces)
}

interface Case {
  readonly title: string
  readonly specs: readonly string[]
  /** `from > to port`. */
  readonly allowed?: readonly string[]
  readonly denied?: readonly string[]
}

const cases: readonly Case[] = [
  { title: 'without policies everything is allowed', specs: [], allowed: ['x/a > y/b 80', 'x/a > 192.0.2.1 443'] },
  { title: 'an empty selector isolates all pods of its own namespace, and no others', specs: ['{ podSelector: {}, policyTypes: [Ingress] }'], denied: ['x/a > x/b 80', 'y/a > x/a 80', '192.0.2.1 > x/a 80'], allowed: ['x/a > y/a 80', 'x/a > x/a 80'] },
  { title: 'a missing selector is an empty one', specs: ['{ policyTypes: [Ingress] }'], denied: ['x/a > x/b 80'] },
  { title: 'isolation for ingress leaves egress alone', specs: ['{ podSelector: { matchLabels: { app: a } } }'], denied: ['x/b > x/a 80'], allowed: ['x/a > x/b 80', 'x/a > 192.0.2.1 53/UDP'] },
  { title: 'without policyTypes an empty egress section isolates nobody for egress', specs: ['{ podSelector: {}, egress: [] }'], allowed: ['x/a > y/a 80'], denied: ['y/a > x/a 80'] },
  { title: 'without policyTypes an egress rule isolates both ways', specs: ['{ podSelector: {}, egress: [{ to: [{ podSelector: {} }] }] }'], denied: ['x/a > y/a 80', 'y/a > x/a 80', 'x/a > x/b 80'] },
  { title: 'egress alone, when only that is named', specs: ['{ podSelector: {}, policyTypes: [Egress] }'], denied: ['x/a > y/a 80'], allowed: ['y/a > x/a 80'] },
  { title: 'an empty rule allows every peer on every port', specs: ['{ podSelector: {}, ingress: [{}] }'], allowed: ['y/b > x/a 80', '192.0.2.1 > x/a 53/UDP'] },
  { title: 'an empty list of peers is every peer', specs: ['{ podSelector: {}, ingress: [{ from: [], ports: [{ port: 80 }] }] }'], allowed: ['y/b > x/a 80', '192.0.2.1 > x/a 80'], denied: ['y/b > x/a 81'] },
  { title: 'a podSelector alone means pods of the policy\'s own namespace', specs: ['{ podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: a } } }] }] }'], allowed: ['x/a > x/b 80'], denied: ['y/a > x/b 80', 'x/b > x/a 80'] },
  { title: 'a namespaceSelector alone means all of its pods', specs: ['{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: y-team } } }] }] }'], allowed: ['y/a > x/a 80', 'y/b > x/a 80'], denied: ['x/b > x/a 80', '192.0.2.1 > x/a 80'] },
  { title: 'both selectors in one entry are AND', specs: ['{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: y-team } }, podSelector: { matchLabels: { app: a } } }] }] }'], allowed: ['y/a > x/b 80'], denied: ['y/b > x/b 80', 'x/a > x/b 80'] },
  { title: 'both selectors in two entries are OR', specs: ['{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: y-team } } }, { podSelector: { matchLabels: { app: a } } }] }] }'], allowed: ['y/a > x/b 80', 'y/b > x/b 80', 'x/a > x/b 80'] },
  { title: 'every namespace has its name as a label', specs: ['{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: y } } }] }] }'], allowed: ['y/a > x/a 80'], denied: ['x/b > x/a 80'] },
  { title: 'policies add up: one that allows is enough', specs: ['{ podSelector: {} }', '{ podSelector: { matchLabels: { app: a } }, ingress: [{ ports: [{ port: 80 }] }] }'], allowed: ['y/a > x/a 80'], denied: ['y/a > x/b 80', 'y/a > x/a 81'] },
  { title: 'what one end may send the other must let in', specs: ['{ podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [{}] }', '{ podSelector: { matchLabels: { app: b } }, policyTypes: [Ingress] }'], denied: ['x/a > x/b 80'], allowed: ['x/a > y/b 80'] },
  { title: 'the protocol is TCP unless another is named', specs: ['{ podSelector: {}, ingress: [{ ports: [{ port: 53 }] }] }'], allowed: ['y/a > x/a 53'], denied: ['y/a > x/a 53/UDP'] },
  { title: 'a port without a number is every port of its protocol', specs: ['{ podSelector: {}, ingress: [{ ports: [{ protocol: UDP }] }] }'], allowed: ['y/a > x/a 53/UDP', 'y/a > x/a 9/UDP'], denied: ['y/a > x/a 53'] },
  { title: 'a range has both its ends', specs: ['{ podSelector: {}, ingress: [{ ports: [{ port: 8000, endPort: 8002 }] }] }'], allowed: ['y/a > x/a 8000', 'y/a > x/a 8002'], denied: ['y/a > x/a 7999', 'y/a > x/a 8003'] },
  { title: 'a name is a port of the pod that is reached', specs: ['{ podSelector: {}, ingress: [{ ports: [{ port: http }] }] }'], allowed: ['y/a > x/a 80'], denied: ['y/a > x/a 81', 'y/a > x/a 80/UDP'] },
  { title: 'also for egress, and outside nobody has names', specs: ['{ podSelector: {}, policyTypes: [Egress], egress: [{ ports: [{ port: http }] }] }'], allowed: ['x/a > y/a 80'], denied: ['x/a > y/a 81', 'x/a > 192.0.2.1 80'] },
  { title: 'an ipBlock goes by address, except what it excepts', specs: ['{ podSelector: {}, policyTypes: [Egress], egress: [{ to: [{ ipBlock: { cidr: 192.0.2.0/24, except: [192.0.2.128/25] } }] }] }'], allowed: ['x/a > 192.0.2.1 443'], denied: ['x/a > 192.0.2.129 443', 'x/a > y/a 80', 'x/a > 198.51.100.1 443'] },
  { title: 'an ipBlock also holds pods', specs: ['{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.244.2.0/24 } }] }] }'], allowed: ['y/a > x/a 80'], denied: ['x/b > x/a 80'] },
  { title: 'what one ipBlock excepts another may allow', specs: ['{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.244.2.0/24] } }, { ipBlock: { cidr: 10.244.2.1/32 } }] }] }'], allowed: ['y/a > x/a 80', 'x/b > x/a 80'], denied: ['y/b > x/a 80'] },
  { title: 'IPv6 ranges hold no IPv4 pods', specs: ['{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "::/0" } }] }] }'], denied: ['y/a > x/a 80'], allowed: ['2001:db8::1 > x/a 80'] },
  { title: 'NotIn holds for pods without the label', specs: ['{ podSelector: { matchExpressions: [{ key: tier, operator: NotIn, values: [front] }] } }'], denied: ['y/a > x/a 80'] },
  { title: 'Exists and DoesNotExist', specs: ['{ podSelector: { matchExpressions: [{ key: app, operator: Exists }, { key: tier, operator: DoesNotExist }] } }'], denied: ['y/a > x/a 80'] },
  { title: 'a pod cannot block itself', specs: ['{ podSelector: {}, policyTypes: [Ingress, Egress] }'], allowed: ['x/a > x/a 80'], denied: ['x/a > x/b 80'] },
]

describe('NetworkPolicy', () => {
  for (const { title, specs, allowed = [], denied = [] } of cases) {
    test(title, () => {
      const objects = cluster(...specs)
      const outcome = (line: string): string => {
        const [, from = '', to = '', port = ''] = /^(\S+) > (\S+) (\S+)$/.exec(line) ?? []
        return `${line}: ${asked(objects, from, to, port).outcome}`
      }
      expect([...allowed, ...denied].map(outcome)).toEqual([...allowed.map(line => `${line}: allowed`), ...denied.map(line => `${line}: denied`)])
      expect(allowed.length + denied.length).toBeGreaterThan(0)
    })
  }

  test('says which policy decides, and why', () => {
    const objects = cluster('{ podSelector: {} }', '{ podSelector: { matchLabels: { app: a } }, ingress: [{ ports: [{ port: 80 }] }] }')
    expect(asked(objects, 'y/a', 'x/a', '80')).toEqual({ outcome: 'allowed', because: 'x/p1 allows it (ingress[0])', by: ['x/p1'] })
    expect(asked(objects, 'y/a', 'x/a', '81')).toEqual({ outcome: 'denied', because: 'x/p0 and x/p1 isolate x/a for ingress, and no rule matches', by: ['x/p0', 'x/p1'] })
    expect(asked(objects, 'y/a', 'x/b', '80')).toEqual({ outcome: 'denied', because: 'x/p0 isolates x/b for ingress, and has no rule for it', by: ['x/p0'] })
  })

  test('does not guess an address that a pod has not got yet', () => {
    const { policies, namespaces, pods } = cluster('{ podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.244.2.0/24 } }] }] }')
    const [to] = pods
    const from = pods.find(pod => pod.namespace === 'y')
    if (to === undefined || from === undefined) throw new Error('no pods')
    expect(decide({ from: { ...from, address: undefined }, to, port: 80, protocol: 'TCP' }, policies, namespaces))
      .toMatchObject({ outcome: 'unknown', because: 'ingress[0] of x/p0 goes by address, and y/a has no status.podIP' })
  })

  test('leaves pods on their node\'s network to the plugin, as the specification does', () => {
    const { policies, namespaces, pods } = cluster('{ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }')
    const [a, b] = pods
    if (a === undefined || b === undefined) throw new Error('no pods')
    const host = { ...a, hostNetwork: true }
    expect(decide({ from: host, to: b, port: 80, protocol: 'TCP' }, policies, namespaces).outcome).toBe('unspecified')
    expect(decide({ from: b, to: host, port: 80, protocol: 'TCP' }, policies, namespaces).outcome).toBe('unspecified')
    expect(decide({ from: b, to: host, port: 80, protocol: 'TCP' }, [], namespaces).outcome).toBe('allowed')
  })
})

const labels: fc.Arbitrary<Labels> = fc.dictionary(fc.constantFrom('app', 'tier'), fc.constantFrom('a', 'b'), { maxKeys: 2 })
const selector: fc.Arbitrary<Selector> = fc.array(fc.record({
  key: fc.constantFrom('app', 'tier'), operator: fc.constantFrom('In' as const, 'NotIn' as const, 'Exists' as const, 'DoesNotExist' as const), values: fc.constantFrom(['a'], ['b'], ['a', 'b']),
}), { maxLength: 2 })
const port: fc.Arbitrary<PolicyPort> = fc.record({ protocol: fc.constantFrom('TCP' as const, 'UDP' as const), port: fc.constantFrom(undefined, 80, 'http'), endPort: fc.constant(undefined) })
const peer: fc.Arbitrary<Rule['peers'][number]> = fc.oneof(
  fc.record({ podSelector: selector, namespaceSelector: fc.option(selector, { nil: undefined }) }),
  fc.record({ podSelector: fc.constant(undefined), namespaceSelector: selector }),
  fc.record({ ipBlock: fc.record({ cidr: fc.constantFrom('10.244.1.0/24', '10.244.0.0/16'), except: fc.constantFrom([], ['10.244.1.1/32']) }) }),
)
const rule: fc.Arbitrary<Rule> = fc.record({ peers: fc.array(peer, { maxLength: 2 }), ports: fc.array(port, { maxLength: 2 }) })
const policy: fc.Arbitrary<NetworkPolicy> = fc.record({
  name: fc.string({ minLength: 1, maxLength: 4 }), namespace: fc.constantFrom('x', 'y'), podSelector: selector, ingress: fc.array(rule, { maxLength: 2 }), egress: fc.array(rule, { maxLength: 2 }),
  policyTypes: fc.constantFrom(['Ingress' as const], ['Egress' as const], ['Ingress' as const, 'Egress' as const]),
})
const pod: fc.Arbitrary<Pod> = fc.record({
  name: fc.constantFrom('p', 'q', 'r'), namespace: fc.constantFrom('x', 'y'), labels, ports: fc.constantFrom([], [{ name: 'http', port: 80, protocol: 'TCP' as const }]),
  node: fc.constant(undefined), address: fc.constantFrom('10.244.1.1', '10.244.1.2', '10.244.2.1'), ready: fc.constant(true), hostNetwork: fc.constant(false), terminating: fc.constant(false), ended: fc.constant(false),
  hostname: fc.constant(undefined), subdomain: fc.constant(undefined),
})
const namespaces: fc.Arbitrary<readonly Namespace[]> = fc.tuple(labels, labels).map(([x, y]) => [{ name: 'x', labels: x }, { name: 'y', labels: y }])
const connection = fc.record({ from: pod, to: pod, port: fc.constantFrom(80, 81), protocol: fc.constantFrom('TCP' as const, 'UDP' as const) })

describe('for any policies', () => {
  test('their order does not matter', () => {
    fc.assert(fc.property(connection, fc.array(policy, { maxLength: 4 }), namespaces, (one, policies, all) => {
      expect(decide(one, policies.toReversed(), all).outcome).toBe(decide(one, policies, all).outcome)
    }))
  })

  test('a further rule in a policy takes nothing away', () => {
    fc.assert(fc.property(connection, fc.array(policy, { minLength: 1, maxLength: 3 }), rule, namespaces, (one, policies, further, all) => {
      const [first, ...rest] = policies
      if (first === undefined || decide(one, policies, all).outcome !== 'allowed') return
      expect(decide(one, [{ ...first, ingress: [...first.ingress, further], egress: [...first.egress, further] }, ...rest], all).outcome).toBe('allowed')
    }))
  })

  test('a further policy for pods that are isolated already takes nothing away', () => {
    fc.assert(fc.property(connection, fc.array(policy, { maxLength: 3 }), policy, namespaces, (one, policies, further, all) => {
      const isolated = ['x', 'y'].map((namespace): NetworkPolicy => ({ name: 'all', namespace, podSelector: [], ingress: [], egress: [], policyTypes: ['Ingress', 'Egress'] }))
      if (decide(one, [...policies, ...isolated], all).outcome !== 'allowed') return
      expect(decide(one, [...policies, ...isolated, further], all).outcome).toBe('allowed')
    }))
  })

  test('who is denied is denied by a policy that selects one of the two ends', () => {
    fc.assert(fc.property(connection, fc.array(policy, { maxLength: 4 }), namespaces, (one, policies, all) => {
      const decision = decide(one, policies, all)
      if (decision.outcome !== 'denied') return
      expect(decision.by.length).toBeGreaterThan(0)
      expect(decide(one, policies.filter(each => !decision.by.includes(`${each.namespace}/${each.name}`)), all)).not.toMatchObject({ outcome: 'denied', because: decision.because })
    }))
  })

  test('everything is allowed by a rule with nothing in it, for whoever else is isolated', () => {
    fc.assert(fc.property(connection, fc.array(policy, { maxLength: 4 }), namespaces, (one, policies, all) => {
      const open = ['x', 'y'].map((namespace): NetworkPolicy => ({ name: 'open', namespace, podSelector: [], ingress: [{ peers: [], ports: [] }], egress: [{ peers: [], ports: [] }], policyTypes: ['Ingress', 'Egress'] }))
      expect(decide(one, [...policies, ...open], all).outcome).toBe('allowed')
    }))
  })
})
