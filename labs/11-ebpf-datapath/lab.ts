// 11 · A datapath of one's own: programs at the doors of pods that share out, judge and tell, and netfilter has no part in it.
import { readFileSync } from 'node:fs'
import { checksumsHold, countsProtocol, flowsRecorded, httpGate, keptOut, notByNetfilter, policyCounts, policyHolds, serviceAnswers, serviceShares, straightAfter } from 'hardway/checks'
import { objectsOf } from 'hardway/kubernetes'
import { bash, defineLab, fail, pass, unknown, write, type Answer, type Deed } from 'hardway/lab'
import { podsOnRoutes } from 'hardway/networks'

type Name = 'node1' | 'node2'

const here = { red: '10.244.1.2', blue: '10.244.1.3', b1: '10.244.1.4', store: '10.244.1.5', gate: '10.244.1.6' } as const
const there = { b2: '10.244.2.2', green: '10.244.2.3' } as const
const { red, blue, b1, store } = here
const clients = { red, blue }
const node1 = { node1: '192.168.1.11' }
const web = { at: '10.96.0.42:80', backends: { b1, b2: there.b2 }, targetPort: 8080 }

const counted = countsProtocol('node1', { red }, { blue }, 'packets')
const answered = serviceAnswers(clients, web)
const shared = serviceShares(clients, web)
const sums = checksumsHold(clients, web)
const straight = straightAfter({ red }, web)
const bySelf = notByNetfilter(clients, web)
const nodeAnswered = serviceAnswers(node1, web)
const nodeBySelf = notByNetfilter(node1, web)

// The policies of the lesson, as objects.
const labels = { red: 'trainer', blue: 'guest', green: 'guest', b1: 'web', store: 'store', gate: 'gate' } as const
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } })
const policy = (name: string, ...ingress: readonly (readonly [port: number, ...from: readonly string[]])[]) => ({
  apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: 'lab' },
  spec: { ...app(name), policyTypes: ['Ingress'], ingress: ingress.map(([port, ...from]) => ({ from: from.map(app), ports: [{ protocol: 'TCP', port }] })) },
})
const objects = objectsOf(JSON.stringify({
  apiVersion: 'v1', kind: 'List', items: [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } },
    ...Object.entries(labels).map(([name, label]) => {
      const address = { ...here, ...there }[name as keyof typeof labels]
      return {
        apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'lab', labels: { app: label } },
        spec: { nodeName: `node${address.split('.')[2] ?? ''}`, containers: [{ name: 'main', image: name }] }, status: { phase: 'Running', podIP: address },
      }
    }),
    policy('web', [8080, 'trainer', 'guest'], [9090, 'trainer']), policy('store', [8080, 'gate']),
  ],
}))
const holds = policyHolds(objects, { ports: ['8080', '9090'], outside: { node2: '192.168.1.12' } })
// Policies of TCP ports, and at the door a program that throws away what is not TCP. The node's own is left out: it may, and need not.
const byUdp = keptOut({ ...clients, gate: here.gate, green: there.green, node2: '192.168.1.12' }, { b1, store }, [{ port: 8080, protocol: 'udp' }, { port: 9090, protocol: 'udp' }], { still: clients })
const [toMetrics, toStore] = [{ to: { b1 }, toIdentity: 20, port: 9090 }, { to: { store }, toIdentity: 21, port: 8080 }]
const probes = [
  { from: { red }, identity: 10, ...toMetrics, passes: true }, { from: { blue }, identity: 11, ...toMetrics, passes: false },
  { from: { red }, identity: 10, ...toStore, passes: false }, { from: { gate: here.gate }, identity: 30, ...toStore, passes: true },
] as const
const numbered = policyCounts('node1', probes)
const recorded = flowsRecorded('node1', '/var/log/flows', probes)

const gated = httpGate(clients, '10.96.0.43:80', {
  allowed: { method: 'GET', path: '/ok' }, says: /the store/,
  refused: [{ method: 'GET', path: '/keys' }, { method: 'POST', path: '/ok' }, { method: 'DELETE', path: '/ok' }, { method: 'GET', path: '/okay' }, { method: 'GET', path: '/keys/ok' }, { method: 'GET', path: '/ok/../keys' }],
})

/** A proxy is the other end of both connections. */
const seenByStore: Answer = {
  right: async () => here.gate,
  wrong: [blue, '10.96.0.43', node1.node1],
  grade: async (bench, value) => {
    const [own] = await bench.namespaces('node1')
    if (own === undefined) return unknown('node1 shows no network namespace')
    if (!/^\d+(\.\d+){3}$/.test(value)) return fail('expected an address, for example 10.244.1.9', own.evidence)
    return value === here.gate ? pass(own.evidence) : fail(`it is not ${value}: who reads what blue asks, and asks again?`, own.evidence)
  },
}

// Deeds
const file = (name: string): string => readFileSync(new URL(`files/${name}`, import.meta.url), 'utf8')
const onNode1 = (script: string): Deed<Name> => all => bash(all.node1, script)
/** The pod's sums are right when they leave it: nobody behind it computes them. */
const ownSums = (pods: object) => Object.keys(pods).map(name => `ip netns exec ${name} ethtool -K eth0 tx off >/dev/null`).join('\n')

const compiled = (name: string) => `bpf-gcc -O2 -gbtf -Wall -c ${name}.c && bpf-load ${name}.o`
const DOORS = { count: ['cali-red ingress'], lb: ['red', 'blue', 'b1', 'store', 'gate'].map(name => `cali-${name} ingress`).concat('eth0 ingress'), policy: ['cali-b1 egress', 'cali-store egress'] }
const PREF = { count: 10, lb: 20, policy: 10 }
type Program = keyof typeof DOORS
/** As somebody would who wants to change a program: in its source, compiled, loaded, and put in place of the old one. */
const changed = (program: Program, inFile: string, ...edits: readonly string[]) => onNode1([
  'cd /ebpf', 'before=$(cat *.c *.h | md5sum)', `sed -i -E ${edits.map(edit => `-e '${edit}'`).join(' ')} ${inFile}`,
  // An edit that finds nothing would leave the network right.
  '[ "$before" != "$(cat *.c *.h | md5sum)" ]', compiled(program),
  ...DOORS[program].map(door => `tc filter replace dev ${door} pref ${PREF[program]} handle 1 bpf direct-action object-pinned /sys/fs/bpf/${program}/${program}`),
].join('\n'))
const map = (name: string, key: string, value: string) => `bpftool map update pinned /sys/fs/bpf/${name} key ${key} value ${value}`
const slot = (number: number, value: string, vip = '10 96 0 42') => map('services', `${vip} 0 80 ${number} 0`, value)
const rule = (from: number, to: number, port: string) => map('allowed', `${from} 0 0 0 ${to} 0 0 0 ${port} 0 0`, '0 0 0 0 0 0 0 0')

const ALLOWED = `sub allowed { my ($method, $path) = @_; return $method eq 'GET' && $path eq '/ok' }\n1;\n`
const GATE = [slot(0, '0 0 0 0 0 0 1 0', '10 96 0 43'), slot(1, '10 244 1 6  31 64  0 0', '10 96 0 43')]
const gate = ({ allowed = ALLOWED, to = '10.244.1.5:8080', backend = '10 244 1 6  31 64  0 0' } = {}) => onNode1([
  write('/ebpf/allowed.pl', allowed), `ip netns exec gate gate 8000 ${to}`, slot(0, '0 0 0 0 0 0 1 0', '10 96 0 43'), slot(1, backend, '10 96 0 43'),
].join('\n'))
/** What most would write first: the head of the first request is read, and then bytes are passed on, both ways. */
const RELAY = String.raw`use strict; use Socket;
socket my $own, AF_INET, SOCK_STREAM, 0; setsockopt $own, SOL_SOCKET, SO_REUSEADDR, 1;
bind $own, pack_sockaddr_in(8000, INADDR_ANY) or die; listen $own, 64;
exit 0 if fork; open $_, '+<', '/dev/null' for \*STDIN, \*STDOUT, \*STDERR;
while (accept my $client, $own) {
  next if fork;
  alarm 5;
  sysread $client, my $head, 4096;
  if ($head !~ m{^GET /ok HTTP}) { syswrite $client, "HTTP/1.0 403 Forbidden\r\n\r\n"; exit }
  socket my $server, AF_INET, SOCK_STREAM, 0; connect $server, pack_sockaddr_in(8080, inet_aton '10.244.1.5') or exit;
  syswrite $server, $head;
  while (sysread $server, my $piece, 4096) { syswrite $client, $piece }
  exit;
}
`

export default defineLab<Name>({
  setup: async ({ node1, node2 }) => {
    await Promise.all([podsOnRoutes(node1, here), podsOnRoutes(node2, there)])
    const files = ['bpf.h', 'lb.c', 'policy.c', 'record.h'].map(name => write(`/ebpf/${name}`, file(name)))
    const tools = ['flows', 'store', 'gate'].map(name => write(`/usr/local/bin/${name}`, file(name), '755'))
    await Promise.all([
      bash(node1, [
        'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.accept_local=0 net.ipv4.conf.default.accept_local=0',
        // Whoever answers ARP for all addresses wants a route to them.
        'ip route add 10.244.2.0/24 via 192.168.1.12', 'ip route add default via 192.168.1.1', 'mkdir /ebpf', ...files, ...tools, ownSums(here),
        'ip netns exec b1 serve --background b1 8080', 'ip netns exec b1 serve --background b1 9090', 'ip netns exec store store',
      ].join('\n')),
      bash(node2, [
        'sysctl -qw net.ipv4.ip_forward=1', 'ip route add 10.244.1.0/24 via 192.168.1.11', 'ip route add default via 192.168.1.1', ownSums(there),
        'ip netns exec b2 serve --background b2 8080',
      ].join('\n')),
    ])
  },
  steps: {
    load: {
      checks: [counted],
      hints: [
        'Compiled, loaded, attached: which of the three has not been done? `ls -R /sys/fs/bpf` shows what is loaded, `tc filter show dev cali-red ingress` what is attached.',
        'Red\'s packets come into the node by cali-red. Which of its two doors do they pass? And what would be counted at the other?',
        '`cd /ebpf`, `bpf-gcc -O2 -gbtf -Wall -c count.c`, `bpf-load count.o`, `tc qdisc add dev cali-red clsact`, `tc filter add dev cali-red ingress pref 10 bpf direct-action object-pinned /sys/fs/bpf/count/count`.',
      ],
      alternatives: {
        'at the door that is older than clsact': onNode1(`cd /ebpf\n${write('/ebpf/count.c', COUNT())}\n${compiled('count')}
tc qdisc add dev cali-red ingress\ntc filter add dev cali-red parent ffff: pref 10 bpf direct-action object-pinned /sys/fs/bpf/count/count`),
        'by tcx, which needs no qdisc': onNode1(`cd /ebpf\n${write('/ebpf/count.c', COUNT())}\n${compiled('count')}\nbpftool net attach tcx_ingress pinned /sys/fs/bpf/count/count dev cali-red`),
      },
      mutants: {
        'at the other door': { refusedBy: counted.claim, after: onNode1(`tc filter del dev cali-red ingress pref 10\ntc filter add dev cali-red egress pref 10 bpf direct-action object-pinned /sys/fs/bpf/count/count`) },
        'at both doors': { refusedBy: counted.claim, after: onNode1('tc filter add dev cali-red egress pref 10 bpf direct-action object-pinned /sys/fs/bpf/count/count') },
      },
    },
    vip: {
      checks: [answered, shared, sums, straight, bySelf],
      hints: [
        'Follow one connection, there and back: at which interface does each of its packets come into node1? `tc filter show dev eth0 ingress` says whether your program is there.',
        failing => failing.includes(sums.claim)
          ? 'Somebody throws packets away for their checksum. Of which header? `nstat -az | grep Csum`, on the node and in the pods, and write.h: what does each of its first three lines take out, and put in?'
          : failing.includes(shared.claim) && !failing.includes(answered.claim)
            ? 'All are answered, and not by both alike. `bpftool map dump pinned /sys/fs/bpf/services`: who is in slots 1 and 2, and how many does slot 0 promise?'
            : failing.includes(bySelf.claim)
              ? 'Netfilter has a part in it. `conntrack -L` names the connection; `nft list ruleset` and `iptables-legacy-save`, on the nodes and in the pods, name the rule.'
              : '`bpftool map dump pinned /sys/fs/bpf/services`: are the bytes of addresses and ports in the order of the wire, and the slot and the count not? And `connections`: is there an entry for each way?',
        'write.h and the commands of this step, as the lesson prints them: lb.o loaded, three entries in `services`, and the program at the ingress of cali-red, cali-blue, cali-b1, cali-store, cali-gate and eth0.',
      ],
      alternatives: {
        'chosen by a hash of who asks': onNode1(VIP('s/bpf_get_prandom_u32\\(\\)/((asked->from ^ asked->from_port * 0x9e3779b1u) * 0x85ebca6bu >> 16)/')),
        'four slots, each backend twice': onNode1([VIP(), slot(0, '0 0 0 0 0 0 4 0'), slot(3, '10 244 1 4 31 144 0 0'), slot(4, '10 244 2 2 31 144 0 0')].join('\n')),
      },
      mutants: {
        'the way there only': { refusedBy: answered.claim, after: onNode1('tc filter del dev cali-b1 ingress pref 20; tc filter del dev eth0 ingress pref 20') },
        'the door to the other node is forgotten': { refusedBy: answered.claim, after: onNode1('tc filter del dev eth0 ingress pref 20') },
        'the program at the door says that it is all': { refusedBy: answered.claim, after: changed('count', 'count.c', 's/return TC_ACT_UNSPEC/return TC_ACT_OK/') },
        'a port in the order of the processor': { refusedBy: answered.claim, after: onNode1(slot(1, '10 244 1 4 144 31 0 0')) },
        'one backend in both slots': { refusedBy: shared.claim, after: onNode1(slot(2, '10 244 1 4 31 144 0 0')) },
        'the sum of TCP as it was': { refusedBy: sums.claim, after: changed('lb', 'write.h', '/l4_csum_replace/d') },
        'the sum of IP as it was': { refusedBy: sums.claim, after: changed('lb', 'write.h', '/l3_csum_replace/d') },
        'half of what is remembered is enough': { refusedBy: straight.claim, after: changed('lb', 'lb.c', 's/if \\(is_first\\(skb\\) .*/if (!change)/') },
        'what is remembered is never over': { refusedBy: straight.claim, after: changed('lb', 'lb.c', '/bpf_map_delete_elem/d') },
        'rules that nft does not show': { refusedBy: bySelf.claim, after: onNode1(['red', 'blue'].map(name => `ip netns exec ${name} iptables-legacy -t nat -A OUTPUT -d 10.96.0.42 -p tcp --dport 80 -m statistic --mode random --probability 0.5 -j DNAT --to 10.244.1.4:8080
ip netns exec ${name} iptables-legacy -t nat -A OUTPUT -d 10.96.0.42 -p tcp --dport 80 -j DNAT --to 10.244.2.2:8080`).join('\n')) },
      },
    },
    node: {
      checks: [nodeAnswered, nodeBySelf],
      hints: [
        '`ip route get 10.96.0.42` on node1: by which interface does the packet leave, and where does it come in?',
        'It comes in by svc1, with a source that is the node\'s own. `ip route get 10.244.1.4 from 192.168.1.11 iif svc1`: what does a router make of such a packet?',
        'A veth svc0, svc1 with one MAC address and without ARP, `ip route add 10.96.0.0/12 dev svc0`, the program lb at the ingress of svc1, and `sysctl -w net.ipv4.conf.svc1.accept_local=1`.',
      ],
      mutants: {
        'its own address is not believed': { refusedBy: nodeAnswered.claim, after: onNode1('sysctl -qw net.ipv4.conf.svc1.accept_local=0') },
        'netfilter for the node': { refusedBy: nodeBySelf.claim, after: onNode1(`nft -f - <<'END'
table ip t { chain c { type nat hook output priority -100; ip daddr 10.96.0.42 tcp dport 80 dnat to numgen random mod 2 map { 0 : 10.244.1.4, 1 : 10.244.2.2 } : 8080; }; }
END`) },
      },
    },
    policy: {
      checks: [holds, byUdp, numbered],
      hints: [
        '`bpftool map dump pinned /sys/fs/bpf/dropped` says who was turned away, by identity. Is it who should be?',
        failing => failing.includes(numbered.claim) && !failing.includes(holds.claim)
          ? 'It lets through whom it should, and counts otherwise. What does judge.h do with `count`, in each of the two maps?'
          : failing.includes(byUdp.claim) && !failing.includes(holds.claim)
            ? 'TCP is judged as it should be. What becomes, in policy.c, of a packet that `is_tcp` does not take?'
            : 'What comes to b1 goes out of the node by cali-b1. At which door does the program stand, and does it at store\'s as well? Whom does `identities` name, and is each port in the order of the wire?',
        'judge.h and the commands of this step, as the lesson prints them: eight entries in `identities`, four in `allowed`, and the program at the egress of cali-b1 and of cali-store.',
      ],
      mutants: {
        'everybody may': { refusedBy: holds.claim, after: changed('policy', 'judge.h', 's/return 0;/return 1;/') },
        'who is nobody in particular may as well': { refusedBy: holds.claim, after: onNode1(rule(2, 20, '31 144')) },
        'an address that was a trainer\'s': { refusedBy: holds.claim, after: onNode1(map('identities', '10 244 2 3', '10 0 0 0')) },
        'the pod\'s answers are judged, and not its questions': { refusedBy: holds.claim, after: onNode1('tc filter del dev cali-b1 egress pref 10; tc filter add dev cali-b1 ingress pref 10 bpf direct-action object-pinned /sys/fs/bpf/policy/policy') },
        'nobody stands at the store\'s door': { refusedBy: holds.claim, after: onNode1('tc filter del dev cali-store egress pref 10') },
        'the node is a stranger': { refusedBy: holds.claim, after: changed('policy', 'judge.h', 's/rule.from == HOST/rule.from == 99/') },
        'what is not TCP is let through': { refusedBy: byUdp.claim, after: changed('policy', 'policy.c', 's/return TC_ACT_SHOT/return TC_ACT_UNSPEC/') },
        'who gets through is not counted': { refusedBy: numbered.claim, after: changed('policy', 'judge.h', '0,/__sync_fetch_and_add/s/__sync_fetch_and_add\\(count, 1\\);//') },
      },
    },
    flows: {
      checks: [recorded],
      hints: [
        'Does the reader run (`pgrep -a flows`), and is there anything to read: `ls /sys/fs/bpf/flows`?',
        '`tc filter show dev cali-b1 egress` has the number of the program that stands there, `bpftool prog show pinned /sys/fs/bpf/policy/policy` that of the one that you loaded last. Are they the same?',
        'record.h as the lesson prints it; compile policy.c, `bpf-load policy.o`, `tc filter replace … handle 1 …` at the egress of cali-b1 and cali-store, and `flows --background /var/log/flows`.',
      ],
      mutants: {
        'loaded, and the old one still stands there': {
          refusedBy: recorded.claim,
          instead: onNode1(`cd /ebpf\n${write('/ebpf/record.h', RECORD())}\n${compiled('policy')}\nflows --background /var/log/flows`),
        },
        'only what is dropped is worth a line': { refusedBy: recorded.claim, after: changed('policy', 'policy.c', 's/^\\trecord\\(/\\tif (!forwarded)\\n\\t\\trecord(/') },
        'nobody reads any more': { refusedBy: recorded.claim, after: onNode1('pkill -f ^flows; while pgrep -f ^flows >/dev/null; do sleep 0.02; done') },
      },
    },
    http: {
      checks: [gated, holds],
      solution: gate(),
      answers: { 'seen-by-store': seenByStore },
      hints: [
        'Which of the three is missing: the file that decides, the gate that runs, the entry in `services`? `ip netns exec gate ss -Hnlt` shows who listens there.',
        'Two slots of 10.96.0.43, port 80: slot 0 promises one backend, slot 1 is gate\'s address and port 8000, which is 31 · 256 + 64. And `allowed`: a method is more than its path, and a path is more than its beginning.',
        `\`/ebpf/allowed.pl\`: \`${ALLOWED.trim().replace('\n', ' ')}\`. Then \`ip netns exec gate gate 8000 10.244.1.5:8080\`, \`${slot(0, '0 0 0 0 0 0 1 0', '10 96 0 43')}\`, \`${slot(1, '10 244 1 6 31 64 0 0', '10 96 0 43')}\`.`,
      ],
      alternatives: {
        'by one expression': gate({ allowed: `sub allowed { return "@_" =~ m{^GET /ok\\z} }\n1;\n` }),
      },
      mutants: {
        'whatever begins so': { refusedBy: gated.claim, instead: gate({ allowed: `sub allowed { return "@_" =~ m{^GET /ok} }\n1;\n` }) },
        'all but POST': { refusedBy: gated.claim, instead: gate({ allowed: `sub allowed { my ($method, $path) = @_; return $method ne 'POST' && $path eq '/ok' }\n1;\n` }) },
        'the first request decides for all': {
          refusedBy: gated.claim,
          instead: onNode1([write('/ebpf/relay.pl', RELAY), 'ip netns exec gate perl /ebpf/relay.pl', ...GATE].join('\n')),
        },
        'the Service leads past the gate': {
          refusedBy: gated.claim,
          instead: async all => {
            await gate({ backend: '10 244 1 5  31 144  0 0' })(all)
            await onNode1([rule(10, 21, '31 144'), rule(11, 21, '31 144')].join('\n'))(all)
          },
        },
        'the wall beside the gate is open': { refusedBy: holds.claim, after: onNode1(rule(11, 21, '31 144')) },
      },
    },
  },
})

/** What the lesson has of a file, word for word. */
function printed(path: string): string {
  const lesson = readFileSync(new URL('lesson.md', import.meta.url), 'utf8')
  const [, text] = lesson.split(`\`\`\`file node1:${path}\n`)
  if (text === undefined) throw new Error(`the lesson prints no ${path}`)
  return text.slice(0, text.indexOf('```\n'))
}

function COUNT(): string {
  return printed('/ebpf/count.c')
}

function RECORD(): string {
  return printed('/ebpf/record.h')
}

/** The step of the Service, with a change in lb.c. */
function VIP(edit = 's/^$//'): string {
  return [
    'cd /ebpf', write('/ebpf/write.h', printed('/ebpf/write.h')), `sed -i -E '${edit}' lb.c`, compiled('lb'),
    slot(0, '0 0 0 0 0 0 2 0'), slot(1, '10 244 1 4 31 144 0 0'), slot(2, '10 244 2 2 31 144 0 0'),
    ...DOORS.lb.map(door => `tc qdisc add dev ${door.split(' ')[0] ?? ''} clsact 2>/dev/null || true\ntc filter add dev ${door} pref 20 bpf direct-action object-pinned /sys/fs/bpf/lb/lb`),
  ].join('\n')
}
