// 14 · One address for three pods: nobody has the address of a Service, and every node changes it for a backend's.
import { readFileSync } from 'node:fs'
import { serviceAnswers, serviceHairpin, serviceLeavesOut, serviceLetsGo, serviceOnlyAt, serviceRefuses, serviceShares, type Service } from 'hardway/checks'
import { apply, controlPlane, kubeProxy, type KubeProxy } from 'hardway/cluster'
import { bash, defineLab, fail, pass, unknown, write, type Alternative, type Answer, type Deed, type Nodes } from 'hardway/lab'
import { BACKENDS, BEAT, CLIENTS, LEAVING, RENDEZVOUS, servicePods } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'ext'
type All = Nodes<Name>

const VIP = '10.96.0.42'
const rendezvous: Service = { at: `${VIP}:29500`, backends: BACKENDS, targetPort: RENDEZVOUS }
const beat: Service = { at: '10.96.0.43:5140', protocol: 'udp', backends: { b3: BACKENDS.b3 }, targetPort: BEAT }
const metrics = { at: '10.96.0.44:9100' }

const { red, green, violet } = CLIENTS
const nodes = { node1: '192.168.1.11', node2: '192.168.1.12', node3: '192.168.1.13' }
const everybody = { ...CLIENTS, ...nodes }

const remote = serviceAnswers({ red, violet }, rendezvous)
const onlyThere = serviceOnlyAt({ red, violet }, rendezvous)
const fromNodes = serviceAnswers(nodes, rendezvous)
const sameBridge = serviceAnswers({ green }, rendezvous)
const everyPod = serviceAnswers(CLIENTS, rendezvous)
const thirds = serviceShares(everybody, rendezvous)
const hairpin = serviceHairpin(rendezvous)
const heartbeats = serviceAnswers(everybody, beat)
const noneToOld = serviceLeavesOut(everybody, beat, LEAVING)
const letGo = serviceLetsGo(beat, LEAVING)
const refused = serviceRefuses(everybody, metrics, rendezvous)

/** One script for each of the three nodes, which is told its number. */
const onEach = ({ node1, node2, node3 }: All, script: (number: number) => string): Promise<unknown> =>
  Promise.all([node1, node2, node3].map((node, index) => bash(node, script(index + 1))))
const each = (script: (number: number) => string): Deed<Name> => all => onEach(all, script)
/** One deed after the other. */
const inTurn = (...deeds: readonly Deed<Name>[]): Deed<Name> => async all => {
  for (const deed of deeds) await deed(all)
}

const nat = (...lines: readonly string[]) => lines.map(line => `iptables -t nat ${line}`).join('\n')
const filter = (...lines: readonly string[]) => lines.map(line => `iptables ${line}`).join('\n')
const nft = (...lines: readonly string[]) => `nft -f - <<'END'\n${lines.join('\n')}\nEND`

const AT = `-d ${VIP}/32 -p tcp --dport 29500`
const to = (name: keyof typeof BACKENDS, port = RENDEZVOUS) => `-j DNAT --to-destination ${BACKENDS[name]}:${port}`
const chance = (probability: string) => `-m statistic --mode random --probability ${probability}`
const ROUTE = 'ip route add default via 192.168.1.200'
const HOOKS = ['PREROUTING', 'OUTPUT'] as const
const SYSCTL = 'sysctl -qw net.bridge.bridge-nf-call-iptables=1'

/** The rules of rendezvous anew, in one transaction. */
const backends = (...rules: readonly string[]) => `iptables-restore --noflush <<'END'
*nat
:RENDEZVOUS - [0:0]
${rules.map(rule => `-A RENDEZVOUS -p tcp ${rule}`).join('\n')}
:SERVICES - [0:0]
-A SERVICES ${AT} -j RENDEZVOUS
COMMIT
END`
const EVEN = [`${chance('0.3333')} ${to('b1')}`, `${chance('0.5')} ${to('b2')}`, to('b3')]

/** Without the learner's rules. */
const gone = [
  ...HOOKS.map(hook => `iptables -t nat -D ${hook} -j SERVICES`),
  'iptables -t nat -F SERVICES', 'for chain in RENDEZVOUS BEAT; do iptables -t nat -F $chain 2>/dev/null && iptables -t nat -X $chain; done', 'iptables -t nat -X SERVICES',
].join('\n')
const nftHooks = (rule: string, ...more: readonly string[]) => nft('table ip services {', ...more,
  `chain services { ${rule}; }`,
  'chain pre { type nat hook prerouting priority dstnat; jump services; }',
  'chain out { type nat hook output priority dstnat; jump services; }',
  '}')

const own = (number: number) => Object.entries(BACKENDS).filter(([, address]) => address.startsWith(`10.244.${number}.`))
const selfMasquerade = (number: number) => nat(...own(number).map(([, address]) => `-A POSTROUTING -s ${address}/32 -d ${address}/32 -j MASQUERADE`))
const hairpinPorts = (number: number, names = own(number).map(([name]) => name)) => names.map(name => `bridge link set dev veth-${name} hairpin on`).join('\n')
const both = (number: number) => `${selfMasquerade(number)}\n${hairpinPorts(number)}`

const REPLACED = `iptables-restore --noflush <<'END'
*nat
:BEAT - [0:0]
-A BEAT -p udp -j DNAT --to-destination ${BACKENDS.b3}:${BEAT}
COMMIT
END`
const BEATS = `iptables-restore --noflush <<'END'
*nat
:BEAT - [0:0]
-A BEAT -p udp ${chance('0.5')} -j DNAT --to-destination ${LEAVING.old}:${BEAT}
-A BEAT -p udp -j DNAT --to-destination ${BACKENDS.b3}:${BEAT}
-A SERVICES -d 10.96.0.43/32 -p udp --dport 5140 -j BEAT
COMMIT
END`
const WORKERS = 'ip netns exec red workers 10.96.0.43 5140'
const forget = `conntrack -D -p udp --orig-dst 10.96.0.43 --reply-src ${LEAVING.old} >/dev/null 2>&1`
/** old is an endpoint, the workers talk, and then it is none any more. */
const oldLeaves: Deed<Name> = inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS), each(() => REPLACED))
const REJECT = `-d 10.96.0.44/32 -p tcp --dport 9100 -j REJECT`

// Forty programs of a job, each with a socket of its own, that say ten times a second that they are alive. In a file, so that `ps`
// shows a line and not a program. Each has said it once before the command ends.
const PROGRAM = String.raw`#!/usr/bin/perl
# workers ADDRESS PORT: goes on in the background.
use strict;
use Socket;
use POSIX 'setsid';
my ($address, $port) = @ARGV;
my $to = pack_sockaddr_in $port, inet_aton $address;
my @sockets = map { socket my $udp, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n"; $udp } 1 .. 40;
send $_, 'alive', 0, $to for @sockets;
exit if fork // die "fork: $!\n";
setsid;
open $_, '+<', '/dev/null' for \*STDIN, \*STDOUT, \*STDERR;
for (;;) { select undef, undef, undef, 0.1; send $_, 'alive', 0, $to for @sockets }
`

/** What kube-proxy itself has written for the three Services, recorded. */
const RECORDED = readFileSync(new URL('files/kube-proxy.rules', import.meta.url), 'utf8')
/** The right answer is what the file on node1 has in this place. */
const read = (place: RegExp, shape: RegExp, form: string, wrong: Answer['wrong']): Answer => {
  const right = place.exec(RECORDED)?.[1] ?? ''
  return {
    right: () => Promise.resolve(right), wrong,
    grade: async (bench, value) => {
      const shown = await bench.place('node1').exec(['cat', '/root/kube-proxy.rules'])
      if (shown.exitCode !== 0) return unknown('node1 has no file /root/kube-proxy.rules', shown)
      if (!shape.test(value)) return fail(`expected ${form}, and got ${JSON.stringify(value)}`, shown)
      return value === right ? pass(shown) : fail(`the file says something else: follow the chains from KUBE-SERVICES`, shown)
    },
  }
}
const halves = /KUBE-SVC-\S+ -m comment --comment "default\/rendezvous:\S+ -> ([\d.]+):\d+" .*--probability 0\.5/
const refuses = /^\*(\w+)\n(?:(?!^COMMIT)[^\n]*\n)*?[^\n]*default\/metrics[^\n]*REJECT/m
const marked = /KUBE-SVC-\S+ ! -s (\S+) -d 10\.96\.0\.42/

// The same three Services as objects, for kube-proxy.
const slice = (service: string, name: string, protocol: string, port: number, addresses: readonly (readonly [string, string, number])[]) => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${service}-1, namespace: default, labels: { kubernetes.io/service-name: ${service} } }
addressType: IPv4
ports: [{ name: ${name}, protocol: ${protocol}, port: ${port} }]
endpoints:${addresses.length === 0 ? ' []' : ''}
${addresses.map(([pod, address, node]) => `- { addresses: [${address}], nodeName: node${node}, conditions: { ready: true }, targetRef: { kind: Pod, name: ${pod}, namespace: default } }`).join('\n')}`
const service = (name: string, address: string, portName: string, protocol: string, port: number, targetPort: number) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec: { clusterIP: ${address}, ports: [{ name: ${portName}, protocol: ${protocol}, port: ${port}, targetPort: ${targetPort} }] }`
const beatsFrom = (...pods: readonly (readonly [string, string, number])[]) => slice('beat', 'beat', 'UDP', BEAT, pods)
const B3 = ['b3', BACKENDS.b3, 2] as const
const OLD = ['old', LEAVING.old, 3] as const
const OBJECTS = [
  service('rendezvous', VIP, 'c10d', 'TCP', 29500, RENDEZVOUS), slice('rendezvous', 'c10d', 'TCP', RENDEZVOUS, [['b1', BACKENDS.b1, 1], ['b2', BACKENDS.b2, 1], B3]),
  service('beat', '10.96.0.43', 'beat', 'UDP', 5140, BEAT), beatsFrom(OLD, B3),
  service('metrics', '10.96.0.44', 'http', 'TCP', 9100, 9100), slice('metrics', 'http', 'TCP', 9100, []),
].join('\n---\n')

/** kube-proxy in place of all that was typed before. */
const byKubeProxy = (mode: KubeProxy['mode'], ...then: readonly Deed<Name>[]): Alternative<Name> => ({
  requires: ['etcd', 'kube-apiserver', 'kube-proxy'],
  instead: inTurn(
    each(() => gone),
    ({ ext }) => controlPlane(ext, { objects: OBJECTS }),
    ({ ext, node1, node2, node3 }) => kubeProxy({ node1, node2, node3 }, { api: ext, mode }),
    ...then,
  ),
})
/** It deletes what is remembered of an endpoint that has gone a moment after it has written the rules. */
const untilForgotten: Deed<Name> = ({ node1 }) => bash(node1, `for try in $(seq 500); do conntrack -L -p udp --orig-dst 10.96.0.43 --reply-src ${LEAVING.old} 2>/dev/null | grep -q . || exit 0; sleep 0.02; done; exit 1`)
const oldLeavesTheApi = inTurn(({ node1 }) => bash(node1, WORKERS), ({ ext }) => apply(ext, beatsFrom(B3)), untilForgotten)

export default defineLab<Name>({
  setup: async all => {
    await Promise.all([servicePods(all), bash(all.node1, write('/usr/local/bin/workers', PROGRAM, '755'), write('/root/kube-proxy.rules', RECORDED))])
  },
  steps: {
    'one-backend': {
      checks: [remote, onlyThere],
      hints: [
        'Nobody has 10.96.0.42, and nobody shall have it. Which machine does every packet of red\'s pass first, whatever its destination?',
        'The destination has to change before the node looks for a route: in the table nat, chain PREROUTING. On which nodes does somebody ask?',
        failing => failing.includes(onlyThere.claim) && !failing.includes(remote.claim) ? 'The rule has to ask for the port, too: `--dport 29500`.'
          : `On each of the three nodes: \`iptables -t nat -A PREROUTING ${AT} ${to('b3')}\``,
      ],
      alternatives: {
        'in words of nft': each(() => nft('table ip services {', `chain pre { type nat hook prerouting priority dstnat; ip daddr ${VIP} tcp dport 29500 dnat to ${BACKENDS.b3}:${RENDEZVOUS}; }`, '}')),
        'a map of nft': each(() => nft('table ip services {', 'map backends { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; ' +
          `elements = { ${VIP} . tcp . 29500 : ${BACKENDS.b3} . ${RENDEZVOUS} }; }`, 'chain pre { type nat hook prerouting priority dstnat; dnat to ip daddr . meta l4proto . th dport map @backends; }', '}')),
        'the older tables': { requires: ['iptables-legacy'], instead: each(() => `iptables-legacy -t nat -A PREROUTING ${AT} ${to('b3')}`) },
        'a set of Services': { requires: ['ipset'], instead: each(() => `ipset create services hash:ip,port\nipset add services ${VIP},tcp:29500\n${nat(`-A PREROUTING -m set --match-set services dst,dst -p tcp ${to('b3')}`)}`) },
        'what the node itself asks, too': each(() => nat(`-A PREROUTING ${AT} ${to('b3')}`, `-A OUTPUT ${AT} ${to('b3')}`)),
        'only what pods of the node send': each(number => nat(`-A PREROUTING -s 10.244.${number}.0/24 ${AT} ${to('b3')}`)),
      },
      mutants: {
        'nothing is done': { refusedBy: remote.claim, instead: async () => {} },
        'on node1 alone': { refusedBy: remote.claim, instead: ({ node1 }) => bash(node1, nat(`-A PREROUTING ${AT} ${to('b3')}`)) },
        'on the node of the backend alone': { refusedBy: remote.claim, instead: ({ node2 }) => bash(node2, nat(`-A PREROUTING ${AT} ${to('b3')}`)) },
        'asked by OUTPUT, which pods never pass': { refusedBy: remote.claim, instead: each(() => nat(`-A OUTPUT ${AT} ${to('b3')}`)) },
        'the port of the Service, where b3 does not listen': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING ${AT} -j DNAT --to-destination ${BACKENDS.b3}`)) },
        'another port of b3': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING ${AT} ${to('b3', 29401)}`)) },
        'the other protocol': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING -d ${VIP}/32 -p udp --dport 29500 ${to('b3')}`)) },
        'an address that no pod has': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING ${AT} -j DNAT --to-destination 10.244.2.99:${RENDEZVOUS}`)) },
        'somebody else\'s pod': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING ${AT} -j DNAT --to-destination ${LEAVING.old}:${RENDEZVOUS}`)) },
        'every port of the address': { refusedBy: onlyThere.claim, instead: each(() => nat(`-A PREROUTING -d ${VIP}/32 -p tcp ${to('b3')}`)) },
        'the port forgotten beside the right rule': { refusedBy: onlyThere.claim, after: each(() => nat(`-A PREROUTING -d ${VIP}/32 -p tcp ${to('b3')}`)) },
        'masquerade for all': { refusedBy: remote.claim, instead: each(() => nat(`-A PREROUTING ${AT} ${to('b3')}`, '-A POSTROUTING -j MASQUERADE')) },
        // The address on every node, and a program that passes on what it is told: kube-proxy's first mode, gone since 1.26.
        'a program that has the address': {
          refusedBy: remote.claim,
          instead: each(() => `ip addr add ${VIP}/32 dev lo
            setsid socat TCP-LISTEN:29500,bind=${VIP},fork,reuseaddr,backlog=512 TCP:${BACKENDS.b3}:${RENDEZVOUS} </dev/null >/dev/null 2>&1 &
            for try in $(seq 250); do [ -n "$(ss -Hnlt sport = :29500)" ] && exit 0; sleep 0.02; done; exit 1`),
        },
        'the address given to b3': { refusedBy: remote.claim, instead: async all => {
          await all.node2`ip -n b3 addr add ${VIP}/32 dev eth0`
          await onEach(all, number => `ip route add ${VIP} via ${number === 2 ? BACKENDS.b3 : nodes.node2}`)
        } },
        'somebody flushed the table on node3': { refusedBy: remote.claim, after: ({ node3 }) => node3`iptables -t nat -F PREROUTING` },
        'a rule to another pod in front': { refusedBy: remote.claim, after: ({ node1 }) => bash(node1, nat(`-I PREROUTING ${AT} -j DNAT --to-destination 10.244.2.99:${RENDEZVOUS}`)) },
        'accepted before it is asked': { refusedBy: remote.claim, after: ({ node1 }) => bash(node1, nat('-I PREROUTING -d 10.96.0.0/12 -j ACCEPT')) },
        // What is not tracked is not translated, and nobody says so.
        'not tracked': { refusedBy: remote.claim, after: ({ node3 }) => node3`iptables -t raw -A PREROUTING -d 10.96.0.0/12 -j NOTRACK` },
        'forwarding turned off': { refusedBy: remote.claim, after: ({ node3 }) => node3`sysctl -qw net.ipv4.ip_forward=0` },
      },
    },
    'from-the-node': {
      checks: [fromNodes],
      hints: [
        'What does `ip route get 10.96.0.42` say on node1? Which comes first for what a machine sends itself: the route, or the rules?',
        'Two things are missing on each node: any route that covers 10.96.0.42, and a rule in a chain that the node\'s own packets pass.',
        `On each node: \`${ROUTE}\`, and \`iptables -t nat -A OUTPUT ${AT} ${to('b3')}\``,
      ],
      alternatives: {
        'a route for Services, to the bridge': each(() => `ip route add 10.96.0.0/12 dev cni0\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`),
        'a route for the one address': each(() => `ip route add ${VIP} via 192.168.1.200\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`),
        'the rule once more, in OUTPUT': each(() => `${ROUTE}\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`),
        'OUTPUT in words of nft': each(() => `${ROUTE}\n${nft('table ip services {', `chain out { type nat hook output priority dstnat; ip daddr ${VIP} tcp dport 29500 dnat to ${BACKENDS.b3}:${RENDEZVOUS}; }`, '}')}`),
        // What a node asks is masqueraded by kube-proxy, too: its address is none of pods.
        'masqueraded, where nodes ask': each(() => `${ROUTE}\n${nat(`-A OUTPUT ${AT} ${to('b3')}`, `-A POSTROUTING -m addrtype --src-type LOCAL -d ${BACKENDS.b3} -j MASQUERADE`)}`),
      },
      mutants: {
        'nothing is done here': { refusedBy: fromNodes.claim, instead: async () => {} },
        'the rule, and no route': { refusedBy: fromNodes.claim, instead: each(() => nat(`-A OUTPUT ${AT} ${to('b3')}`)) },
        'the route, and no rule': { refusedBy: fromNodes.claim, instead: each(() => ROUTE) },
        'on two of three nodes': { refusedBy: fromNodes.claim, instead: ({ node1, node2 }) => Promise.all([node1, node2].map(node => bash(node, `${ROUTE}\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`))) },
        'a route that says no': { refusedBy: fromNodes.claim, instead: each(() => `ip route add unreachable 10.96.0.0/12\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`) },
        'a route that swallows': { refusedBy: fromNodes.claim, instead: each(() => `ip route add blackhole 10.96.0.0/12\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`) },
        // The kernel then takes the address for the node's own, and asks from it: whoever answers, answers themselves.
        'the address on every node': { refusedBy: fromNodes.claim, instead: each(() => `ip addr add ${VIP}/32 dev lo\n${nat(`-A OUTPUT ${AT} ${to('b3')}`)}`) },
        'asked only by what comes in': { refusedBy: fromNodes.claim, instead: each(() => `${ROUTE}\n${nat(`-A INPUT ${AT} -j ACCEPT`, `-A PREROUTING -i lo ${AT} ${to('b3')}`)}`) },
        'after the route, in POSTROUTING': { refusedBy: fromNodes.claim, instead: each(() => `${ROUTE}\n${nat('-A POSTROUTING -d 10.96.0.42 -j MASQUERADE')}`) },
        'the default route lost': { refusedBy: fromNodes.claim, after: ({ node2 }) => node2`ip route del default` },
        'OUTPUT flushed': { refusedBy: fromNodes.claim, after: ({ node3 }) => node3`iptables -t nat -F OUTPUT` },
        'the chain that both ask is empty': { refusedBy: fromNodes.claim, after: ({ node1 }) => node1`iptables -t nat -F SERVICES` },
        'nothing may leave for a pod': { refusedBy: fromNodes.claim, after: ({ node1 }) => bash(node1, filter(`-A OUTPUT -d 10.244.0.0/16 -p tcp --dport ${RENDEZVOUS} -j DROP`)) },
      },
    },
    'same-bridge': {
      checks: [sameBridge],
      hints: [
        'Green\'s question arrives at b3. By which way does b3 answer, and whom does green see answering? `tcpdump` in green shows both.',
        'b3 and green are neighbours on one bridge: the answer is a frame from port to port, and no packet for node2. Which setting made such frames pass the rules in lab 02?',
        `On each node: \`sysctl -w net.bridge.bridge-nf-call-iptables=1\``,
      ],
      alternatives: {
        'for the one bridge': each(() => 'ip link set cni0 type bridge nf_call_iptables 1'),
        'on the node of the backend': ({ node2 }) => bash(node2, SYSCTL),
        // Ports that may not talk to each other: what neighbours say to each other is routed.
        'the ports kept apart, and the node between': each(() => `sysctl -qw net.ipv4.conf.cni0.proxy_arp_pvlan=1 net.ipv4.conf.cni0.send_redirects=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.neigh.cni0.proxy_delay=0
          for port in $(ls /sys/class/net/cni0/brif 2>/dev/null || bridge -j link show master cni0 | jq -r '.[].ifname'); do bridge link set dev $port isolated on; done
          for pod in $(ip netns list | cut -d ' ' -f 1); do ip -n $pod neigh flush all; done`),
      },
      mutants: {
        'left at 0': { refusedBy: sameBridge.claim, instead: async () => {} },
        'for ARP instead': { refusedBy: sameBridge.claim, instead: each(() => 'sysctl -qw net.bridge.bridge-nf-call-arptables=1') },
        'for IPv6 instead': { refusedBy: sameBridge.claim, instead: each(() => 'sysctl -qw net.bridge.bridge-nf-call-ip6tables=1') },
        'set on node1 alone': { refusedBy: sameBridge.claim, instead: ({ node1 }) => bash(node1, SYSCTL) },
        // The answer comes back, and nobody knows any more who asked.
        'masqueraded on the bridge': { refusedBy: sameBridge.claim, instead: each(() => nat('-A POSTROUTING -o cni0 -m conntrack --ctstate DNAT -j MASQUERADE')) },
        'a port that sends back': { refusedBy: sameBridge.claim, instead: ({ node2 }) => node2`bridge link set dev veth-b3 hairpin on` },
        'a bridge that listens to all': { refusedBy: sameBridge.claim, instead: ({ node2 }) => node2`ip link set cni0 promisc on` },
        'the reverse path not checked': { refusedBy: sameBridge.claim, instead: each(() => 'sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.cni0.rp_filter=0') },
        'redirects not sent': { refusedBy: sameBridge.claim, instead: each(() => 'sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.cni0.send_redirects=0') },
        'somebody turned it off': { refusedBy: sameBridge.claim, after: ({ node2 }) => node2`sysctl -qw net.bridge.bridge-nf-call-iptables=0` },
        'bridged frames may not be forwarded': { refusedBy: sameBridge.claim, after: ({ node2 }) => bash(node2, filter('-A FORWARD -i cni0 -o cni0 -j DROP')) },
        'connections of the bridge not tracked': { refusedBy: sameBridge.claim, after: ({ node2 }) => node2`iptables -t raw -A PREROUTING -i cni0 -s 10.244.2.0/24 -d 10.244.2.0/24 -j NOTRACK` },
      },
    },
    shares: {
      checks: [everyPod, fromNodes, thirds],
      hints: [
        failing => failing.includes(everyPod.claim) ? 'Somebody is not answered each time. Is there a rule for those whom all chances have missed? And is the setting of the step before at 1 on each node?'
          : 'All are answered, and the shares are wrong. Whoever comes to the second rule was left over by the first: of how many is the chance in it a part?',
        'The first rule takes one third of all. Two thirds come to the second, which is to take half of them. The third takes the rest.',
        `In the chain, in this order: \`${EVEN[0] ?? ''}\`, then \`--probability 0.5\` and b2, then b3 without a chance`,
      ],
      alternatives: {
        'each in turn': each(() => backends(`-m statistic --mode nth --every 3 --packet 0 ${to('b1')}`, `-m statistic --mode nth --every 2 --packet 0 ${to('b2')}`, to('b3'))),
        'a chain for each backend, as kube-proxy has it': each(() => `iptables-restore --noflush <<'END'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-RENDEZVOUS - [0:0]
${Object.keys(BACKENDS).map(name => `:KUBE-SEP-${name} - [0:0]`).join('\n')}
-A KUBE-SERVICES ${AT} -j KUBE-SVC-RENDEZVOUS
-A KUBE-SVC-RENDEZVOUS ${chance('0.33333333349')} -j KUBE-SEP-b1
-A KUBE-SVC-RENDEZVOUS ${chance('0.50000000000')} -j KUBE-SEP-b2
-A KUBE-SVC-RENDEZVOUS -j KUBE-SEP-b3
${Object.keys(BACKENDS).map(name => `-A KUBE-SEP-${name} -p tcp ${to(name as keyof typeof BACKENDS)}`).join('\n')}
${HOOKS.map(hook => `-I ${hook} -j KUBE-SERVICES`).join('\n')}
COMMIT
END`),
        'a number for each connection, by nft': each(() => `${gone}\n${nftHooks(`ip daddr ${VIP} tcp dport 29500 dnat to numgen random mod 3 map { 0 : ${BACKENDS.b1}, 1 : ${BACKENDS.b2}, 2 : ${BACKENDS.b3} } : ${RENDEZVOUS}`)}`),
        'each in turn, by nft': each(() => `${gone}\n${nftHooks(`ip daddr ${VIP} tcp dport 29500 dnat to numgen inc mod 3 map { 0 : ${BACKENDS.b1}, 1 : ${BACKENDS.b2}, 2 : ${BACKENDS.b3} } : ${RENDEZVOUS}`)}`),
        'by the client\'s address and port, by nft': each(() => `${gone}\n${nftHooks(`ip daddr ${VIP} tcp dport 29500 dnat to jhash ip saddr . tcp sport mod 3 map { 0 : ${BACKENDS.b1}, 1 : ${BACKENDS.b2}, 2 : ${BACKENDS.b3} } : ${RENDEZVOUS}`)}`),
        'two digits are enough': each(() => backends(`${chance('0.33')} ${to('b1')}`, `${chance('0.5')} ${to('b2')}`, to('b3'))),
        'another order, other chains, other marks': each(() => `${gone}
          ${nat('-N anything', ...HOOKS.map(hook => `-A ${hook} ${AT} -j anything`), `-A anything ${chance('0.3333')} -j MARK --set-mark 3`,
            `-A anything -m mark ! --mark 3 ${chance('0.5')} -j MARK --set-mark 2`, `-A anything -p tcp -m mark --mark 3 ${to('b3')}`, `-A anything -p tcp -m mark --mark 2 ${to('b2')}`, `-A anything -p tcp ${to('b1')}`)}`),
        'dice in the older tables': {
          requires: ['iptables-legacy'],
          instead: each(() => `${gone}\n${HOOKS.flatMap(hook => EVEN.map(rule => `iptables-legacy -t nat -A ${hook} ${AT} ${rule}`)).join('\n')}`),
        },
        'kube-proxy chooses, by iptables': byKubeProxy('iptables'),
        'kube-proxy chooses, by nftables': byKubeProxy('nftables'),
      },
      mutants: {
        'b3 answers all': { refusedBy: thirds.claim, instead: async () => {} },
        // 0.67 of 0.67 of 0.67, 30 of 100, meet no rule.
        'a third, a third and a third': { refusedBy: everyPod.claim, instead: each(() => backends(`${chance('0.33')} ${to('b1')}`, `${chance('0.33')} ${to('b2')}`, `${chance('0.33')} ${to('b3')}`)) },
        'chances for all, and no rest': { refusedBy: everyPod.claim, instead: each(() => backends(`${chance('0.3333')} ${to('b1')}`, `${chance('0.5')} ${to('b2')}`, `${chance('0.8')} ${to('b3')}`)) },
        'a third, a third and the rest': { refusedBy: thirds.claim, instead: each(() => backends(`${chance('0.3333')} ${to('b1')}`, `${chance('0.3333')} ${to('b2')}`, to('b3'))) },
        'half, half and the rest': { refusedBy: thirds.claim, instead: each(() => backends(`${chance('0.5')} ${to('b1')}`, `${chance('0.5')} ${to('b2')}`, to('b3'))) },
        'half, a third and the rest': { refusedBy: thirds.claim, instead: each(() => backends(`${chance('0.5')} ${to('b1')}`, `${chance('0.3333')} ${to('b2')}`, to('b3'))) },
        'the rest in front': { refusedBy: thirds.claim, instead: each(() => backends(to('b3'), `${chance('0.3333')} ${to('b1')}`, `${chance('0.5')} ${to('b2')}`)) },
        'three rules without a chance': { refusedBy: thirds.claim, instead: each(() => backends(to('b1'), to('b2'), to('b3'))) },
        'b1 twice, and b2 not at all': { refusedBy: thirds.claim, instead: each(() => backends(`${chance('0.3333')} ${to('b1')}`, `${chance('0.5')} ${to('b1')}`, to('b3'))) },
        'only two of them': { refusedBy: thirds.claim, instead: each(() => backends(`${chance('0.5')} ${to('b1')}`, to('b2'))) },
        'one of them under a port that it has not': { refusedBy: everyPod.claim, instead: each(() => backends(`${chance('0.3333')} ${to('b1')}`, `${chance('0.5')} ${to('b2', 29500)}`, to('b3'))) },
        // One client, one backend, for ever: that is affinity, and nobody has asked for it.
        'by the client\'s address alone': { refusedBy: thirds.claim, instead: each(() => `${gone}\n${nftHooks(`ip daddr ${VIP} tcp dport 29500 dnat to jhash ip saddr mod 3 map { 0 : ${BACKENDS.b1}, 1 : ${BACKENDS.b2}, 2 : ${BACKENDS.b3} } : ${RENDEZVOUS}`)}`) },
        'for pods only, and nodes as before': {
          refusedBy: thirds.claim,
          instead: each(() => `${backends(...EVEN)}\n${nat('-D OUTPUT -j SERVICES', `-A OUTPUT ${AT} ${to('b3')}`)}`),
        },
        'node3 was forgotten': { refusedBy: thirds.claim, instead: ({ node1, node2 }) => Promise.all([node1, node2].map(node => bash(node, backends(...EVEN)))) },
        'each node its own backends': { refusedBy: thirds.claim, instead: each(number => backends(...number === 1 ? [`${chance('0.5')} ${to('b1')}`, to('b2')] : [to('b3')])) },
        'masquerade for every Service': { refusedBy: everyPod.claim, instead: each(() => `${backends(...EVEN)}\n${nat('-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE')}`) },
        'the rule without a chance moved up': { refusedBy: thirds.claim, after: each(() => nat(`-D RENDEZVOUS -p tcp ${to('b3')}`, `-I RENDEZVOUS -p tcp ${to('b3')}`)) },
        'the last rule deleted': { refusedBy: everyPod.claim, after: ({ node3 }) => bash(node3, nat(`-D RENDEZVOUS -p tcp ${to('b3')}`)) },
        'a backend that is no longer there': { refusedBy: everyPod.claim, after: ({ node2 }) => bash(node2, nat(`-I RENDEZVOUS -p tcp ${chance('0.25')} -j DNAT --to-destination 10.244.1.99:${RENDEZVOUS}`)) },
        'the setting lost on node1': { refusedBy: everyPod.claim, after: ({ node1 }) => node1`sysctl -qw net.bridge.bridge-nf-call-iptables=0` },
        'a route to backends lost': { refusedBy: everyPod.claim, after: ({ node3 }) => node3`ip route del 10.244.1.0/24` },
        'OUTPUT asks nobody any more': { refusedBy: fromNodes.claim, after: ({ node2 }) => bash(node2, nat('-D OUTPUT -j SERVICES')) },
      },
    },
    hairpin: {
      checks: [hairpin, everyPod],
      hints: [
        'b1 asks, and is sent to b1. From which address does the question come, as b1 sees it? What does a machine think of a packet that comes from itself, and by which port would the frame leave the bridge?',
        'Two halves. The source has to be another than b1\'s; and the port of the bridge that the frame came in by has to let it out again.',
        'For each backend of the node: `iptables -t nat -A POSTROUTING -s 10.244.1.2/32 -d 10.244.1.2/32 -j MASQUERADE` and `bridge link set dev veth-b1 hairpin on`',
      ],
      alternatives: {
        'every rule on every node': inTurn(each(() => [1, 2].map(selfMasquerade).join('\n')), each(number => hairpinPorts(number))),
        'every port of the bridge': each(number => `${selfMasquerade(number)}\nfor port in $(bridge -j link show master cni0 | jq -r '.[].ifname'); do bridge link set dev $port hairpin on; done`),
        'a mark in place of the two addresses, as kube-proxy has it': each(number => `${hairpinPorts(number)}
          iptables-restore --noflush <<'END'
*nat
:RENDEZVOUS - [0:0]
${own(1).concat(own(2)).map(([name]) => `:SEP-${name} - [0:0]`).join('\n')}
:MARK-MASQ - [0:0]
-A MARK-MASQ -j MARK --or-mark 0x4000
-A RENDEZVOUS ${chance('0.3333')} -j SEP-b1
-A RENDEZVOUS ${chance('0.5')} -j SEP-b2
-A RENDEZVOUS -j SEP-b3
${own(1).concat(own(2)).map(([name, address]) => `-A SEP-${name} -s ${address}/32 -j MARK-MASQ\n-A SEP-${name} -p tcp ${to(name as keyof typeof BACKENDS)}`).join('\n')}
-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
END`),
        'who talks to itself, by nft': each(number => `${hairpinPorts(number)}\n${nft('table ip self {', 'set pods { type ipv4_addr . ipv4_addr; ' +
          `elements = { ${Object.values(BACKENDS).map(address => `${address} . ${address}`).join(', ')} }; }`, 'chain post { type nat hook postrouting priority srcnat; ip saddr . ip daddr @pods masquerade; }', '}')}`),
        'under the address of the bridge': each(number => `${hairpinPorts(number)}\n${nat(...own(number).map(([, address]) => `-A POSTROUTING -s ${address} -d ${address} -j SNAT --to-source 10.244.${number}.1`))}`),
        'masquerade in the older tables': { requires: ['iptables-legacy'], instead: each(number => `${hairpinPorts(number)}\n${selfMasquerade(number).replaceAll('iptables ', 'iptables-legacy ')}`) },
        // Without the detour of frames through the rules it is routed out again, and no port has to send back.
        'bridged frames left alone, and the node between neighbours': each(number => `${selfMasquerade(number)}
          sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.ipv4.conf.cni0.proxy_arp_pvlan=1 net.ipv4.conf.cni0.send_redirects=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.neigh.cni0.proxy_delay=0
          for port in $(bridge -j link show master cni0 | jq -r '.[].ifname'); do bridge link set dev $port isolated on; done
          for pod in $(ip netns list | cut -d ' ' -f 1); do ip -n $pod neigh flush all; done`),
        'kube-proxy does its half, by iptables': byKubeProxy('iptables', each(number => hairpinPorts(number))),
        'kube-proxy does its half, by nftables': byKubeProxy('nftables', each(number => hairpinPorts(number))),
      },
      mutants: {
        'no half': { refusedBy: hairpin.claim, instead: async () => {} },
        'the port alone': { refusedBy: hairpin.claim, instead: each(number => hairpinPorts(number)) },
        'the source alone': { refusedBy: hairpin.claim, instead: each(selfMasquerade) },
        'the source, and a bridge that listens to all': { refusedBy: hairpin.claim, instead: each(number => `${selfMasquerade(number)}\nip link set cni0 promisc on`) },
        'both, for the first alone': { refusedBy: hairpin.claim, instead: ({ node1 }) => bash(node1, `${nat(`-A POSTROUTING -s ${BACKENDS.b1} -d ${BACKENDS.b1} -j MASQUERADE`)}\n${hairpinPorts(1, ['b1'])}`) },
        'both, on node1 alone': { refusedBy: hairpin.claim, instead: ({ node1 }) => bash(node1, both(1)) },
        'the ports of the clients': { refusedBy: hairpin.claim, instead: each(number => `${selfMasquerade(number)}\n${hairpinPorts(number, [['red'], ['green'], ['violet']][number - 1])}`) },
        'a mark that nobody heeds': { refusedBy: hairpin.claim, instead: each(number => `${hairpinPorts(number)}\n${nat(...own(number).map(([, address]) => `-I RENDEZVOUS -s ${address} -j MARK --or-mark 0x4000`))}`) },
        'the source too early, before the backend is known': { refusedBy: hairpin.claim, instead: each(number => `${hairpinPorts(number)}\n${nat(...own(number).map(([, address]) => `-A POSTROUTING -s ${address} -d ${VIP} -j MASQUERADE`))}`) },
        'whatever stays on the bridge': { refusedBy: everyPod.claim, instead: each(number => `${hairpinPorts(number)}\n${nat(`-A POSTROUTING -s 10.244.${number}.0/24 -o cni0 -j MASQUERADE`)}`) },
        'whatever was given another destination': { refusedBy: everyPod.claim, instead: each(number => `${hairpinPorts(number)}\n${nat('-A POSTROUTING -m conntrack --ctstate DNAT -j MASQUERADE')}`) },
        'all that a backend sends': { refusedBy: hairpin.claim, instead: each(number => `${hairpinPorts(number)}\n${nat(...own(number).map(([, address]) => `-A POSTROUTING -s ${address} -j MASQUERADE`))}`) },
        // A port that is plugged in anew has forgotten what it was told.
        'a cable plugged in anew': { refusedBy: hairpin.claim, after: ({ node1 }) => bash(node1, 'ip link set veth-b2 nomaster\nip link set veth-b2 master cni0') },
        'the rule for b3 deleted': { refusedBy: hairpin.claim, after: ({ node2 }) => bash(node2, nat(`-D POSTROUTING -s ${BACKENDS.b3}/32 -d ${BACKENDS.b3}/32 -j MASQUERADE`)) },
        'a rule in front that accepts': { refusedBy: hairpin.claim, after: ({ node2 }) => bash(node2, nat('-I POSTROUTING -d 10.244.0.0/16 -j ACCEPT')) },
      },
    },
    gone: {
      checks: [heartbeats, noneToOld, letGo],
      hints: [
        failing => failing.includes(noneToOld.claim) ? 'old is still in the rules of a node. `iptables -t nat -S BEAT` on each of them.'
          : failing.includes(heartbeats.claim) ? 'Is there a rule for UDP port 5140 of 10.96.0.43 on each node, that leads to b3, port 5140?'
            : 'The rules are right, and the workers are not asked about any more. Which node made the choice for red\'s connections, and where does it keep it? (Do the workers run? `ps -e` on node1.)',
        'On node1: `conntrack -L -p udp --orig-dst 10.96.0.43`. The second half of each line says whose answer is expected.',
        'On node1: `conntrack -D -p udp --orig-dst 10.96.0.43 --reply-src 10.244.3.3`',
      ],
      answers: {
        'whose-choice': {
          right: () => Promise.resolve('node1'),
          wrong: ['node3', 'node2', 'red', 'old', 'ext'],
          grade: async (bench, value) => {
            const [node] = await bench.namespaces('node1')
            if (node === undefined) return unknown('node1 shows no network namespace')
            return value === 'node1' ? pass(node.evidence) : fail(`red's packets pass another machine first, and that one has decided before ${value} sees them`, node.evidence)
          },
        },
      },
      alternatives: {
        'every connection of the node forgotten': inTurn(oldLeaves, ({ node1 }) => node1`conntrack -F >/dev/null 2>&1`),
        'every connection of the Service forgotten': inTurn(oldLeaves, ({ node1 }) => node1`conntrack -D -p udp --orig-dst 10.96.0.43 >/dev/null 2>&1`),
        // From a port that one of them had before, a new one would be taken for that one.
        'the workers started again, from other ports': inTurn(oldLeaves, ({ node1 }) => bash(node1, `kill $(pgrep -f '^/usr/bin/perl .*workers')\nip netns exec red sysctl -qw net.ipv4.ip_local_port_range='20000 29999'\n${WORKERS}`)),
        'never an endpoint while they talk': inTurn(each(() => `${BEATS}\n${REPLACED}`), ({ node1 }) => bash(node1, WORKERS)),
        'by nft': inTurn(each(() => nftHooks(`ip daddr 10.96.0.43 udp dport 5140 dnat to numgen random mod 2 map { 0 : ${LEAVING.old}, 1 : ${BACKENDS.b3} } : ${BEAT}`)), ({ node1 }) => bash(node1, WORKERS),
          each(() => nft('flush chain ip services services', `add rule ip services services ip daddr 10.96.0.43 udp dport 5140 dnat to ${BACKENDS.b3}:${BEAT}`)), ({ node1 }) => bash(node1, forget)),
        'kube-proxy, which forgets by itself, by iptables': byKubeProxy('iptables', oldLeavesTheApi),
        'kube-proxy, which forgets by itself, by nftables': byKubeProxy('nftables', oldLeavesTheApi),
      },
      mutants: {
        'no rules for it': { refusedBy: heartbeats.claim, instead: async () => {} },
        'what was decided is left': { refusedBy: letGo.claim, instead: oldLeaves },
        'forgotten on the node of old': { refusedBy: letGo.claim, instead: inTurn(oldLeaves, ({ node3 }) => bash(node3, `${forget} || true`)) },
        'forgotten before the rules were right': {
          refusedBy: letGo.claim,
          instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, `${WORKERS}\n${forget}\nfor try in $(seq 250); do conntrack -L -p udp --orig-dst 10.96.0.43 --reply-src ${LEAVING.old} 2>/dev/null | grep -q . && exit 0; sleep 0.02; done; exit 1`), each(() => REPLACED)),
        },
        'of TCP': { refusedBy: letGo.claim, instead: inTurn(oldLeaves, ({ node1 }) => node1`conntrack -D -p tcp --orig-dst 10.96.0.43 >/dev/null 2>&1 || true`) },
        'old left in the rules': { refusedBy: noneToOld.claim, instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS)) },
        'old left in the rules of node3': { refusedBy: noneToOld.claim, instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS), ({ node1, node2 }) => Promise.all([node1, node2].map(node => bash(node, REPLACED))), ({ node1 }) => bash(node1, forget)) },
        // Whoever is sent there hears nothing at all.
        'old barred instead': {
          refusedBy: heartbeats.claim,
          instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS), each(() => filter(`-A FORWARD -d ${LEAVING.old} -p udp --dport ${BEAT} -j DROP`, `-A OUTPUT -d ${LEAVING.old} -p udp --dport ${BEAT} -j DROP`))),
        },
        'the workers silenced': { refusedBy: letGo.claim, instead: inTurn(oldLeaves, ({ node1 }) => bash(node1, `kill $(pgrep -f '^/usr/bin/perl .*workers')\n${forget} || true`)) },
        'nobody is left in the rules': { refusedBy: heartbeats.claim, instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS), each(() => 'iptables -t nat -F BEAT'), ({ node1 }) => bash(node1, forget)) },
        'the wrong one removed': {
          refusedBy: noneToOld.claim,
          instead: inTurn(each(() => BEATS), ({ node1 }) => bash(node1, WORKERS), each(() => REPLACED.replace(BACKENDS.b3, LEAVING.old))),
        },
        'the port of the backends forgotten': { refusedBy: heartbeats.claim, instead: inTurn(oldLeaves, each(() => REPLACED.replace(`:${BEAT}\nCOMMIT`, ':5141\nCOMMIT')), ({ node1 }) => bash(node1, forget)) },
        'an endpoint for a moment': { refusedBy: letGo.claim, after: ({ node1 }) => bash(node1, `kill $(pgrep -f '^/usr/bin/perl .*workers')\n${BEATS.replace(/-A SERVICES.*\n/, '')}\n${WORKERS}\n${REPLACED}`) },
        'an old list restored on node2': { refusedBy: noneToOld.claim, after: ({ node2 }) => bash(node2, BEATS.replace(/-A SERVICES.*\n/, '')) },
      },
    },
    none: {
      checks: [refused],
      hints: [
        'What does red hear at 10.96.0.44:9100, and after how long? What would it hear from a machine where nobody listens?',
        'Somebody has to say no on behalf of nobody: `-j REJECT`, in the table filter. For what pods send, and for what the node itself sends.',
        `On each node: \`iptables -A FORWARD ${REJECT}\`, and the same for OUTPUT`,
      ],
      alternatives: {
        'by a reset': each(() => filter(`-A FORWARD ${REJECT} --reject-with tcp-reset`, `-A OUTPUT ${REJECT} --reject-with tcp-reset`)),
        'reject by nft': each(() => nft('table ip empty {', 'chain forward { type filter hook forward priority 0; ip daddr 10.96.0.44 tcp dport 9100 reject; }', 'chain output { type filter hook output priority 0; ip daddr 10.96.0.44 tcp dport 9100 reject with tcp reset; }', '}')),
        'before there is a route, by nft': each(() => nft('table ip empty {', 'chain pre { type filter hook prerouting priority dstnat + 10; ip daddr 10.96.0.44 tcp dport 9100 reject with tcp reset; }', 'chain output { type filter hook output priority 0; ip daddr 10.96.0.44 tcp dport 9100 reject with tcp reset; }', '}')),
        // Behind the rules that change it no packet has a Service's address any more, but for those that none of them knows.
        'whatever is left of the whole range': each(() => filter('-A FORWARD -d 10.96.0.0/12 -j REJECT', '-A OUTPUT -d 10.96.0.0/12 -j REJECT')),
        'reject in the older tables': { requires: ['iptables-legacy'], instead: each(() => ['FORWARD', 'OUTPUT'].map(hook => `iptables-legacy -A ${hook} ${REJECT}`).join('\n')) },
        'kube-proxy refuses, by iptables': byKubeProxy('iptables'),
        'kube-proxy refuses, by nftables': byKubeProxy('nftables'),
      },
      mutants: {
        'left to the default route': { refusedBy: refused.claim, instead: async () => {} },
        'dropped': { refusedBy: refused.claim, instead: each(() => filter(`-A FORWARD ${REJECT.replace('REJECT', 'DROP')}`, `-A OUTPUT ${REJECT.replace('REJECT', 'DROP')}`)) },
        'for pods alone': { refusedBy: refused.claim, instead: each(() => filter(`-A FORWARD ${REJECT}`)) },
        'for nodes alone': { refusedBy: refused.claim, instead: each(() => filter(`-A OUTPUT ${REJECT}`)) },
        'what comes in, which it does not': { refusedBy: refused.claim, instead: each(() => filter(`-A INPUT ${REJECT}`, `-A OUTPUT ${REJECT}`)) },
        'on node1 only': { refusedBy: refused.claim, instead: ({ node1 }) => bash(node1, filter(`-A FORWARD ${REJECT}`, `-A OUTPUT ${REJECT}`)) },
        'a route that is none': { refusedBy: refused.claim, instead: each(() => 'ip route add unreachable 10.96.0.44') },
        'a route that is forbidden': { refusedBy: refused.claim, instead: each(() => 'ip route add prohibit 10.96.0.44') },
        'the host is not there, it says': { refusedBy: refused.claim, instead: each(() => filter(`-A FORWARD ${REJECT} --reject-with icmp-host-unreachable`, `-A OUTPUT ${REJECT} --reject-with icmp-host-unreachable`)) },
        'a backend that does not exist': { refusedBy: refused.claim, instead: each(() => nat('-A SERVICES -d 10.96.0.44 -p tcp --dport 9100 -j DNAT --to-destination 10.244.2.99:9100')) },
        'another port of it': { refusedBy: refused.claim, instead: each(() => filter('-A FORWARD -d 10.96.0.44 -p tcp --dport 9101 -j REJECT', '-A OUTPUT -d 10.96.0.44 -p tcp --dport 9101 -j REJECT')) },
        'everything is refused': { refusedBy: refused.claim, instead: each(() => filter('-A FORWARD -p tcp -j REJECT', '-A OUTPUT -p tcp -j REJECT')) },
        'silence in front': { refusedBy: refused.claim, after: ({ node2 }) => bash(node2, filter(`-I FORWARD ${REJECT.replace('REJECT', 'DROP')}`)) },
        'accepted in front': { refusedBy: refused.claim, after: ({ node3 }) => bash(node3, filter('-I FORWARD -d 10.96.0.0/12 -j ACCEPT')) },
        // kube-proxy that has stopped: endpoints go, rules stay.
        'the endpoints come and go, the rule stays behind': { refusedBy: refused.claim, after: ({ node1 }) => bash(node1, nat('-A SERVICES -d 10.96.0.44 -p tcp --dport 9100 -j DNAT --to-destination 10.244.1.99:9100')) },
      },
    },
    'read-it': {
      alreadyTrue: 'the rules ask for the port',
      checks: [onlyThere],
      hints: ['In which chain does a packet for a Service begin, and where does it go on? A chain is entered where a rule says `-j` and its name.', 'KUBE-SERVICES asks for addresses and ports of Services, KUBE-SVC-… chooses, KUBE-SEP-… changes the destination.'],
      answers: {
        'endpoint-of-half': read(halves, /^\d+(\.\d+){3}$/, 'an address, for example 10.0.0.1', ['10.244.1.2', '10.244.2.2', '10.96.0.42', '10.244.3.3']),
        'table-that-refuses': read(refuses, /^\w+$/, 'the name of a table, for example mangle', ['nat', 'mangle', 'raw', 'KUBE-SERVICES']),
        'who-is-marked': read(marked, /^\d+(\.\d+){3}\/\d+$/, 'a range, for example 10.0.0.0/8', ['10.96.0.0/12', '10.244.1.0/24', '10.96.0.42/32', '192.168.1.0/24']),
      },
    },
  },
})
