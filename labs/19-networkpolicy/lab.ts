// 19 · NetworkPolicy: who may reach whom on which port, by rules that are made of objects.
import { readFileSync } from 'node:fs'
import { allReach, asPoliciesSay, compilesPolicies } from 'hardway/checks'
import { bash, CouldNotLook, defineLab, fail, pass, unknown, write, type Answer, type Bench, type Deed, type Nodes } from 'hardway/lab'
import { objectsOf, type Objects } from 'hardway/kubernetes'
import { otherPods, podsOnBridge, serves, sets } from 'hardway/networks'
import { selectors, theRest } from './unseen.ts'

type Name = 'node1' | 'node2' | 'node3' | 'ext'
type Node = Nodes<Name>[Name]

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')

interface Pod {
  readonly namespace: string
  readonly name: string
  readonly address: string
  readonly labels: Readonly<Record<string, string>>
  readonly ports?: Readonly<Record<string, number>>
}

const pod = (namespace: string, name: string, address: string, labels: Pod['labels'], ports?: Pod['ports']): Pod =>
  ({ namespace, name, address, labels, ...ports === undefined ? {} : { ports } })

/** By the name of its network namespace. The third number of an address is that of its node. */
const pods = {
  'a-x': pod('a', 'x', '10.244.1.2', { app: 'gradient-receiver' }, { gradients: 80 }),
  'a-y': pod('a', 'y', '10.244.1.3', { app: 'trainer' }),
  'a-z': pod('a', 'z', '10.244.2.2', { app: 'notebook' }),
  'b-x': pod('b', 'x', '10.244.1.4', { app: 'payment' }, { http: 8080, metrics: 9090 }),
  'b-y': pod('b', 'y', '10.244.2.3', { app: 'frontend' }),
  'b-z': pod('b', 'z', '10.244.2.4', { app: 'postgres' }, { sql: 5432 }),
  'c-x': pod('c', 'x', '10.244.1.5', { app: 'trainer' }),
  'c-y': pod('c', 'y', '10.244.1.6', { app: 'prometheus' }),
  'c-z': pod('c', 'z', '10.244.3.2', { app: 'frontend' }),
  prometheus: pod('monitoring', 'prometheus', '10.244.3.3', { app: 'prometheus' }),
  grafana: pod('monitoring', 'grafana', '10.244.3.4', { app: 'grafana' }),
  dns: pod('kube-system', 'dns', '10.244.3.5', { 'k8s-app': 'kube-dns' }),
} as const satisfies Readonly<Record<string, Pod>>

const namespaces = { a: { team: 'learning' }, b: { team: 'shop' }, c: { team: 'learning' }, monitoring: { team: 'platform' }, 'kube-system': {} }

/** What stands in for a program of each of these. */
const serving = [['a-x', '80'], ['b-x', '8080'], ['b-x', '9090'], ['b-z', '5432'], ['dns', '53'], ['dns', '53/udp']] as const

/** Addresses of Services: the port of one is not always that of its pods. */
const VIPS = ['10.96.0.10 . tcp . 53 : 10.244.3.5 . 53', '10.96.0.10 . udp . 53 : 10.244.3.5 . 53', '10.96.0.20 . tcp . 80 : 10.244.1.4 . 8080', '10.96.0.30 . tcp . 80 : 10.244.1.2 . 80']

const SERVICES = `nft -f - <<'END'
table ip services {
  map vips { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; elements = { ${VIPS.join(', ')} } }
  chain prerouting { type nat hook prerouting priority dstnat; dnat ip to ip daddr . ip protocol . th dport map @vips; }
  chain output { type nat hook output priority dstnat; dnat ip to ip daddr . ip protocol . th dport map @vips; }
}
END`

const list = (items: readonly unknown[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)
const metadata = (namespace: string, name: string, labels?: Pod['labels']) => ({ name, namespace, ...labels === undefined ? {} : { labels } })

const podObject = ({ namespace, name, address, labels, ports = {} }: Pod) => ({
  apiVersion: 'v1', kind: 'Pod', metadata: metadata(namespace, name, labels),
  spec: {
    nodeName: `node${address.split('.')[2]}`,
    containers: [{ name: 'main', image: name, ports: Object.entries(ports).map(([called, containerPort]) => ({ name: called, containerPort, protocol: 'TCP' })) }],
  },
  status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
})
const service = (namespace: string, name: string, clusterIP: string, selector: Pod['labels'], ...ports: readonly object[]) =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: metadata(namespace, name), spec: { clusterIP, selector, ports } })
const services = [
  service('kube-system', 'dns', '10.96.0.10', { 'k8s-app': 'kube-dns' }, { name: 'dns', protocol: 'UDP', port: 53 }, { name: 'dns-tcp', protocol: 'TCP', port: 53 }),
  service('b', 'payment', '10.96.0.20', { app: 'payment' }, { protocol: 'TCP', port: 80, targetPort: 8080 }),
  service('a', 'receiver', '10.96.0.30', { app: 'gradient-receiver' }, { protocol: 'TCP', port: 80 }),
]
const policy = (namespace: string, name: string, spec: object) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: metadata(namespace, name), spec })
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } })
const port = (number: number, ...protocols: readonly string[]) => (protocols.length === 0 ? ['TCP'] : protocols).map(protocol => ({ protocol, port: number }))
const scraper = { namespaceSelector: { matchLabels: { team: 'platform' } }, ...app('prometheus') }

const defaultDeny = policy('c', 'default-deny', { podSelector: {}, policyTypes: ['Ingress'] })
const trainers = policy('a', 'allow-from-trainers', { ...app('gradient-receiver'), policyTypes: ['Ingress'], ingress: [{ from: [app('trainer')] }] })
const payment = policy('b', 'allow-payment', {
  ...app('payment'), policyTypes: ['Ingress', 'Egress'],
  ingress: [{ from: [app('frontend')], ports: port(8080) }, { from: [scraper], ports: port(9090) }],
  egress: [{ to: [app('postgres')], ports: port(5432) }, { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: port(53, 'UDP', 'TCP') }],
})
const dns = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }
const five = {
  isolated: policy('b', 'isolated', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
  dns: policy('b', 'dns', { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [dns], ports: port(53, 'UDP', 'TCP') }] }),
  toPayment: policy('b', 'to-payment', { ...app('frontend'), policyTypes: ['Egress'], egress: [{ to: [app('payment')], ports: port(8080) }] }),
  toPostgres: policy('b', 'to-postgres', { ...app('postgres'), policyTypes: ['Ingress'], ingress: [{ from: [app('payment')], ports: port(5432) }] }),
  scraped: policy('b', 'scraped', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [scraper], ports: port(9090) }] }),
  outside: policy('b', 'outside', { ...app('frontend'), policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr: '192.168.1.200/32' } }], ports: port(80) }] }),
}
const namespaceObject = ([name, labels]: readonly [string, Pod['labels']]) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } })

async function node(node: Node, number: number): Promise<void> {
  const own = Object.entries<Pod>(pods).filter(([, { address }]) => address.startsWith(`10.244.${number}.`))
  const servers = serving.filter(([name]) => own.some(([called]) => called === name))
  await podsOnBridge(node, `10.244.${number}.0/24`, Object.fromEntries(own.map(([name, { address }]) => [name, address])), { routes: { ...otherPods(number), default: '192.168.1.200' }, script: [
    ...sets({ 'net.ipv4.ip_forward': 1, 'net.bridge.bridge-nf-call-iptables': 0 }),
    SERVICES,
    // When all has been sent, socat waits half a second for what nft says, unless it is told to wait longer.
    `setsid socat -t 20 TCP-LISTEN:7007,bind=192.168.1.1${number},reuseaddr,fork 'EXEC:nft -f -,stderr' </dev/null >/dev/null 2>&1 &`,
    ...serves(servers),
    // Whoever starts a server waits until it listens.
    `for try in {1..250}; do [ -n "$(ss -Hnlt sport = :7007)" ] && break; sleep 0.02; done`,
    ...number === 1 ? [
      'mkdir -p /etc/netpol',
      write('/srv/cluster/pods.json', list(Object.values(pods).map(podObject))),
      write('/srv/cluster/namespaces.json', list(Object.entries(namespaces).map(namespaceObject))),
      write('/srv/cluster/policies.json', list([defaultDeny, trainers, payment])),
      write('/usr/local/bin/tell', file('tell'), '755'),
      write('/usr/local/bin/cluster', file('cluster'), '755'),
    ] : [],
  ] })
}

/** Who the pods are now, as node1 has it: labels and addresses change in this lab. */
const podsNow = new WeakMap<Bench, Promise<readonly object[]>>()
const withPolicies = (...policies: readonly object[]) => async (bench: Bench): Promise<Objects> => {
  let now = podsNow.get(bench)
  if (now === undefined) {
    now = readPods(bench)
    podsNow.set(bench, now)
  }
  return objectsOf(list([...Object.entries(namespaces).map(namespaceObject), ...await now, ...services, ...policies]), 'pods.json')
}
async function readPods(bench: Bench): Promise<readonly object[]> {
  const file = await bench.place('node1').exec(['cat', '/srv/cluster/pods.json'])
  if (file.exitCode === 0) {
    try {
      const read: unknown = JSON.parse(file.stdout)
      if (typeof read === 'object' && read !== null && 'items' in read && Array.isArray(read.items)) return read.items.filter((item: unknown) => typeof item === 'object' && item !== null)
    } catch { /* it is no JSON: said below */ }
  }
  throw new CouldNotLook('node1 has no list of pods in /srv/cluster/pods.json any more: `npx lab reset` brings it back', file)
}

// What no later step changes: a claim holds from its step on.
const inside = (namespace: string) => (name: string): boolean => name.startsWith(`${namespace}/`)
const [b, c] = [inside('b'), inside('c')]
const neverChosen = (name: string): boolean => ['a/y', 'a/z', 'monitoring/prometheus', 'monitoring/grafana', 'kube-system/dns'].includes(name)
const WEB = ['80', '81', '80/UDP', '81/UDP']

const closed = asPoliciesSay('nobody but its own node reaches a pod of c, and the pods of c reach others', withPolicies(defaultDeny), { ports: WEB, about: (from, to) => c(to) || (c(from) && neverChosen(to)) })
const received = asPoliciesSay('only trainers of a reach a/x, by its address and by its Service', withPolicies(trainers), { ports: WEB, about: (_, to) => to === 'a/x' })
const besides = asPoliciesSay('a/x reaches others, and the pods that no policy chooses are open', withPolicies(trainers), { ports: ['80', '81/UDP'], about: (from, to) => !b(from) && !c(from) && neverChosen(to) })
const paid = asPoliciesSay('payment is reached by the frontend on 8080 and by the platform\'s prometheus on 9090, and by nobody else', withPolicies(defaultDeny, trainers, payment), { ports: ['80', '8080', '9090', '8080/UDP', '53/UDP'], about: (_, to) => to === 'b/x' })
const pays = asPoliciesSay('payment reaches postgres on 5432 and DNS, and nobody else', withPolicies(defaultDeny, trainers, payment), { ports: ['80', '5432', '53', '53/UDP'], about: from => from === 'b/x' })

const compiler = { node: 'node1', program: '/usr/local/bin/netpol', directory: '/srv/cluster' }
const chooses = compilesPolicies(compiler, selectors)('netpol makes rules of objects that it has not seen: pods are chosen as selectors say, for both directions', { ports: ['81', '82', '83', '84', '85', '86', '81/UDP'], about: (from, to) => ['red/db', 'red/api'].includes(to) || ['blue/api', 'red/db'].includes(from) })
const rest = compilesPolicies(compiler, theRest)
const ports = rest('netpol knows ports by number, range and name', { ports: ['8000', '8001', '8002', '8003', '8005', '8006', '8001/UDP'], about: (from, to) => to === 'green/old' || from === 'red/api' })
const ranges = rest('netpol knows ranges of addresses, and their exceptions', { ports: ['81', '82'], outside: theRest.outside, about: (from, to) => from === 'blue/api' || to === 'blue/api' })
const directions = rest('netpol isolates the directions that a policy without policyTypes means', { ports: ['87', '88'], about: (from, to) => ['green/shut', 'red/mute', 'green/old'].some(pod => pod === from || (pod === to && pod !== 'green/old')) })

const renewed = allReach({ 'a/y': '10.244.1.9', 'a/z': pods['a-z'].address }, { 'a/x': pods['a-x'].address })

const ofB = withPolicies(defaultDeny, trainers, payment, ...Object.values(five))
const ext = { ext: '192.168.1.200' }
const asksDns = asPoliciesSay('each pod of b may ask DNS, by UDP and TCP', ofB, { ports: ['53', '53/UDP'], about: (from, to) => b(from) && to === 'kube-system/dns' })
const needed = asPoliciesSay('in b, the frontend reaches payment, payment postgres, prometheus each of them, and ext the frontend', ofB, {
  ports: ['80', '8080', '9090', '5432'], outside: ext, about: (from, to) => (b(to) && (b(from) || from === 'monitoring/prometheus')) || (from === 'ext' && to === 'b/y'),
})
const nothingElse = asPoliciesSay('nobody else reaches a pod of b, and none of them reaches anybody else', ofB, { ports: ['80', '9090', '5432', '53/UDP'], outside: ext, about: (from, to) => b(from) !== b(to) && to !== 'kube-system/dns' && from !== 'monitoring/prometheus' })

// Deeds
const everywhere = (script: string | ((number: number) => string)): Deed<Name> => ({ node1, node2, node3 }) =>
  Promise.all([node1, node2, node3].map((one, index) => bash(one, typeof script === 'string' ? script : script(index + 1))))
const SEEN = 'sysctl -qw net.bridge.bridge-nf-call-iptables=1'
const nft = (text: string) => `nft -f - <<'END'\n${text}\nEND`
const table = (text: string) => nft(`table ip netpol\ndelete table ip netpol\ntable ip netpol {\n${text}\n}`)
const HOOK = 'type filter hook forward priority filter; policy accept;'
const OPEN = 'ct state established,related accept'
const addresses = { c: '{ 10.244.1.5, 10.244.1.6, 10.244.3.2 }', receiver: '10.244.1.2', trainer: '10.244.1.3', payment: '10.244.1.4', frontend: '10.244.2.3', postgres: '10.244.2.4', prometheus: '10.244.3.3', dns: '10.244.3.5' }
const forward = (...lines: readonly string[]) => table(`chain forward {\n${[HOOK, ...lines].join('\n')}\n}`)
const DENY_C = `ip daddr ${addresses.c} drop`

const byTrainers = (...instead: readonly string[]) => table(`
chain ingress {
${(instead.length > 0 ? instead : [`ip daddr ${addresses.receiver} ip saddr ${addresses.trainer} return`, 'drop']).join('\n')}
}
chain forward {
${[HOOK, OPEN, `ip daddr ${addresses.c} jump ingress`, `ip daddr ${addresses.receiver} jump ingress`].join('\n')}
}`)

const IN = [
  `ip daddr ${addresses.receiver} ip saddr ${addresses.trainer} return`,
  `ip daddr ${addresses.payment} ip saddr ${addresses.frontend} tcp dport 8080 return`,
  `ip daddr ${addresses.payment} ip saddr ${addresses.prometheus} tcp dport 9090 return`,
]
const OUT = [
  `ip saddr ${addresses.payment} ip daddr ${addresses.postgres} tcp dport 5432 return`,
  `ip saddr ${addresses.payment} ip daddr ${addresses.dns} udp dport 53 return`,
  `ip saddr ${addresses.payment} ip daddr ${addresses.dns} tcp dport 53 return`,
]
const ISOLATED = { out: addresses.payment, in: `{ 10.244.1.5, 10.244.1.6, 10.244.3.2, ${addresses.receiver}, ${addresses.payment} }` }
interface Hand { readonly in?: readonly string[]; readonly out?: readonly string[]; readonly isolatedOut?: boolean; readonly hook?: string }
const byHand = ({ in: into = IN, out = OUT, isolatedOut = true, hook = HOOK }: Hand = {}) => table(`
chain ingress {
${[...into, 'drop'].join('\n')}
}
chain egress {
${[...out, 'drop'].join('\n')}
}
chain forward {
${[hook, OPEN, ...isolatedOut ? [`ip saddr ${ISOLATED.out} jump egress`] : [], `ip daddr ${ISOLATED.in} jump ingress`].join('\n')}
}`)
const hand = (how: Hand): Deed<Name> => everywhere(byHand(how))

const APPLY = 'for node in node1 node2 node3; do netpol $node | tell $node; done'
const NETPOL = write('/usr/local/bin/netpol', `#!/bin/sh
cd /srv/cluster || exit
jq -n --arg node "$1" '{$node, pods: input, namespaces: input, policies: input}' pods.json namespaces.json policies.json | jq -r "$(cat /etc/netpol/*.jq)"`, '755')
/** One piece of the program changed, and the rules made by it. */
const changed = (piece: string, substitution: string): Deed<Name> => ({ node1 }) => bash(node1, `cd /etc/netpol
  sed -E -i.old ${quoted(substitution)} ${piece}
  ! cmp -s ${piece} ${piece}.old
  rm ${piece}.old
  ${APPLY}`)
const quoted = (text: string) => `'${text.replaceAll('\'', '\'\\\'\'')}'`
const apply = (before: string): Deed<Name> => ({ node1 }) => bash(node1, `${before}\n${APPLY}`)
const given = (...policies: readonly object[]) => `jq --argjson more ${quoted(JSON.stringify(policies))} '.items += $more' /srv/cluster/policies.json >/srv/cluster/new
  mv /srv/cluster/new /srv/cluster/policies.json`
const but = (left: Partial<Record<keyof typeof five, object | undefined>>): Deed<Name> =>
  apply(given(...Object.values({ ...five, ...left }).filter(one => one !== undefined)))

const answerIs = (right: string, form: RegExp, expected: string, wrong: Answer['wrong']): Answer => ({
  right: async () => right, wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    const said = value.toLowerCase().split(/[\s,]+/).filter(word => word !== '').toSorted().join(', ')
    if (!form.test(said)) return fail(`expected ${expected}`, node.evidence)
    return said === right ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, ext }) => {
    await Promise.all([
      ...[node1, node2, node3].map((one, index) => node(one, index + 1)),
      bash(ext, ['ip -batch - <<END', ...[1, 2, 3].map(number => `route add 10.244.${number}.0/24 via 192.168.1.1${number}`), 'END'].join('\n')),
    ])
  },
  steps: {
    'default-deny': {
      checks: [closed],
      hints: [
        'Does it fail where somebody gets in who may not, or where somebody of c does not get through? The table in the evidence has both.',
        'A packet of a pod passes the hook forward if it is routed. Which packets are not, and what shows them to the rules all the same? And which packets for c are answers?',
        'On all three nodes: `sysctl -w net.bridge.bridge-nf-call-iptables=1`. In the chain, first `ct state established,related accept`, then `ip daddr @c drop`.',
      ],
      alternatives: {
        'refused, not dropped': everywhere(`${SEEN}\n${forward(OPEN, `ip daddr ${addresses.c} reject`)}`),
        'only what opens a connection': everywhere(`${SEEN}\n${forward(`ct direction original ip daddr ${addresses.c} drop`)}`),
        'on the node of whoever asks': everywhere(number => `${SEEN}\n${forward(OPEN, `ip saddr 10.244.${number}.0/24 ip daddr ${addresses.c} drop`, ...number === 1 ? ['ip saddr 192.168.1.0/24 ip daddr 10.244.0.0/16 drop'] : [])}`),
        'each node for its own pods': everywhere(number => `${SEEN}\n${forward(OPEN, `ip daddr ${['', '{ 10.244.1.5, 10.244.1.6 }', '10.244.2.200', '10.244.3.2'][number] ?? ''} drop`)}`),
        'the switch of the one bridge': everywhere(`ip link set cni0 type bridge nf_call_iptables 1\n${forward(OPEN, DENY_C)}`),
        'iptables': { requires: ['iptables-nft'], instead: everywhere(`${SEEN}\niptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
          for pod in 10.244.1.5 10.244.1.6 10.244.3.2; do iptables -A FORWARD -d $pod -j DROP; done`) },
        'iptables, and a set': { requires: ['iptables-nft', 'ipset'], instead: everywhere(`${SEEN}\nipset create c hash:ip
          for pod in 10.244.1.5 10.244.1.6 10.244.3.2; do ipset add c $pod; done
          iptables -A FORWARD -m set --match-set c dst -m conntrack ! --ctstate ESTABLISHED,RELATED -j REJECT`) },
        'before the packet is routed, after the Services': everywhere(`${SEEN}\n${table(`chain c {\ntype filter hook prerouting priority -50;\n${OPEN}\n${DENY_C}\n}`)}`),
        'in the pods, which know their node': everywhere(number => `${SEEN}
          for pod in ${['', 'c-x c-y', '', 'c-z'][number] ?? ''}; do
            ip netns exec $pod nft 'add table ip netpol; add chain ip netpol in { type filter hook input priority 0; }; add rule ip netpol in ${OPEN}; add rule ip netpol in ip saddr != 10.244.${number}.1 drop'
          done`),
      },
      mutants: {
        'the switch, and no rule': { refusedBy: closed.claim, instead: everywhere(SEEN) },
        'the rule, and no switch': { refusedBy: closed.claim, instead: everywhere(forward(OPEN, DENY_C)) },
        'stateless: answers are dropped': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(DENY_C)}`) },
        'the node of c/z forgotten': { refusedBy: closed.claim, instead: ({ node1, node2 }) => Promise.all([node1, node2].map(one => bash(one, `${SEEN}\n${forward(OPEN, DENY_C)}`))) },
        'TCP alone': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, `ip protocol tcp ${DENY_C}`)}`) },
        'UDP answers forgotten': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(`ip protocol tcp ${OPEN}`, DENY_C)}`) },
        'the ports of today': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, `ip daddr ${addresses.c} tcp dport 80 drop`, `ip daddr ${addresses.c} udp dport 80 drop`)}`) },
        'one pod forgotten': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, 'ip daddr { 10.244.1.5, 10.244.3.2 } drop')}`) },
        'the namespace may talk within itself': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, `ip saddr ${addresses.c} accept`, DENY_C)}`) },
        'egress isolated too': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, DENY_C, `ip saddr ${addresses.c} drop`)}`) },
        'everybody isolated': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, 'ip daddr 10.244.0.0/16 drop')}`) },
        "the node's own probes blocked": { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, DENY_C)}
          nft 'add chain ip netpol output { type filter hook output priority 0; }; add rule ip netpol output ip daddr ${addresses.c} drop'`) },
        'all that is not from a pod is let in': { refusedBy: closed.claim, instead: everywhere(`${SEEN}\n${forward(OPEN, `ip saddr 10.244.1.0/24 ${DENY_C}`)}`) },
        'the switch turned off again': { refusedBy: closed.claim, after: ({ node1 }) => node1`sysctl -qw net.bridge.bridge-nf-call-iptables=0` },
        'a pod taken out of the set': { refusedBy: closed.claim, after: ({ node3 }) => node3`nft ${'delete element ip netpol c { 10.244.3.2 }'}` },
        'the chain flushed on one node': { refusedBy: closed.claim, after: ({ node1 }) => node1`nft flush chain ip netpol forward` },
        'the rule for answers behind the other': { refusedBy: closed.claim, after: everywhere(`nft -f - <<'END'
flush chain ip netpol forward
add rule ip netpol forward ip daddr @c drop
add rule ip netpol forward ${OPEN}
END`) },
      },
    },
    trainers: {
      checks: [received, besides, closed],
      hints: [
        'Whom does `podSelector: {matchLabels: {app: trainer}}` mean, if the policy is in namespace a and there is no namespaceSelector beside it?',
        failing => failing.includes(received.claim)
          ? 'a/x is to be isolated, and one address is let back in. Which one? A Service of a/x makes no difference: at the hook forward its address is gone.'
          : 'The policy is for a/x and for ingress. Does a rule of yours also hold up what a/x opens itself, or pods that no policy names?',
        'In the chain ingress: `ip daddr 10.244.1.2 ip saddr 10.244.1.3 return`, and `drop` at its end. In forward: `ip daddr 10.244.1.2 jump ingress`, beside the one for c.',
      ],
      answers: { trainers: answerIs('10.244.1.3', /^[\d., ]+$/, 'addresses, for example 10.244.1.2, 10.244.1.3', ['10.244.1.3, 10.244.1.5', '10.244.1.5', '10.244.1.2']) },
      alternatives: {
        'a rule that only drops': everywhere(`nft 'add rule ip netpol forward ip daddr ${addresses.receiver} ip saddr != ${addresses.trainer} drop'`),
        'accepted, and dropped after it': everywhere(`nft 'add rule ip netpol forward ip daddr ${addresses.receiver} ip saddr ${addresses.trainer} accept; add rule ip netpol forward ip daddr ${addresses.receiver} drop'`),
        'a table of its own, which refuses': everywhere(`nft 'add table ip receiver; add chain ip receiver f { ${HOOK} }; add rule ip receiver f ct state new ip daddr ${addresses.receiver} ip saddr != ${addresses.trainer} reject with icmp admin-prohibited'`),
        'a map of verdicts': everywhere(table(`chain ingress {\nip saddr . ip daddr { ${addresses.trainer} . ${addresses.receiver} } return\ndrop\n}
chain forward {\n${HOOK}\n${OPEN}\nip daddr vmap { 10.244.1.5 : jump ingress, 10.244.1.6 : jump ingress, 10.244.3.2 : jump ingress, ${addresses.receiver} : jump ingress }\n}`)),
        'iptables, and a set of pairs': { requires: ['iptables-nft', 'ipset'], instead: everywhere(`ipset create trainers hash:ip,port
          ipset create from hash:ip\nipset add from ${addresses.trainer}
          iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
          iptables -A FORWARD -d ${addresses.receiver} -m set ! --match-set from src -j DROP`) },
      },
      mutants: {
        'as open as before': { refusedBy: received.claim, instead: async () => {} },
        'trainers of every namespace': { refusedBy: received.claim, instead: everywhere(byTrainers(`ip daddr ${addresses.receiver} ip saddr { ${addresses.trainer}, 10.244.1.5 } return`, 'drop')) },
        'the whole team': { refusedBy: received.claim, instead: everywhere(byTrainers(`ip daddr ${addresses.receiver} ip saddr { ${addresses.trainer}, 10.244.2.2 } return`, 'drop')) },
        'nobody': { refusedBy: received.claim, instead: everywhere(byTrainers('drop')) },
        'the wrong way round': { refusedBy: received.claim, instead: everywhere(byTrainers(`ip daddr ${addresses.trainer} ip saddr ${addresses.receiver} return`, 'drop')) },
        'TCP for trainers, and UDP for nobody': { refusedBy: received.claim, instead: everywhere(byTrainers(`ip daddr ${addresses.receiver} ip saddr ${addresses.trainer} ip protocol tcp return`, 'drop')) },
        'whole nodes let in': { refusedBy: received.claim, instead: everywhere(byTrainers(`ip daddr ${addresses.receiver} ip saddr 10.244.1.0/24 return`, 'drop')) },
        'the pods of the namespace isolated too': { refusedBy: besides.claim, instead: everywhere(`${byTrainers()}\nnft 'add rule ip netpol forward ip daddr { 10.244.1.3, 10.244.2.2 } jump ingress'`) },
        'an ingress policy that isolates egress': { refusedBy: besides.claim, instead: everywhere(`${byTrainers()}\nnft 'add rule ip netpol forward ip saddr ${addresses.receiver} drop'`) },
        'stateless: the receiver hears no answer': { refusedBy: besides.claim, instead: everywhere(byTrainers().replace(OPEN, `ip daddr ${addresses.c} ${OPEN}`)) },
        'c forgotten over it': { refusedBy: closed.claim, instead: everywhere(byTrainers().replace(`ip daddr ${addresses.c} jump ingress`, '')) },
        'a return before all others': { refusedBy: received.claim, after: everywhere("nft 'insert rule ip netpol ingress return'") },
        'a table of somebody else that drops all that is new': { refusedBy: besides.claim, after: ({ node2 }) => node2`nft ${`add table ip other; add chain ip other f { ${HOOK} }; add rule ip other f ct state new ip saddr 10.244.2.0/24 drop`}` },
        "the trainer's address changed in the set": { refusedBy: received.claim, after: everywhere("nft 'delete element ip netpol trainers { 10.244.1.3 }; add element ip netpol trainers { 10.244.1.5 }'") },
        "the receiver's probes blocked": { refusedBy: received.claim, after: ({ node1 }) => node1`nft ${`add chain ip netpol output { type filter hook output priority 0; }; add rule ip netpol output ip daddr ${addresses.receiver} ct state new drop`}` },
      },
    },
    payment: {
      checks: [paid, pays, received],
      hints: [
        'To whom does the cell belong that is wrong: to somebody who asks payment, or to somebody whom payment asks?',
        failing => failing.includes(paid.claim)
          ? 'Two peers, each with its port: the frontend of b, and whoever is prometheus and in a namespace of the platform. By a Service\'s address the port is the pod\'s, too.'
          : 'payment opens connections to postgres, TCP 5432, and to DNS: how do most questions to DNS travel, and how do long answers?',
        'node1 is where it has to hold. In ingress, for 10.244.1.4: 10.244.2.3 on TCP 8080 and 10.244.3.3 on TCP 9090 return. In egress, from 10.244.1.4: 10.244.2.4 on TCP 5432, 10.244.3.5 on UDP 53 and TCP 53 return. Each chain ends with drop, and forward jumps to both.',
      ],
      answers: {
        both: answerIs('1', /^\d+$/, 'a number', ['2', '3', '0']),
        either: answerIs('2', /^\d+$/, 'a number', ['1', '3', '4']),
      },
      alternatives: {
        'on the one node that payment is on': ({ node1 }) => bash(node1, byHand()),
        'each pair and its port in a set': everywhere(byHand({ in: ['ip saddr . ip daddr . tcp dport { 10.244.2.3 . 10.244.1.4 . 8080, 10.244.3.3 . 10.244.1.4 . 9090 } return', IN[0] ?? ''] })),
        'DNS in one line': everywhere(byHand({ out: [OUT[0] ?? '', 'ip saddr 10.244.1.4 ip daddr 10.244.3.5 meta l4proto { tcp, udp } th dport 53 return'] })),
        'a chain for each pod, as Felix has it': everywhere(table(`
chain to-b-x {\nip saddr 10.244.2.3 tcp dport 8080 return\nip saddr 10.244.3.3 tcp dport 9090 return\ndrop\n}
chain from-b-x {\nip daddr 10.244.2.4 tcp dport 5432 return\nip daddr 10.244.3.5 th dport 53 meta l4proto { tcp, udp } return\ndrop\n}
chain to-a-x {\nip saddr 10.244.1.3 return\ndrop\n}
chain forward {\n${HOOK}\n${OPEN}\nip saddr 10.244.1.4 jump from-b-x\nip daddr vmap { 10.244.1.4 : jump to-b-x, 10.244.1.2 : jump to-a-x, 10.244.1.5 : drop, 10.244.1.6 : drop, 10.244.3.2 : drop }\n}`)),
      },
      mutants: {
        'left open': { refusedBy: paid.claim, instead: async () => {} },
        'AND taken for OR': { refusedBy: paid.claim, instead: hand({ in: [...IN, 'ip daddr 10.244.1.4 ip saddr 10.244.3.4 tcp dport 9090 return'] }) },
        'every prometheus': { refusedBy: paid.claim, instead: hand({ in: [...IN, 'ip daddr 10.244.1.4 ip saddr 10.244.1.6 tcp dport 9090 return'] }) },
        'every frontend': { refusedBy: paid.claim, instead: hand({ in: [...IN, 'ip daddr 10.244.1.4 ip saddr 10.244.3.2 tcp dport 8080 return'] }) },
        'the port of the Service': { refusedBy: paid.claim, instead: hand({ in: IN.map(line => line.replace('8080', '80')) }) },
        'the address of the Service': { refusedBy: paid.claim, instead: hand({ in: IN.map(line => line.replace('ip daddr 10.244.1.4 ip saddr 10.244.2.3 tcp dport 8080', 'ip daddr 10.96.0.20 ip saddr 10.244.2.3 tcp dport 80')) }) },
        'both ports for both': { refusedBy: paid.claim, instead: hand({ in: [...IN, 'ip daddr 10.244.1.4 ip saddr { 10.244.2.3, 10.244.3.3 } tcp dport { 8080, 9090 } return'] }) },
        'every port': { refusedBy: paid.claim, instead: hand({ in: IN.map(line => line.replace(/ tcp dport \d+/, '')) }) },
        'every range of ports that has it': { refusedBy: paid.claim, instead: hand({ in: IN.map(line => line.replace('8080', '8080-9090')) }) },
        'UDP too': { refusedBy: paid.claim, instead: hand({ in: IN.map(line => line.replace('tcp dport 8080', 'meta l4proto { tcp, udp } th dport { 53, 8080 }')) }) },
        'DNS forgotten': { refusedBy: pays.claim, instead: hand({ out: OUT.slice(0, 1) }) },
        'DNS by UDP alone': { refusedBy: pays.claim, instead: hand({ out: OUT.slice(0, 2) }) },
        'DNS of whoever answers': { refusedBy: pays.claim, instead: hand({ out: [OUT[0] ?? '', 'ip saddr 10.244.1.4 meta l4proto { tcp, udp } th dport 53 return'] }) },
        'the address of the Service of DNS': { refusedBy: pays.claim, instead: hand({ out: OUT.map(line => line.replace('10.244.3.5', '10.96.0.10')) }) },
        'egress not isolated': { refusedBy: pays.claim, instead: hand({ isolatedOut: false }) },
        'ingress not isolated': { refusedBy: paid.claim, instead: everywhere(byHand().replace(`, ${addresses.payment} } jump ingress`, ' } jump ingress')) },
        'asked before the Services': { refusedBy: paid.claim, instead: hand({ hook: 'type filter hook prerouting priority -150; policy accept;' }) },
        'postgres isolated by it too': { refusedBy: pays.claim, instead: everywhere(`${byHand()}\nnft 'add rule ip netpol forward ip daddr 10.244.2.4 jump ingress'`) },
        'trainers forgotten over it': { refusedBy: received.claim, instead: hand({ in: IN.slice(1) }) },
        'answers stopped for payment': { refusedBy: pays.claim, after: everywhere(`nft 'insert rule ip netpol forward ip daddr 10.244.1.4 ct direction reply drop'`) },
        'DNS moved, and nobody told': { refusedBy: pays.claim, after: everywhere("nft flush chain ip netpol egress\nnft 'add rule ip netpol egress ip saddr @payment ip daddr 10.244.2.4 tcp dport 5432 return; add rule ip netpol egress drop'") },
      },
    },
    compiler: {
      checks: [chooses, paid],
      hints: [
        'Does `netpol node1` print a script that nft takes? `netpol node1 | nft -c -f -` says so, and changes nothing.',
        'The table in the evidence says who gets through and should not, by which policy. Which selector of it is read otherwise than the specification has it: a missing one, an empty one, two at once?',
        'The pieces are in this step: `ls /etc/netpol` has 1-selectors.jq to 8-script.jq, and /usr/local/bin/netpol is executable.',
      ],
      alternatives: {
        'the whole at once': ({ node1 }) => bash(node1, `${write('/etc/netpol/compile.jq', file('compile.jq'))}\n${NETPOL}\n${APPLY}`),
        'all pods on every node': ({ node1 }) => bash(node1, `${write('/etc/netpol/compile.jq', file('compile.jq'))}\n${NETPOL.replace('--arg node "$1"', '--argjson node null')}\n${APPLY}`),
        'refused, not dropped, by the program': ({ node1 }) => bash(node1, `${write('/etc/netpol/compile.jq', file('compile.jq').replaceAll('"drop"', '"reject"'))}\n${NETPOL}\n${APPLY}`),
      },
      mutants: {
        'rules by hand, and no program': { refusedBy: chooses.claim, instead: async () => {} },
        'what it prints was written down': { refusedBy: chooses.claim, after: ({ node1 }) => bash(node1, 'netpol node1 >/root/script\nprintf "#!/bin/sh\\ncat /root/script\\n" >/usr/local/bin/netpol') },
        'AND compiled as OR': { refusedBy: chooses.claim, after: changed('3-pods.jq', String.raw`s/chooses\(\$labels\)\) and/chooses($labels)) or/`) },
        'no namespaceSelector is every namespace': { refusedBy: chooses.claim, after: changed('3-pods.jq', String.raw`s/then \$its == \$home/then true/`) },
        'an empty namespaceSelector is the own namespace': { refusedBy: chooses.claim, after: changed('3-pods.jq', String.raw`s/if \$namespaceSelector == null/if ($namespaceSelector \/\/ {}) == {}/`) },
        'an empty podSelector is nobody': { refusedBy: chooses.claim, after: changed('1-selectors.jq', String.raw`s/^  all\(/  . != {} and all(/`) },
        'NotIn asks for the label to be there': { refusedBy: chooses.claim, after: changed('1-selectors.jq', String.raw`s/then \(\$there and (.*)\) \| not/then $there and (\1 | not)/`) },
        'DoesNotExist is Exists': { refusedBy: chooses.claim, after: changed('1-selectors.jq', String.raw`s/then \$there \| not/then $there/`) },
        'In is Exists': { refusedBy: chooses.claim, after: changed('1-selectors.jq', String.raw`s/then \$there and .*$/then $there/`) },
        'no from is nobody': { refusedBy: chooses.claim, after: changed('4-peers.jq', String.raw`s/then \{asks: "", pods: \$cluster.pods\}/then empty/`) },
        'a peer that is nobody is everybody': { refusedBy: chooses.claim, after: changed('4-peers.jq', String.raw`s/select\(\. != \[\]\) \| \{asks: /{asks: if . == [] then "" else /; s/set\)", pods: \./set)" end, pods: ./`) },
        'what egress lets through is accepted': { refusedBy: chooses.claim, after: changed('7-rules.jq', String.raw`s/"return comment/"accept comment/`) },
        'egress is not asked': { refusedBy: chooses.claim, after: changed('8-script.jq', String.raw`/jump egress/d`) },
        'a policy that isolates, and lets nothing through': { refusedBy: chooses.claim, after: changed('8-script.jq', String.raw`s/let_in\(\$cluster\), //`) },
        'answers forgotten by the program': { refusedBy: chooses.claim, after: changed('8-script.jq', String.raw`s/, "ct state established,related accept"//`) },
        'only the first rule of a policy': { refusedBy: chooses.claim, after: changed('7-rules.jq', String.raw`s/\.ingress\[\]\?/.ingress[0]?/`) },
        'each policy for itself': { refusedBy: chooses.claim, after: changed('7-rules.jq', String.raw`s/^  \$cluster\.policies\[\]/  $cluster.policies[0:2][]/`) },
        'the rules of another node': { refusedBy: paid.claim, after: ({ node1 }) => bash(node1, 'for node in node1 node2 node3; do netpol node2 | tell $node; done') },
      },
    },
    specification: {
      checks: [ports, ranges, directions],
      hints: [
        'What can a policy say that none of your three does? The claims that fail name what the program does not know yet.',
        failing => failing.includes(ports.claim) ? 'A named port is looked up in the pods that are called: for ingress those that the policy is for, for egress the peers.'
          : failing.includes(ranges.claim) ? 'nft can ask twice: `ip saddr 203.0.113.0/24 ip saddr != 203.0.113.64/26`.'
            : 'What does a policy without policyTypes isolate, if it has no egress? And if it has?',
        'Replace 4-peers.jq, 5-ports.jq and 6-types.jq in /etc/netpol by those of this step.',
      ],
      alternatives: {
        'the whole at once, over what was there': ({ node1 }) => bash(node1, `rm /etc/netpol/*\n${write('/etc/netpol/compile.jq', file('compile.jq'))}\n${APPLY}`),
      },
      mutants: {
        'three pieces as they were': { refusedBy: ports.claim, instead: async () => {} },
        'endPort not read': { refusedBy: ports.claim, after: changed('5-ports.jq', String.raw`s/ \+ if \.endPort .* end$//`) },
        'endPort left out of its range': { refusedBy: ports.claim, after: changed('5-ports.jq', String.raw`s/-\\\(\.endPort\)/-\\(.endPort - 1)/`) },
        'a port without a number is none': { refusedBy: ports.claim, after: changed('5-ports.jq', String.raw`s/then "meta l4proto .*$/then empty/`) },
        'a port without a number is every protocol': { refusedBy: ports.claim, after: changed('5-ports.jq', String.raw`s/then "meta l4proto .*$/then ""/`) },
        'a name is one number for all': { refusedBy: ports.claim, after: changed('5-ports.jq', String.raw`s/else \[\$called\[\] \| \.ip as \$ip \| /else [$called[] | "0.0.0.0\/0" as $ip | /; s/\\\(\$ip\) \. //; s/ip daddr \. //`) },
        'names looked up where the policy is': { refusedBy: ports.claim, after: changed('7-rules.jq', String.raw`s/ports\(\$peer\.pods\)/ports($own)/`) },
        'except not read': { refusedBy: ranges.claim, after: changed('4-peers.jq', String.raw`s/ \+ \[\.ipBlock\.except\[\]\?[^]]*\]//`) },
        'except let in and the block left out': { refusedBy: ranges.claim, after: changed('4-peers.jq', String.raw`s/ != \\\(\.\)/ == \\(.)/`) },
        'a range is asked at the wrong end': { refusedBy: ranges.claim, after: changed('7-rules.jq', String.raw`s/\.to \| peers\(\$cluster; \$namespace; "daddr"\)/.to | peers($cluster; $namespace; "saddr")/`) },
        'without policyTypes both directions': { refusedBy: directions.claim, after: changed('6-types.jq', String.raw`s/if \(\.egress.*$/"Egress" end;/`) },
        'without policyTypes ingress alone': { refusedBy: directions.claim, after: changed('6-types.jq', String.raw`s/, if \(\.egress.*$/ end;/`) },
        'without policyTypes only what has rules': { refusedBy: directions.claim, after: changed('6-types.jq', String.raw`s/else "Ingress", /else if (.ingress \/\/ []) != [] then "Ingress" else empty end, /`) },
        'egress without rules is no egress': { refusedBy: directions.claim, after: changed('6-types.jq', String.raw`s/then \.policyTypes\[\] else/then .policyTypes[] as $type | select($type == "Ingress" or (.egress \/\/ []) != []) | $type else/`) },
      },
    },
    churn: {
      checks: [renewed, received],
      hints: [
        'Ask a/x from a/y and from a/z. What is in the rules of node1 about them: `nft list table ip netpol`?',
        'Rules have addresses and labels of the time when they were made.',
        'On node1: `cluster label a/z app=trainer`, `cluster renew a/y 10.244.1.9`, and then `for node in node1 node2 node3; do netpol $node | tell $node; done`.',
      ],
      answers: { stays: answerIs('yes', /^(yes|no)$/, 'yes or no', ['no']) },
      alternatives: {
        'made anew after each change': ({ node1 }) => bash(node1, `cluster label a/z app=trainer\n${APPLY}\ncluster renew a/y 10.244.1.9\n${APPLY}`),
        'only on the node that is concerned': ({ node1 }) => bash(node1, 'cluster renew a/y 10.244.1.9\ncluster label a/z app=trainer\nnetpol node1 | tell node1'),
      },
      mutants: {
        'nothing made anew': { refusedBy: renewed.claim, instead: ({ node1 }) => bash(node1, 'cluster label a/z app=trainer\ncluster renew a/y 10.244.1.9') },
        'made anew too early': { refusedBy: renewed.claim, instead: ({ node1 }) => bash(node1, `cluster label a/z app=trainer\n${APPLY}\ncluster renew a/y 10.244.1.9`) },
        'made anew on the wrong node': { refusedBy: renewed.claim, instead: ({ node1 }) => bash(node1, 'cluster label a/z app=trainer\ncluster renew a/y 10.244.1.9\nnetpol node2 | tell node2') },
        'the pod made anew, and not its label': { refusedBy: renewed.claim, instead: ({ node1 }) => bash(node1, `cluster renew a/y 10.244.1.9\n${APPLY}`) },
        'a/x opened for all': { refusedBy: received.claim, after: ({ node1 }) => node1`nft ${`insert rule ip netpol ingress ip daddr ${addresses.receiver} return`}` },
        'a label that is gone again': { refusedBy: renewed.claim, after: apply('cluster label a/z app=notebook') },
      },
    },
    'five-policies': {
      checks: [asksDns, needed, nothingElse],
      hints: [
        'Which of the three claims fails: does somebody not get through, or too many? `npx lab table` says what your policies mean before they are done.',
        failing => failing.includes(asksDns.claim) ? 'Whoever is isolated for egress asks no name any more. Which pods, in which namespace, by which two protocols?'
          : failing.includes(needed.claim) ? 'A connection between two pods of b needs two rules: egress of whoever asks, ingress of whoever is asked. allow-payment has both of payment\'s.'
            : 'Is every pod of b isolated for both directions? A policy without an egress rule isolates egress only if policyTypes says so.',
        'Six objects: podSelector {} with both policyTypes; egress to kube-dns on 53; egress of the frontend to payment, 8080; ingress of postgres from payment, 5432; ingress of all from platform\'s prometheus, 9090; ingress of the frontend from ipBlock 192.168.1.200/32, port 80. Then `netpol` for each node.',
      ],
      solution: but({}),
      alternatives: {
        'one policy for a pod, and one for all': apply(given(five.isolated, five.dns, five.scraped,
          policy('b', 'frontend', { ...app('frontend'), policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [{ ipBlock: { cidr: '192.168.1.0/24', except: ['192.168.1.0/25', '192.168.1.128/26', '192.168.1.192/29', '192.168.1.201/32', '192.168.1.202/31', '192.168.1.204/30', '192.168.1.208/28', '192.168.1.224/27'] } }], ports: port(80) }], egress: [{ to: [app('payment')], ports: port(8080) }] }),
          policy('b', 'postgres', { ...app('postgres'), ingress: [{ from: [app('payment')], ports: port(5432) }] }))),
        'ports by their names': but({ toPayment: policy('b', 'to-payment', { ...app('frontend'), policyTypes: ['Egress'], egress: [{ to: [app('payment')], ports: [{ port: 'http' }] }] }) }),
        'within b by ports alone': but({ toPayment: policy('b', 'to-payment', { podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['payment', 'postgres'] }] }, policyTypes: ['Egress'], egress: [{ to: [app('payment')], ports: port(8080) }] }) }),
      },
      mutants: {
        'as it was': { refusedBy: nothingElse.claim, instead: async () => {} },
        'policies that nobody compiles': { refusedBy: nothingElse.claim, instead: ({ node1 }) => bash(node1, given(...Object.values(five))) },
        'DNS left out': { refusedBy: asksDns.claim, instead: but({ dns: undefined }) },
        'DNS over UDP only': { refusedBy: asksDns.claim, instead: but({ dns: policy('b', 'dns', { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [dns], ports: port(53, 'UDP') }] }) }) },
        'DNS looked for in b': { refusedBy: asksDns.claim, instead: but({ dns: policy('b', 'dns', { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: dns.podSelector }], ports: port(53, 'UDP', 'TCP') }] }) }) },
        'anybody on port 53': { refusedBy: nothingElse.claim, instead: but({ dns: policy('b', 'dns', { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: port(53, 'UDP', 'TCP') }] }) }) },
        'policyTypes omitted': { refusedBy: nothingElse.claim, instead: but({ isolated: policy('b', 'isolated', { podSelector: {} }), dns: undefined, toPayment: undefined }) },
        'the frontend may not ask': { refusedBy: needed.claim, instead: but({ toPayment: undefined }) },
        'postgres lets nobody in': { refusedBy: needed.claim, instead: but({ toPostgres: undefined }) },
        'the frontend sent to the port of the Service': { refusedBy: needed.claim, instead: but({ toPayment: policy('b', 'to-payment', { ...app('frontend'), policyTypes: ['Egress'], egress: [{ to: [app('payment')], ports: port(80) }] }) }) },
        'postgres let in by everybody': { refusedBy: nothingElse.claim, instead: but({ toPostgres: policy('b', 'to-postgres', { ...app('postgres'), ingress: [{ ports: port(5432) }] }) }) },
        'postgres for all of b': { refusedBy: needed.claim, instead: but({ toPostgres: policy('b', 'to-postgres', { ...app('postgres'), ingress: [{ from: [{ podSelector: {} }], ports: port(5432) }] }), toPayment: policy('b', 'to-payment', { ...app('frontend'), policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }] }] }) }) },
        'one dash more for prometheus': { refusedBy: nothingElse.claim, instead: but({ scraped: policy('b', 'scraped', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ namespaceSelector: scraper.namespaceSelector }, { podSelector: scraper.podSelector }], ports: port(9090) }] }) }) },
        'the monitoring forgotten': { refusedBy: needed.claim, instead: but({ scraped: undefined }) },
        'the whole wire let in': { refusedBy: nothingElse.claim, instead: but({ outside: policy('b', 'outside', { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr: '192.168.1.0/24' } }], ports: port(80) }] }) }) },
        'nobody let in from outside': { refusedBy: needed.claim, instead: but({ outside: undefined }) },
        'the policies in namespace a': { refusedBy: nothingElse.claim, instead: apply(given(...Object.values(five).map(one => ({ ...one, metadata: { ...one.metadata, namespace: 'a' } })))) },
        'a pod of b that was forgotten': { refusedBy: nothingElse.claim, after: ({ node2 }) => node2`nft ${'insert rule ip netpol ingress ip daddr 10.244.2.4 return'}` },
        'egress accepted in passing': { refusedBy: nothingElse.claim, after: everywhere("nft 'insert rule ip netpol forward ip saddr 10.244.2.3 accept'") },
        'the table gone from one node': { refusedBy: nothingElse.claim, after: ({ node2 }) => node2`nft delete table ip netpol` },
      },
    },
  },
})
