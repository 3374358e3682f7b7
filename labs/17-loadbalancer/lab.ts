// 17 · An address for the outside: one node that answers for it, then a router that is told of all, and who gives addresses away.
import { readFileSync } from 'node:fs'
import {
  allocatesForGood, allocatesNoMore, allocatesUnique, entersBy, knowsWhoAnswers, learnedBehind, learnedOnly, oneAnswers, poolIsFree, reaches, sentWhereServed, servedAt,
} from 'hardway/checks'
import { controlPlane, kubeProxy, type KubeProxy } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Nodes } from 'hardway/lab'
import { otherPods, podsOnBridge, sets } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'tor' | 'ext'
type All = Nodes<Name>
type Node = All[Name]
type Number = 1 | 2 | 3

const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')

const THREE = [1, 2, 3] as const
const NODES = ['node1', 'node2', 'node3'] as const
const PROXIES = ['proxy-a', 'proxy-b'] as const
const PODS = { 1: { hub: '10.244.1.2' }, 2: { 'proxy-a': '10.244.2.2' }, 3: { 'proxy-b': '10.244.3.2' } } as const
const VIP = '192.168.1.240'
const TOLD = '203.0.113.240'
const POOL = '192.168.1.240-192.168.1.250'

const ext = { ext: '10.50.0.200' }
const tor = { tor: '192.168.1.1' }
const byProxies = { by: PROXIES }

const oneOfThree = oneAnswers(VIP, { on: 'fab', among: NODES })
const remembered = knowsWhoAnswers('tor', VIP, 'fab')
const served = servedAt(ext, `${VIP}:80`, byProxies)

const movedOn = oneAnswers(VIP, { on: 'fab', among: ['node2', 'node3'] })
const backAgain = reaches(tor, { node1: '192.168.1.11' })

const behindBoth = learnedBehind('tor', TOLD, ['node2', 'node3'])
const noMoreTold = learnedOnly(['tor'], '203.0.113.0/24')
const servedTold = servedAt(ext, `${TOLD}:80`, byProxies)
const spread = entersBy(ext, `${TOLD}:80`, ['node2', 'node3'])

const whereServed = sentWhereServed('tor', TOLD, { nodes: NODES, port: 8000, pod: 'proxy' })
const ownAddress = servedAt(ext, `${TOLD}:80`, { ...byProxies, keepingAddress: true })
const ownOnWire = servedAt(ext, `${VIP}:80`, { ...byProxies, keepingAddress: true })

const allocator = { on: 'node1', program: '/usr/local/bin/allocate' }
const free = poolIsFree({ on: 'node1', file: '/etc/pool', within: '192.168.1.0/24', given: VIP })
const unique = allocatesUnique(allocator)
const forGood = allocatesForGood(allocator)
const noMore = allocatesNoMore(allocator)

/** What labs 15 and 16 end with, for one Service: a virtual address inside, and a chain for those who come from outside. */
const RULES = `table ip services {
  chain proxy-a { meta l4proto tcp dnat to 10.244.2.2:8000; }
  chain proxy-b { meta l4proto tcp dnat to 10.244.3.2:8000; }
  chain proxy-public { numgen random mod 2 vmap { 0 : goto proxy-a, 1 : goto proxy-b }; }
  chain outside { meta mark set meta mark or 0x4000 goto proxy-public; }
  map fronts {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { 10.96.0.80 . tcp . 80 : goto proxy-public }
  }
  chain pre { type nat hook prerouting priority dstnat; ip daddr . meta l4proto . th dport vmap @fronts; }
  chain out { type nat hook output priority -100; ip daddr . meta l4proto . th dport vmap @fronts; }
  chain post { type nat hook postrouting priority srcnat; meta mark and 0x4000 != 0 masquerade; }
}`

const onEach = (all: All, ...lines: readonly string[]) => Promise.all(NODES.map(name => bash(all[name], ...lines)))

/** The Services of the cluster, as `kubectl get services -A -o json` has them: more of them want an address than there are. */
const SERVICES = (() => {
  const wanting = ['grafana', 'gitlab', 'registry', 'mlflow', 'minio', 'argo', 'keycloak', 'vault', 'kibana', 'tensorboard', 'triton', 'ray-head']
  const service = (name: string, type: string, ip?: string) => ({
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { type, ports: [{ port: 80, targetPort: 8000, protocol: 'TCP' }] },
    status: { loadBalancer: ip === undefined ? {} : { ingress: [{ ip, ipMode: 'VIP' }] } },
  })
  const items = [service('hub', 'ClusterIP'), ...wanting.slice(0, 7).map(name => service(name, 'LoadBalancer')), service('proxy-public', 'LoadBalancer', VIP), service('pure-exporter', 'NodePort'), ...wanting.slice(7).map(name => service(name, 'LoadBalancer'))]
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 2)
})()

const ALLOCATE = `#!/bin/sh
# allocate FIRST-LAST <services >services
exec jq --arg pool "$1" '
  ($pool | split("-")) as [$first, $last]
  | ($first | sub("[0-9]+$"; "")) as $net
  | [range($first | split(".")[3] | tonumber; ($last | split(".")[3] | tonumber) + 1) | $net + tostring] as $all
  | reduce range(.items | length) as $i (.;
      if .items[$i].spec.type == "LoadBalancer" and (.items[$i].status.loadBalancer.ingress // []) == []
      then ($all - [.items[].status.loadBalancer.ingress[]?.ip]) as $free
        | if $free == [] then . else .items[$i].status.loadBalancer.ingress = [{ ip: $free[0] }] end
      else . end)'
`
const installs = async ({ node1 }: All, program = ALLOCATE, pool = POOL) => {
  await bash(node1, write('/etc/pool', pool), write('/usr/local/bin/allocate', program, '755'))
}
const replaced = (what: string, by: string): string => {
  if (!ALLOCATE.includes(what)) throw new Error(`allocate does not have ${what}`)
  return ALLOCATE.replace(what, by)
}

// The first step, in deeds.
const answersAt = (node: Node) => node`ip addr add 192.168.1.240/32 dev eth0`
const front = (address: string, chain = 'outside') => `nft add element ip services fronts '{ ${address} . tcp . 80 : goto ${chain} }'`
const allFront = (all: All) => onEach(all, front(VIP))
/** Only now does tor remember who answered: a mistake of those who take over is one because it does. */
const asked = (all: All) => bash(all.ext, 'for try in $(seq 50); do curl -sf -m 1 http://192.168.1.240 >/dev/null && exit 0; sleep 0.1; done; exit 1')
const shouts = 'arping -q -U -c 1 -I eth0 192.168.1.240'

/** node1 goes, another takes over, node1 comes back; all as it should be, but for what the other does. */
const takesOver = async (all: All, other: 'node2' | 'node3', ...lines: readonly string[]) => {
  await asked(all)
  await bash(all.node1, 'cable out')
  await bash(all[other], ...lines)
  await bash(all.node1, 'cable in', 'ip addr del 192.168.1.240/32 dev eth0')
}

// The third: the lesson prints the same.
const NODE_CONF = `log "/var/log/bird.log" all;
router id from "eth0";

protocol device { }

protocol static services {
  ipv4;
  route 203.0.113.240/32 blackhole;
}

protocol bgp tor {
  local as 64512;
  neighbor 192.168.1.1 as 64500;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 5;
  ipv4 {
    import none;
    export where source = RTS_STATIC;
  };
}
`
const TOR_CONF = `log "/var/log/bird.log" all;
router id from "eth0";

protocol device { }

protocol kernel {
  merge paths on;
  ipv4 { export where source = RTS_BGP; };
}

protocol bgp nodes {
  local as 64500;
  neighbor range 192.168.1.0/24 as 64512;
  dynamic name "node";
  error wait time 1, 5;
  ipv4 {
    import all;
    export none;
  };
}
`
interface Told {
  readonly node?: (own: Number) => string
  readonly tor?: string
  /** Nodes that tell nothing. */
  readonly silent?: readonly Number[]
}
const bird = (node: Node, config: string) => bash(node, write('/etc/bird/bird.conf', config), 'bird')
const told = async (all: All, { node = () => NODE_CONF, tor: conf = TOR_CONF, silent = [] }: Told = {}) => {
  await Promise.all([
    ...THREE.filter(own => !silent.includes(own)).map(own => bird(all[`node${own}`], node(own))),
    bird(all.tor, conf),
  ])
}
const allFrontTold = (all: All) => onEach(all, front(TOLD))
const hashesPorts = (all: All) => all.tor`sysctl -qw net.ipv4.fib_multipath_hash_policy=1`
/** So many sessions are up: a wrong network is judged when it has become what it is going to be. */
const meets = (all: All, sessions: number) => all.tor`for try in $(seq 400); do [ "$(ss -Htn4 state established '( sport = :179 or dport = :179 )' | wc -l)" -ge ${sessions} ] && exit 0; sleep 0.05; done; exit 1`
/** Until the route of tor has, or no longer has, a next hop. */
const sends = (all: All, to: Number) => all.tor`for try in $(seq 400); do ip route show 203.0.113.240 | grep -q 'via 192.168.1.1${to} ' && exit 0; sleep 0.05; done; exit 1`
const sendsNoMore = (all: All, to: Number) => all.tor`for try in $(seq 400); do ip route show 203.0.113.240 | grep -q 'via 192.168.1.1${to} ' || exit 0; sleep 0.05; done; exit 1`
const allSent = (all: All) => Promise.all(THREE.map(to => sends(all, to)))
/** All of the step but what is different. */
const wrongTold = async (all: All, what: Told, sessions = 3) => {
  await told(all, what)
  await allFrontTold(all)
  await hashesPorts(all)
  await meets(all, sessions)
}

/** FRR in place of BIRD. */
const frr = async (node: Node, lines: readonly string[], inFamily: readonly string[], { zebra = false, as = 64512 } = {}) => {
  const config = [
    `router bgp ${as}`, ' no bgp ebgp-requires-policy', ' no bgp network import-check', ' no bgp default ipv4-unicast', ...lines.map(line => ` ${line}`),
    ' address-family ipv4 unicast', ...inFamily.map(line => `  ${line}`), ' exit-address-family', '',
  ].join('\n')
  await node`mkdir -p /var/run/frr; chown frr:frr /var/run/frr; cat >/etc/frr/bgpd.conf <<< ${config}`
  await node`${zebra ? '/usr/lib/frr/zebra' : 'true'} -d >/dev/null 2>&1; /usr/lib/frr/bgpd -d ${zebra ? '-A0.0.0.0' : '-n'} -f /etc/frr/bgpd.conf >/dev/null 2>&1`
}
const FRR_TOR = ['neighbor nodes peer-group', 'neighbor nodes remote-as 64512', 'bgp listen range 192.168.1.0/24 peer-group nodes'] as const

// The fourth.
const ownProxy = { 2: 'goto proxy-a', 3: 'goto proxy-b' } as const
const local = (node: Node, ...rules: readonly string[]) => node`nft -f - <<< ${['flush chain ip services outside', ...rules.map(rule => `add rule ip services outside ${rule}`)].join('\n')}`
const allLocal = (all: All) => Promise.all([local(all.node1, 'drop'), local(all.node2, ownProxy[2]), local(all.node3, ownProxy[3])])
const withdraws = (node: Node) => node`birdc disable services`
const endsProxy = (node: Node) => node`kill -9 $(pgrep -f '^serve proxy 8000'); for try in $(seq 100); do pgrep -f '^serve proxy 8000' >/dev/null || exit 0; sleep 0.02; done; exit 1`

/** What the API has of the Service, addresses from outside included, which nobody has to give away here. */
const objects = (policy: 'Cluster' | 'Local') => `apiVersion: v1
kind: Service
metadata: { name: proxy-public, namespace: default }
spec:
  type: LoadBalancer
  externalTrafficPolicy: ${policy}
  clusterIP: 10.96.0.80
  ports: [{ name: http, protocol: TCP, port: 80, targetPort: 8000 }]
status:
  loadBalancer: { ingress: [{ ip: ${VIP}, ipMode: VIP }, { ip: ${TOLD}, ipMode: VIP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: proxy-public-1, namespace: default, labels: { kubernetes.io/service-name: proxy-public } }
addressType: IPv4
ports: [{ name: http, protocol: TCP, port: 8000 }]
endpoints:
- { addresses: [10.244.2.2], nodeName: node2, conditions: { ready: true } }
- { addresses: [10.244.3.2], nodeName: node3, conditions: { ready: true } }`
/** kube-proxy in place of the rules of the nodes. */
const byKubeProxy = async ({ node1, node2, node3, ext: api }: All, policy: 'Cluster' | 'Local', mode: KubeProxy['mode']) => {
  await Promise.all([node1, node2, node3].map(node => node`nft delete table ip services`))
  await controlPlane(api, { objects: objects(policy) })
  await kubeProxy({ node1, node2, node3 }, { api, mode })
}

/** Something that can be said in a number. */
const said = (right: string, wrong: Answer['wrong']): Answer => ({
  right: () => Promise.resolve(right),
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('tor')
    if (node === undefined) return unknown('tor shows no network namespace')
    return value.trim() === right ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async all => {
    const machine = [...sets({ 'net.ipv4.ip_forward': 1 }), 'mkdir -p /run/bird']
    const programs = ['cable', 'speaker'].map(name => write(`/usr/local/bin/${name}`, file(name), '755'))
    await Promise.all([
      ...THREE.map(async own => {
        const node = all[`node${own}`]
        const serve = own === 1 ? [] : [`ip netns exec ${Object.keys(PODS[own])[0] ?? ''} serve --background proxy 8000`]
        await podsOnBridge(node, `10.244.${own}.0/24`, PODS[own], { routes: { ...otherPods(own), default: '192.168.1.1' }, script: [...machine, ...programs, `nft -f - <<'END'\n${RULES}\nEND`, ...serve,
          ...own === 1 ? [write('/root/services.json', SERVICES)] : []] })
      }),
      // A router remembers a neighbour for hours where Linux does so for half a minute. One that spreads does so by addresses, unless told otherwise.
      bash(all.tor, ...machine, ...sets({ 'net.ipv4.neigh.eth0.base_reachable_time_ms': 14_400_000, 'net.ipv4.fib_multipath_hash_policy': 0 })),
      all.ext`ip route add default via 10.50.0.1`,
    ])
  },
  steps: {
    'one-answers': {
      checks: [oneOfThree, remembered, served],
      hints: [
        'Which of two things is missing: that somebody says on the wire "it is here", or that whoever says so knows what to do with what then comes?',
        failing => failing.includes(oneOfThree.claim)
          ? 'Who has the address, on which interface, and is that interface on the wire? `ip -br addr` on each node. It has to be exactly one of them.'
          : failing.includes(remembered.claim)
            ? 'What does tor remember? `ip neigh show 192.168.1.240` there: a neighbour that is PERMANENT was written down by somebody.'
            : 'What arrives at the node is for 192.168.1.240, port 80. Which of its rules knows that address? `nft list map ip services fronts`',
        'On node1: `ip addr add 192.168.1.240/32 dev eth0`; and on each node `nft add element ip services fronts \'{ 192.168.1.240 . tcp . 80 : goto outside }\'`',
      ],
      answers: { 'come-in': said('1', ['2', '3', '0', '50']) },
      alternatives: {
        'another node': async all => {
          await answersAt(all.node3)
          await allFront(all)
        },
        'on the loopback interface: Linux answers for all that it has': async all => {
          await all.node2`ip addr add 192.168.1.240/32 dev lo`
          await allFront(all)
        },
        'a second address in the subnet': async all => {
          await all.node1`ip addr add 192.168.1.240/24 dev eth0`
          await allFront(all)
        },
        // As MetalLB has it: no interface has the address, and somebody answers for it.
        'proxy ARP for an address that nobody has': async all => {
          await bash(all.node1, 'ip route add 192.168.1.240/32 dev cni0', 'ip neigh add proxy 192.168.1.240 dev eth0', 'sysctl -qw net.ipv4.neigh.eth0.proxy_delay=0')
          await allFront(all)
        },
        'a MAC address of its own, as VRRP has it': {
          requires: ['macvlan'],
          instead: async all => {
            await bash(all.node1, 'ip link add vrrp4 link eth0 address 00:00:5e:00:01:05 up type macvlan mode bridge', 'ip addr add 192.168.1.240/32 dev vrrp4')
            await allFront(all)
          },
        },
        'kube-proxy, by nftables': {
          requires: ['etcd', 'kube-apiserver', 'kube-proxy'],
          instead: async all => {
            await answersAt(all.node1)
            await byKubeProxy(all, 'Cluster', 'nftables')
          },
        },
        'on the one node alone, by iptables': {
          requires: ['iptables-nft', 'xt-statistic'],
          instead: async ({ node2 }) => {
            await answersAt(node2)
            await bash(node2, 'iptables -t nat -N EXT', 'iptables -t nat -A PREROUTING -d 192.168.1.240/32 -p tcp --dport 80 -j EXT',
              'iptables -t nat -A EXT -m statistic --mode random --probability 0.5 -p tcp -j DNAT --to-destination 10.244.2.2:8000', 'iptables -t nat -A EXT -p tcp -j DNAT --to-destination 10.244.3.2:8000',
              'iptables -t nat -A POSTROUTING -m conntrack --ctorigdst 192.168.1.240 -j MASQUERADE')
          },
        },
      },
      mutants: {
        'an address, and nobody who knows what to do with it': { refusedBy: served.claim, instead: ({ node1 }) => answersAt(node1) },
        'rules, and nobody who answers': { refusedBy: oneOfThree.claim, instead: allFront },
        'two who answer': {
          refusedBy: oneOfThree.claim,
          instead: async all => {
            await Promise.all([answersAt(all.node1), answersAt(all.node3)])
            await allFront(all)
          },
        },
        // kube-proxy in IPVS mode puts all addresses of Services on an interface of each node: hence strictARP.
        'on the loopback interface of each node': {
          refusedBy: oneOfThree.claim,
          instead: all => onEach(all, 'ip addr add 192.168.1.240/32 dev lo', front(VIP)),
        },
        'the router itself': {
          refusedBy: oneOfThree.claim,
          instead: async all => {
            await answersAt(all.tor)
            await allFront(all)
          },
        },
        'on an interface that is not on the wire, and strict about it': {
          refusedBy: oneOfThree.claim,
          instead: async all => {
            await bash(all.node1, 'ip addr add 192.168.1.240/32 dev cni0', 'sysctl -qw net.ipv4.conf.eth0.arp_ignore=1')
            await allFront(all)
          },
        },
        'written down on the router': {
          refusedBy: remembered.claim,
          instead: async all => {
            await answersAt(all.node1)
            await allFront(all)
            await bash(all.tor, 'ping -q -c 1 192.168.1.11 >/dev/null', 'ip neigh replace 192.168.1.240 lladdr "$(ip neigh show 192.168.1.11 | grep -o "..:..:..:..:..:..")" dev eth0 nud permanent')
          },
        },
        // The proxy answers ext itself, under an address of which ext knows nothing.
        'the client kept, where the answer goes by another node': {
          refusedBy: served.claim,
          instead: async all => {
            await answersAt(all.node1)
            await onEach(all, front(VIP, 'proxy-public'))
          },
        },
        'somebody else takes the address too': { refusedBy: oneOfThree.claim, after: ({ node3 }) => answersAt(node3) },
        'the node that answers is deaf to the question': { refusedBy: oneOfThree.claim, after: ({ node1 }) => node1`ip link set eth0 arp off` },
        'one of the two proxies has ended': { refusedBy: served.claim, after: ({ node3 }) => endsProxy(node3) },
        'nobody translates the client any more': { refusedBy: served.claim, after: ({ node1 }) => node1`nft flush chain ip services post` },
        'the node that answers does not forward': { refusedBy: served.claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=0` },
      },
    },
    moves: {
      checks: [movedOn, remembered, served, backAgain],
      hints: [
        'Do three things agree: who has the address, who answers for it, and whom tor believes to have it?',
        failing => failing.includes(movedOn.claim)
          ? 'Node1 is not to answer any more, and one of the others is. Two answer? Somebody came back and still has the address.'
          : failing.includes(backAgain.claim)
            ? 'Node1 has to come back: `cable in`.'
            : 'tor does not ask as long as it remembers: `ip neigh show 192.168.1.240` there. Who could tell it, and how? `man arping`, -U',
        'On node2: `ip addr add 192.168.1.240/32 dev eth0` and `arping -U -c 1 -I eth0 192.168.1.240`. On node1: `cable in` and `ip addr del 192.168.1.240/32 dev eth0`',
      ],
      alternatives: {
        'node3 takes over': all => takesOver(all, 'node3', 'ip addr add 192.168.1.240/32 dev eth0', shouts),
        'told as an answer that nobody has asked for': all => takesOver(all, 'node2', 'ip addr add 192.168.1.240/32 dev eth0', 'arping -q -A -c 1 -I eth0 192.168.1.240'),
        'given up first, and nobody was cut off': async all => {
          await asked(all)
          await all.node1`ip addr del 192.168.1.240/32 dev eth0`
          await bash(all.node2, 'ip addr add 192.168.1.240/32 dev eth0', shouts)
        },
        'the router made to forget': async all => {
          await takesOver(all, 'node2', 'ip addr add 192.168.1.240/32 dev eth0')
          await all.tor`ip neigh flush to 192.168.1.240`
        },
        // Two deaths of the leader, and each time ext is served again within five seconds.
        'speakers that watch each other': async all => {
          await asked(all)
          await onEach(all, 'speaker 192.168.1.240 192.168.1.12 192.168.1.13 192.168.1.11')
          const leads = (node: Node) => bash(node, `for try in $(seq 100); do [ -n "$(ip addr show dev eth0 to ${VIP}/32)" ] && exit 0; sleep 0.1; done; exit 1`)
          const leadsNot = (node: Node) => bash(node, `for try in $(seq 100); do [ -z "$(ip addr show dev eth0 to ${VIP}/32)" ] && exit 0; sleep 0.1; done; exit 1`)
          // Of two proxies one may be cut off: eight ask at a time, so that it is not by bad luck that nobody is answered.
          const within5s = () => bash(all.ext, 'until=$(($(date +%s%3N) + 5000)); while [ $(date +%s%3N) -lt $until ]; do [ -n "$(curl -sf -m 0.5 -Z --parallel-immediate "http://192.168.1.240/?[1-8]")" ] && exit 0; done; exit 1')
          await leads(all.node2)
          await leadsNot(all.node1)
          await all.node2`cable out`
          await within5s()
          await all.node2`cable in`
          await leadsNot(all.node3)
          await within5s()
        },
      },
      mutants: {
        'taken over, and nobody told': { refusedBy: remembered.claim, instead: all => takesOver(all, 'node2', 'ip addr add 192.168.1.240/32 dev eth0') },
        'taken over while the other is away, and nobody told': {
          refusedBy: served.claim,
          instead: async all => {
            await asked(all)
            await bash(all.node1, 'cable out')
            await answersAt(all.node2)
          },
        },
        'back, and it still has the address': {
          refusedBy: movedOn.claim,
          instead: async all => {
            await asked(all)
            await bash(all.node1, 'cable out')
            await bash(all.node2, 'ip addr add 192.168.1.240/32 dev eth0', shouts)
            await bash(all.node1, 'cable in')
          },
        },
        'gone for good': {
          refusedBy: backAgain.claim,
          instead: async all => {
            await asked(all)
            await bash(all.node1, 'cable out')
            await bash(all.node2, 'ip addr add 192.168.1.240/32 dev eth0', shouts)
          },
        },
        'nobody takes over': {
          refusedBy: movedOn.claim,
          instead: async all => {
            await asked(all)
            await all.node1`ip addr del 192.168.1.240/32 dev eth0`
          },
        },
        'told by somebody who has it not': {
          refusedBy: remembered.claim,
          after: ({ node3 }) => bash(node3, 'ip addr add 192.168.1.240/32 dev eth0', shouts, 'ip addr del 192.168.1.240/32 dev eth0'),
        },
        'a node that does not know the Service': {
          refusedBy: served.claim,
          instead: all => takesOver(all, 'node2', 'nft delete element ip services fronts "{ 192.168.1.240 . tcp . 80 }"', 'ip addr add 192.168.1.240/32 dev eth0', shouts),
        },
        'the new one written down on the router': {
          refusedBy: remembered.claim,
          after: async all => {
            await asked(all)
            await bash(all.tor, 'ip neigh change 192.168.1.240 lladdr "$(ip neigh show 192.168.1.240 | grep -o "..:..:..:..:..:..")" dev eth0 nud permanent')
          },
        },
        'the address comes back to node1, as it stands in some file': { refusedBy: movedOn.claim, after: ({ node1 }) => answersAt(node1) },
        'node2 goes, and nobody notices': { refusedBy: movedOn.claim, after: ({ node2 }) => node2`cable out` },
      },
    },
    'many-ways': {
      checks: [behindBoth, noMoreTold, servedTold, spread],
      hints: [
        'Which of four things, one behind the other, is not so yet: what tor is told, what it keeps of that, what the nodes do with what comes, and by what tor chooses?',
        failing => failing.includes(behindBoth.claim)
          ? 'On tor: `birdc show protocols` (is it in session with all three?), `birdc show route` (what was it told?), `ip route show 203.0.113.240` (how many `nexthop` lines?).'
          : failing.includes(servedTold.claim)
            ? 'tor knows the way. Does each node know what to do with 203.0.113.240, port 80? `nft list map ip services fronts`'
            : failing.includes(spread.claim)
              ? 'All connections of one client come in by one node. What are they told apart by? `sysctl net.ipv4.fib_multipath_hash_policy` on tor'
              : 'tor has been told more than the address of the Service. What do the nodes export?',
        'On tor: `merge paths on;` in `protocol kernel`, `birdc configure`, `sysctl -w net.ipv4.fib_multipath_hash_policy=1`. On each node: `nft add element ip services fronts \'{ 203.0.113.240 . tcp . 80 : goto outside }\'`',
      ],
      alternatives: {
        'FRR on the nodes': async all => {
          await Promise.all(THREE.map(own => frr(all[`node${own}`], [`bgp router-id 192.168.1.1${own}`, 'neighbor 192.168.1.1 remote-as 64500', 'neighbor 192.168.1.1 timers connect 1'], ['network 203.0.113.240/32', 'neighbor 192.168.1.1 activate'])))
          await bird(all.tor, TOR_CONF)
          await allFrontTold(all)
          await hashesPorts(all)
          await allSent(all)
        },
        'FRR on the router': async all => {
          await frr(all.tor, FRR_TOR, ['neighbor nodes activate'], { zebra: true, as: 64500 })
          await Promise.all(THREE.map(own => bird(all[`node${own}`], NODE_CONF)))
          await allFrontTold(all)
          await hashesPorts(all)
          await allSent(all)
        },
        'an AS for each node': all => wrongTold(all, {
          node: own => NODE_CONF.replace('local as 64512', `local as ${64512 + own}`),
          tor: TOR_CONF.replace('range 192.168.1.0/24 as 64512', 'range 192.168.1.0/24 external'),
        }),
        'the one AS for all': all => wrongTold(all, {
          node: () => NODE_CONF.replace('as 64500', 'as 64512'),
          tor: TOR_CONF.replace('local as 64500', 'local as 64512').replace('protocol device { }', 'protocol device { }\nprotocol direct { ipv4; interface "eth0"; }'),
        }),
        'the whole pool told': all => wrongTold(all, { node: () => NODE_CONF.replace('203.0.113.240/32', '203.0.113.240/28') }),
        'the fields of the hash named one by one': async all => {
          await wrongTold(all, {})
          await all.tor`sysctl -qw net.ipv4.fib_multipath_hash_fields=0x37 net.ipv4.fib_multipath_hash_policy=3`
        },
        'the address on the loopback interface of each node': async all => {
          await wrongTold(all, {})
          await onEach(all, 'ip addr add 203.0.113.240/32 dev lo')
        },
      },
      mutants: {
        'one way of three kept': { refusedBy: behindBoth.claim, instead: all => wrongTold(all, { tor: TOR_CONF.replace('  merge paths on;\n', '') }) },
        'one way of three kept, by FRR': {
          refusedBy: behindBoth.claim,
          instead: async all => {
            await frr(all.tor, FRR_TOR, ['neighbor nodes activate', 'maximum-paths 1'], { zebra: true, as: 64500 })
            await Promise.all(THREE.map(own => bird(all[`node${own}`], NODE_CONF)))
            await allFrontTold(all)
            await hashesPorts(all)
            await meets(all, 3)
          },
        },
        'chosen by addresses': {
          refusedBy: spread.claim,
          instead: async all => {
            await wrongTold(all, {})
            await all.tor`sysctl -qw net.ipv4.fib_multipath_hash_policy=0`
            await allSent(all)
          },
        },
        // Of what is no tunnel that takes the outer addresses.
        'chosen by the addresses inside': {
          refusedBy: spread.claim,
          instead: async all => {
            await wrongTold(all, {})
            await all.tor`sysctl -qw net.ipv4.fib_multipath_hash_policy=2`
            await allSent(all)
          },
        },
        'three ways typed on the router': {
          refusedBy: behindBoth.claim,
          instead: async all => {
            await all.tor`ip route add 203.0.113.240 nexthop via 192.168.1.11 nexthop via 192.168.1.12 nexthop via 192.168.1.13`
            await allFrontTold(all)
            await hashesPorts(all)
          },
        },
        'three ways typed into the router\'s BIRD': {
          refusedBy: behindBoth.claim,
          instead: async all => {
            await wrongTold(all, {
              tor: `${TOR_CONF.replace('source = RTS_BGP', 'true').replace('import all', 'import none')}protocol static typed { ipv4; route 203.0.113.240/32 via 192.168.1.11 via 192.168.1.12 via 192.168.1.13; }\n`,
            })
            await allSent(all)
          },
        },
        'told, and no rule': {
          refusedBy: servedTold.claim,
          instead: async all => {
            await told(all)
            await hashesPorts(all)
            await allSent(all)
          },
        },
        'a node of another AS': { refusedBy: behindBoth.claim, instead: all => wrongTold(all, { node: own => own === 3 ? NODE_CONF.replace('local as 64512', 'local as 64513') : NODE_CONF }, 2) },
        'a way that is longer than the others': {
          refusedBy: behindBoth.claim,
          instead: all => wrongTold(all, { node: own => own === 3 ? NODE_CONF.replace('export where source = RTS_STATIC', 'export filter { bgp_path.prepend(64512); accept; }') : NODE_CONF }),
        },
        'all told in the name of one': {
          refusedBy: behindBoth.claim,
          instead: async all => {
            await wrongTold(all, { node: () => NODE_CONF.replace('ipv4 {\n    import none', 'ipv4 {\n    next hop address 192.168.1.11;\n    import none') })
            await sends(all, 1)
          },
        },
        'known to BIRD, and not to the kernel': { refusedBy: behindBoth.claim, instead: all => wrongTold(all, { tor: TOR_CONF.replace('export where source = RTS_BGP', 'export none') }) },
        'all told that a node knows': {
          refusedBy: noMoreTold.claim,
          instead: async all => {
            await wrongTold(all, { node: () => `${NODE_CONF.replace('export where source = RTS_STATIC', 'export all')}protocol direct { ipv4; }\n` })
            await allSent(all)
          },
        },
        'the router\'s daemon has died': {
          refusedBy: behindBoth.claim,
          after: async all => {
            await allSent(all)
            // What a process has open is closed when it is gone, and that is not at once.
            await all.tor`kill -9 $(pidof bird); while pidof bird >/dev/null; do sleep 0.01; done`
          },
        },
        'a node\'s daemon has ended': { refusedBy: behindBoth.claim, after: all => all.node3`birdc down`.then(() => sendsNoMore(all, 3)) },
        'somebody has set the hash back': { refusedBy: spread.claim, after: ({ tor }) => tor`sysctl -qw net.ipv4.fib_multipath_hash_policy=0` },
        'a node that has forgotten the Service': { refusedBy: servedTold.claim, after: ({ node3 }) => node3`nft delete element ip services fronts '{ 203.0.113.240 . tcp . 80 }'` },
        'the better route of somebody': { refusedBy: behindBoth.claim, after: ({ tor }) => tor`ip route add 203.0.113.240 via 192.168.1.12` },
      },
    },
    local: {
      checks: [whereServed, ownAddress, ownOnWire],
      hints: [
        'A node hands on to its own pods only, and does not touch the client\'s address. What does a node without such a pod do, and who must not send to it?',
        failing => failing.includes(whereServed.claim)
          ? 'On tor: `ip route show 203.0.113.240`. Which of the nodes there has no proxy, or which that has one is missing? The node has to stop telling.'
          : 'Whom does the chain `outside` of each node hand to, and does it still set the mark that has the client translated? `nft list chain ip services outside`',
        'On node2, by `nft -f -`: `flush chain ip services outside`, `add rule ip services outside goto proxy-a`; on node3 the same with proxy-b. On node1: `birdc disable services`',
      ],
      answers: { share: said('50', ['25', '75', '100', '33']) },
      alternatives: {
        'the daemon of node1 ended': async all => {
          await allLocal(all)
          await all.node1`birdc down`
        },
        'kube-proxy, by iptables, and its node withdrawn': {
          requires: ['etcd', 'kube-apiserver', 'kube-proxy'],
          instead: async all => {
            await Promise.all([byKubeProxy(all, 'Local', 'iptables'), withdraws(all.node1)])
          },
        },
        'filtered on its way out': async all => {
          await allLocal(all)
          await bash(all.node1, 'sed -i "s/export where source = RTS_STATIC/export none/" /etc/bird/bird.conf', 'birdc configure')
        },
        'by the source: those from inside are handed to all': async all => {
          await Promise.all(([2, 3] as const).map(own => local(all[`node${own}`], 'ip saddr 10.244.0.0/16 goto proxy-public', ownProxy[own])))
          await withdraws(all.node1)
        },
        'a proxy that has ended, and its node has withdrawn': async all => {
          await allLocal(all)
          await endsProxy(all.node3)
          await local(all.node3, 'drop')
          await Promise.all([all.node1, all.node3].map(withdraws))
        },
      },
      mutants: {
        'a node without a proxy still tells': { refusedBy: whereServed.claim, instead: allLocal },
        'withdrawn, and the rules left as they are': {
          refusedBy: ownAddress.claim,
          instead: async all => {
            await withdraws(all.node1)
            await sendsNoMore(all, 1)
          },
        },
        // To a pod elsewhere, whose answer does not come back this way.
        'the client kept, and handed to any node\'s pods': {
          refusedBy: ownAddress.claim,
          instead: async all => {
            await Promise.all([local(all.node2, 'goto proxy-public'), local(all.node3, 'goto proxy-public'), withdraws(all.node1)])
            await sendsNoMore(all, 1)
          },
        },
        'a node that hands to the other\'s proxy': {
          refusedBy: ownAddress.claim,
          instead: async all => {
            await Promise.all([local(all.node2, ownProxy[2]), local(all.node3, ownProxy[2]), withdraws(all.node1)])
            await sendsNoMore(all, 1)
          },
        },
        'the last proxy of a node ends, and nobody withdraws': { refusedBy: whereServed.claim, after: ({ node3 }) => endsProxy(node3) },
        'the router keeps a way of its own to node1': { refusedBy: whereServed.claim, after: ({ tor }) => tor`ip route add 203.0.113.240 nexthop via 192.168.1.11 nexthop via 192.168.1.12 nexthop via 192.168.1.13` },
        'all that leaves a node is translated': { refusedBy: ownAddress.claim, after: ({ node3 }) => node3`nft insert rule ip services post ip daddr 10.244.3.2 masquerade` },
        // One that answers on the wire has to have a pod, too.
        'the address on the wire goes to a node without a proxy': {
          refusedBy: ownOnWire.claim,
          after: async all => {
            await all.node2`ip addr del 192.168.1.240/32 dev eth0`
            await bash(all.node1, 'ip addr add 192.168.1.240/32 dev eth0', shouts)
          },
        },
        'node1 tells again': { refusedBy: whereServed.claim, after: all => all.node1`birdc enable services`.then(() => sends(all, 1)) },
      },
    },
    pool: {
      checks: [free, unique, forGood, noMore],
      solution: all => installs(all),
      hints: [
        'What is free is the pool without what somebody has. When may you say so of an address: before you have looked at all Services, or after?',
        failing => failing.includes(free.claim)
          ? '/etc/pool on node1 holds one line, the first and the last address with a `-` between them. Whose addresses are in that range today? `ip -br addr` on each machine'
          : failing.includes(forGood.claim)
            ? 'Count what is taken over the whole list before you give the first address away: those who have one may stand at its end.'
            : failing.includes(noMore.claim)
              ? 'What does your program do when nothing is free? Such a Service goes out as it came in, and the program ends with 0.'
              : 'Try it on /root/services.json: `allocate "$(cat /etc/pool)" </root/services.json | jq -r \'.items[] | "\\(.metadata.name) \\(.spec.type) \\(.status.loadBalancer.ingress[0].ip)"\'`',
        `/etc/pool: \`192.168.1.240-192.168.1.250\`. And /usr/local/bin/allocate, with \`chmod +x\`:\n${ALLOCATE}`,
      ],
      alternatives: {
        'by a shell, an address at a time': all => installs(all, `#!/bin/bash
services=$(cat)
net=\${1%%-*}; net=\${net%.*}; from=\${1%%-*}; to=\${1##*-}
free=$(for n in $(seq \${from##*.} \${to##*.}); do echo $net.$n; done | grep -vxF "$(jq -r '"none", (.items[].status.loadBalancer.ingress[]?.ip)' <<<"$services")")
for name in $(jq -r '.items[] | select(.spec.type == "LoadBalancer" and .status.loadBalancer.ingress == null) | .metadata.name' <<<"$services"); do
  set -- $free
  [ $# -gt 0 ] || break
  services=$(jq --arg name "$name" --arg ip "$1" '(.items[] | select(.metadata.name == $name)).status.loadBalancer.ingress = [{ ip: $ip }]' <<<"$services")
  shift
  free=$*
done
printf '%s\\n' "$services"
`),
        'the last address first': all => installs(all, replaced('ip: $free[0]', 'ip: $free[-1]')),
        'a smaller pool': all => installs(all, ALLOCATE, '192.168.1.240-192.168.1.243'),
      },
      mutants: {
        'a pool, and no program': { refusedBy: unique.claim, instead: ({ node1 }) => bash(node1, `echo ${POOL} >/etc/pool`) },
        'a program, and no pool': {
          refusedBy: free.claim,
          instead: async all => {
            await installs(all)
            await all.node1`rm /etc/pool`
          },
        },
        'a pool with the nodes in it': { refusedBy: free.claim, instead: all => installs(all, ALLOCATE, '192.168.1.10-192.168.1.250') },
        'a pool that goes to the end of the subnet': { refusedBy: free.claim, instead: all => installs(all, ALLOCATE, '192.168.1.240-192.168.1.255') },
        'a pool without what is given away already': { refusedBy: free.claim, instead: all => installs(all, ALLOCATE, '192.168.1.241-192.168.1.250') },
        'a pool that is a prefix': { refusedBy: free.claim, instead: all => installs(all, ALLOCATE, '192.168.1.240/28') },
        'the pool of this cluster written into the program': { refusedBy: unique.claim, instead: all => installs(all, replaced('--arg pool "$1"', `--arg pool ${POOL}`)) },
        'the same address for all': { refusedBy: unique.claim, instead: all => installs(all, replaced('($all - [.items[].status.loadBalancer.ingress[]?.ip])', '$all')) },
        'an address for every type': { refusedBy: unique.claim, instead: all => installs(all, replaced('.items[$i].spec.type == "LoadBalancer" and ', '')) },
        'the last address forgotten': { refusedBy: unique.claim, instead: all => installs(all, replaced('tonumber) + 1)', 'tonumber))')) },
        'given away anew each time': { refusedBy: forGood.claim, instead: all => installs(all, replaced("jq --arg pool \"$1\" '\n", "jq --arg pool \"$1\" '\n  del(.items[].status.loadBalancer.ingress) |\n")) },
        // What those have who stand further down the list is not looked at.
        'taken only as far as it has read': { refusedBy: forGood.claim, instead: all => installs(all, replaced('[.items[].status', '[.items[:$i][].status')) },
        'counted, and not looked for': {
          refusedBy: forGood.claim,
          instead: all => installs(all, replaced('($all - [.items[].status.loadBalancer.ingress[]?.ip])', '$all[([.items[].status.loadBalancer.ingress[]?.ip] | length):]')),
        },
        'an error where nothing is left': { refusedBy: noMore.claim, instead: all => installs(all, replaced('if $free == [] then .', 'if $free == [] then error("the pool is exhausted")')) },
        'those left out for whom nothing is left': { refusedBy: noMore.claim, instead: all => installs(all, replaced('      else . end)', '      else . end) | .items |= map(select(.spec.type != "LoadBalancer" or .status.loadBalancer.ingress))')) },
        'somebody gives node2 an address of the pool': { refusedBy: free.claim, after: ({ node2 }) => node2`ip addr add 192.168.1.245/24 dev eth0` },
      },
    },
  },
})
