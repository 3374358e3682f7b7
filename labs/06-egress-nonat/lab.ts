// 06 · Out by the node's address: who cannot answer a pod answers its node, and pods keep their own among themselves.
import { allReach, arrivesFrom, freshPod, freshPodSeenAs, reachEachOther, reaches, seenAs } from 'hardway/checks'
import { bash, CouldNotLook, defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Deed, type Nodes } from 'hardway/lab'
import { podsOnBridge, type Pods } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'ext' | 'db'
type Node = Nodes<Name>[Name]

const pods = { red: '10.244.1.2', blue: '10.244.1.3', green: '10.244.2.2', violet: '10.244.3.2' }
const red = { red: pods.red }
const green = { green: pods.green }
const ext = { ext: '192.168.1.200' }
const nodes = { node1: '192.168.1.11', node2: '192.168.1.12', node3: '192.168.1.13' }
const kept = { keepingAddress: true }

/** Behind ext, and all that is known of it is that the default route leads there. */
const farAway = '203.0.113.9'
/** In the network of db, and named nowhere. */
const besideDb = '10.50.200.20'

const fromNode1 = seenAs({ ...red, blue: pods.blue }, ext, { node1: nodes.node1 })
const fromNode2 = seenAs(green, ext, { node2: nodes.node2 })
const fromNode3 = seenAs({ violet: pods.violet }, ext, { node3: nodes.node3 })
const farther = seenAs(red, farAway, { node1: nodes.node1 })
const anyPod = freshPodSeenAs('node2', '10.244.2.1', ext, { node2: nodes.node2 })
const newcomer = freshPod('node2', '10.244.2.1', { ...red, violet: pods.violet }, kept)
const comingOut = freshPodSeenAs('node3', '10.244.3.1', ext, { node3: nodes.node3 })
const comingIn = freshPod('node3', '10.244.3.1', { ...red, ...green }, kept)
const outside = [fromNode1, fromNode2, fromNode3, farther] as const
const everyone = reachEachOther(pods, kept)
const nodesToPods = allReach(nodes, green, kept)
const reports = arrivesFrom(green, 9000, red)
const clock = arrivesFrom(red, 123, ext)
const withDb = allReach(pods, { db: '10.50.0.10' }, kept)
const withItsNetwork = reaches(green, besideDb, kept)

/** Whoever masquerades needs no way back; and one that was made would hide that nobody does. */
const noWayBack: Check = {
  claim: 'ext has no route to any pod',
  look: async bench => {
    const place = bench.place('ext')
    const [node, ...routes] = await Promise.all([nodes.node1, ...Object.values(pods)].map(address => place.exec(['ip', 'route', 'get', address])))
    // A tool that refuses everything would refuse these too.
    if (node?.exitCode !== 0) throw new CouldNotLook('ext does not say by which way it reaches node1', ...node === undefined ? [] : [node])
    const known = routes.find(({ exitCode }) => exitCode === 0)
    return known === undefined ? pass(node, ...routes) : fail(`ext would send to a pod: \`${known.stdout.split('\n')[0]?.trim() ?? ''}\``, known)
  },
}

/** One script for each of the three nodes, which is told its number. */
const onEach = ({ node1, node2, node3 }: Nodes<Name>, script: (number: number) => string): Promise<unknown> =>
  Promise.all([node1, node2, node3].map((node, index) => bash(node, script(index + 1))))
const each = (script: (number: number) => string): Deed<Name> => all => onEach(all, script)

/** A table that is there already is emptied first, in one transaction. */
const rules = (...lines: readonly string[]) => `nft -f - <<'END'
add table ip egress
add chain ip egress post { type nat hook postrouting priority srcnat; }
flush chain ip egress post
${lines.map(line => `add rule ip egress post ${line}`).join('\n')}
END`
const gone = 'nft delete table ip egress'
const iptables = (...lines: readonly string[]) => lines.map(line => `iptables -t nat ${line}`).join('\n')
const OUT = 'ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade'
const OUT_AND_FIRM = 'ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.50.0.0/16 } masquerade'

// Small services and their clients. In a file, so that `ps` shows a line and not a program. A client has sent its first
// packet, and so its connection is known on its node, before the command ends. NTP ten times a second, which nobody should.
const TALK = String.raw`#!/usr/bin/perl
# talk clock | talk time ADDRESS | talk report ADDRESS | talk collect FILE: each goes on in the background.
use strict;
use Socket;
use POSIX 'setsid';
my ($verb, $what) = @ARGV;
sub udp {
  socket my $udp, AF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
  bind $udp, pack_sockaddr_in($_[0], INADDR_ANY) or die "port $_[0]: $!\n";
  return $udp;
}
sub background {
  exit if fork // die "fork: $!\n";
  setsid;
  open $_, '+<', '/dev/null' for \*STDIN, \*STDOUT, \*STDERR;
}
sub often {
  my ($udp, $text, $port) = @_;
  my $to = pack_sockaddr_in($port, inet_aton $what);
  send $udp, $text, 0, $to;
  background;
  for (;;) { select undef, undef, undef, 0.1; send $udp, $text, 0, $to }
}
often(udp(123), pack('CCcc x44', 0x23, 0, 4, -20), 123) if $verb eq 'time';
often(udp(0), 'all is well', 9000) if $verb eq 'report';
my ($udp, $last) = (udp($verb eq 'clock' ? 123 : 9000), '');
if ($verb eq 'clock') {
  background;
  while (defined(my $peer = recv $udp, my $asked, 128, 0)) { send $udp, pack('CCcc x20 a8 x16', 0x24, 1, 4, -20, substr $asked, 40, 8), 0, $peer }
}
# It notes who sends only when that changes.
open my $log, '>>', $what or die "$what: $!\n";
background;
while (defined(my $peer = recv $udp, my $text, 128, 0)) {
  my ($port, $address) = unpack_sockaddr_in $peer;
  my $from = inet_ntoa $address;
  syswrite $log, sprintf "%02d:%02d:%02d %s: %s\n", (localtime)[2, 1, 0], $from, $text if $from ne $last;
  $last = $from;
}
`
const withTalk = (...lines: readonly string[]) => [`cat >/usr/local/bin/talk <<'END'\n${TALK}END\nchmod +x /usr/local/bin/talk`, ...lines].join('\n')

const podsOf = (node: Node, number: number, own: Pods, ...lines: readonly string[]) => podsOnBridge(node, `10.244.${number}.0/24`, own).then(() => bash(node, [
  'sysctl -qw net.ipv4.ip_forward=1', 'ip -batch - <<END',
  ...[1, 2, 3].filter(other => other !== number).map(other => `route add 10.244.${other}.0/24 via 192.168.1.1${other}`),
  'route add 10.50.0.0/16 via 192.168.1.150', 'route add default via 192.168.1.200', 'END', ...lines,
].join('\n')))

/** Makes the connection that red reports by anew, as `rule` has it; what it sees first is what it keeps. */
const reportedUnder = (node: Node, rule: string, translated: string, then: string) => bash(node, `${rules(rule)}
  conntrack -D -p udp --dport 9000 >/dev/null 2>&1 || true
  for try in $(seq 100); do conntrack -L -p udp --dport 9000 2>/dev/null | grep -q 'dst=${translated} ' && break; sleep 0.05; done
  conntrack -L -p udp --dport 9000 2>/dev/null | grep -q 'dst=${translated} '
  ${rules(then)}`)

/** What the entries of a node say that the answer will be sent to: `192.168.1.11:123`. */
async function repliesTo(bench: Bench, node: string, ...filter: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await bench.place(node).exec(['conntrack', '-L', ...filter])
  return stdout.split('\n').flatMap(line => {
    const reply = line.lastIndexOf('src=')
    const [, address] = / dst=(\S+)/.exec(line.slice(reply)) ?? []
    const [, port = ''] = / dport=(\S+)/.exec(line.slice(reply)) ?? []
    return reply < 0 || address === undefined ? [] : [port === '' ? address : `${address}:${port}`]
  })
}

const answerIs = (right: (bench: Bench) => Promise<string>, shape: RegExp, form: string, wrong: Answer['wrong']): Answer => ({
  right, wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    if (!shape.test(value)) return fail(`expected ${form}`, node.evidence)
    const expected = await right(bench)
    if (expected === '') return unknown('node1 has no entry of such a connection now: does whoever is meant still run?', node.evidence)
    return value === expected ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, ext, db }) => {
    await Promise.all([
      bash(ext, ['ip addr add 203.0.113.9/32 dev lo', withTalk('talk clock')].join('\n')),
      bash(db, [
        'ip -batch - <<END', `addr add ${besideDb}/32 dev eth1`, ...[1, 2, 3].map(number => `route add 10.244.${number}.0/24 via 192.168.1.1${number}`), 'END',
        `nft 'add table ip guard; add chain ip guard in { type filter hook input priority 0; policy drop; }; add rule ip guard in ip saddr 10.244.0.0/16 accept; add rule ip guard in ip daddr 192.168.1.150 accept'`,
      ].join('\n')),
      podsOf(node2, 2, green, withTalk('ip netns exec green talk collect /var/log/reports')),
      podsOf(node1, 1, { ...red, blue: pods.blue }, withTalk()),
      podsOf(node3, 3, { violet: pods.violet }),
    ])
  },
  steps: {
    'way-home': {
      checks: [noWayBack, ...outside, anyPod],
      hints: [
        'ext received it. Which address does it have to answer, and what does `ip route get` say about that one, on ext?',
        failing => failing.includes(noWayBack.claim)
          ? 'ext belongs to somebody else: it has no route to pods, and is to have none. What can you change on the nodes, so that it can answer nevertheless?'
          : failing.some(claim => outside.some(check => check.claim === claim))
            ? 'ext can answer a node. So a packet of a pod that goes there has to carry its node\'s address, and each node has to see to its own pods. Which hook does a packet pass last, before it leaves?'
            : 'The pods of today are seen as they should be, and a new one is not. Which of your rules names a pod, where it should name the range?',
        'On node1: `nft add table ip egress`, `nft \'add chain ip egress post { type nat hook postrouting priority srcnat; }\'`, `nft add rule ip egress post ip saddr 10.244.1.0/24 masquerade`. On node2 and node3 the same with 10.244.2.0/24 and 10.244.3.0/24. If this held before, do not add these again: `nft list ruleset` shows your newer rule. Does it leave out ext, 192.168.1.200, or a pod that it does not name?',
      ],
      alternatives: {
        'iptables, as half of the web has it': each(number => iptables(`-A POSTROUTING -s 10.244.${number}.0/24 -j MASQUERADE`)),
        'by the interface': each(() => iptables('-A POSTROUTING -o eth0 -j MASQUERADE')),
        'one line that is the same everywhere': each(() => rules('ip saddr 10.244.0.0/16 masquerade')),
        'the address named': each(number => rules(`ip saddr 10.244.${number}.0/24 snat to 192.168.1.1${number}`)),
        'a port by chance each time': each(() => rules('ip saddr 10.244.0.0/16 masquerade fully-random')),
        'the exclusion at once': each(() => rules(OUT)),
        'a mark, and masquerade for what has it': each(() => `${rules('meta mark and 0x4000 == 0x4000 masquerade random')}
          nft 'add chain ip egress forward { type filter hook forward priority mangle; }; add rule ip egress forward ip saddr 10.244.0.0/16 meta mark set meta mark or 0x4000'`),
        'the older tables': { requires: ['iptables-legacy'], instead: each(number => `iptables-legacy -t nat -A POSTROUTING -s 10.244.${number}.0/24 -j MASQUERADE`) },
      },
      mutants: {
        'a way back on ext instead': { refusedBy: fromNode1.claim, instead: ({ ext }) => bash(ext, [1, 2, 3].map(number => `ip route add 10.244.${number}.0/24 via 192.168.1.1${number}`).join('\n')) },
        'a way back on ext besides': { refusedBy: noWayBack.claim, after: ({ ext }) => ext`ip route add 10.244.0.0/16 via 192.168.1.11` },
        'ext told to ask node1 for everything': { refusedBy: noWayBack.claim, after: ({ ext }) => ext`ip route add default via 192.168.1.11` },
        // The server sees what it should, and the wire does not.
        'ext changes the address for itself': {
          refusedBy: fromNode1.claim,
          instead: ({ ext }) => bash(ext, `ip route add 10.244.0.0/16 via 192.168.1.11
            nft 'add table ip lie; add chain ip lie in { type nat hook input priority 100; }; add rule ip lie in ip saddr 10.244.1.0/24 snat to 192.168.1.11'`),
        },
        'one node only': { refusedBy: fromNode2.claim, instead: ({ node1 }) => bash(node1, rules('ip saddr 10.244.1.0/24 masquerade')) },
        'the same range on each node': { refusedBy: fromNode3.claim, instead: each(() => rules('ip saddr 10.244.1.0/24 masquerade')) },
        'an address that nobody has': { refusedBy: fromNode1.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 snat to 192.168.1.99')) },
        "node1's address on each node": { refusedBy: fromNode2.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 snat to 192.168.1.11')) },
        'another address that the node has': { refusedBy: fromNode1.claim, instead: each(number => `ip addr add 192.168.1.2${number}/24 dev eth0\n${rules(`ip saddr 10.244.0.0/16 snat to 192.168.1.2${number}`)}`) },
        'the address of the bridge': { refusedBy: fromNode1.claim, instead: each(number => rules(`ip saddr 10.244.0.0/16 snat to 10.244.${number}.1`)) },
        'one rule for each pod of today': {
          refusedBy: anyPod.claim,
          instead: each(() => rules(...Object.values(pods).map(address => `ip saddr ${address} masquerade`))),
        },
        'for ext alone': { refusedBy: farther.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip daddr 192.168.1.200 masquerade')) },
        'for TCP alone': { refusedBy: fromNode1.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip protocol tcp masquerade')) },
        'in the pods': {
          refusedBy: fromNode1.claim,
          instead: ({ node1, node2, node3 }) => Promise.all(([[node1, 'red blue'], [node2, 'green'], [node3, 'violet']] as const).map(([node, names]) =>
            bash(node, `for pod in ${names}; do\n${rules('masquerade').replace('nft', 'ip netns exec $pod nft')}
done`))),
        },
        'node2 is a host again': { refusedBy: fromNode2.claim, after: ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0` },
        'the rule is gone after a restart': { refusedBy: fromNode3.claim, after: ({ node3 }) => node3`nft flush chain ip egress post` },
        'a firewall that lets nothing back in': { refusedBy: fromNode1.claim, after: ({ node1 }) => bash(node1, 'iptables -P FORWARD DROP; iptables -A FORWARD -i cni0 -j ACCEPT') },
      },
    },
    'own-address': {
      checks: [everyone, newcomer, nodesToPods, ...outside, anyPod],
      hints: [
        'green sees 192.168.1.11. Which rule did red\'s packet meet on node1, and what in that rule tells a pod\'s packet for ext from one for green?',
        failing => failing.includes(everyone.claim)
          ? 'Where a packet comes from is the same in both. The rule has to ask where it goes: what is for a pod, on whichever node, is not translated. `nft -a list ruleset` and `iptables -t nat -S` show all who have a say.'
          : failing.includes(nodesToPods.claim)
            ? 'A node calls a pod by an address of its own. Which rule changes that, and on which node?'
            : 'Pods keep their address now, and ext lost its own. What does the rule do with a packet for 192.168.1.200?',
        'On each node, in one transaction: `flush chain ip egress post` and `add rule ip egress post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade`, by `nft -f -`. If this held before, and you have put another range in its place since: both belong into one set, `ip daddr != { 10.244.0.0/16, … }`.',
      ],
      answers: {
        'to-a-node': answerIs(async bench => {
          await bench.place('node1/red').exec(['ping', '-c', '1', '-W', '1', nodes.node2])
          return (await repliesTo(bench, 'node1', '-p', 'icmp', '--orig-src', pods.red, '--orig-dst', nodes.node2))[0] ?? ''
        }, /^\d+(\.\d+){3}$/, 'an IPv4 address', ['10.244.1.2', '10.244.1.1', '192.168.1.12']),
      },
      alternatives: {
        'a rule in front that ends it': each(() => 'nft insert rule ip egress post ip daddr 10.244.0.0/16 return'),
        'a chain of RETURN and MASQUERADE, as flannel has it': each(() => `${gone}\n${iptables('-N FLANNEL-POSTRTG', '-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN',
          '-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully', '-A POSTROUTING -j FLANNEL-POSTRTG')}`),
        'a set of all ranges of pods, as Calico has it': {
          requires: ['ipset'],
          instead: each(() => `${gone}\nipset create pools hash:net\nipset add pools 10.244.0.0/16
            ${iptables('-A POSTROUTING -m set --match-set pools src -m set ! --match-set pools dst -j MASQUERADE')}`),
        },
        'a set of nft': each(() => `nft 'add set ip egress pods { type ipv4_addr; flags interval; elements = { 10.244.1.0/24, 10.244.2.0/23 }; }'\n${rules('ip saddr @pods ip daddr != @pods masquerade')}`),
        'the address named, where it leaves the cluster': each(number => rules(`ip saddr 10.244.${number}.0/24 ip daddr != 10.244.0.0/16 snat to 192.168.1.1${number}`)),
        'a mark for what leaves the cluster': each(() => `${rules('meta mark and 0x4000 == 0x4000 masquerade')}
          nft 'add chain ip egress forward { type filter hook forward priority mangle; }; add rule ip egress forward ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 meta mark set meta mark or 0x4000'`),
        'the nodes left out too, as Cilium has it': each(() => rules('ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 192.168.1.11-192.168.1.13 } masquerade')),
        'what is not tracked is not translated': each(() => `nft 'add chain ip egress raw { type filter hook prerouting priority raw; }; add rule ip egress raw ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 notrack'`),
        'the older tables, with the exclusion': { requires: ['iptables-legacy'], instead: each(() => `${gone}\niptables-legacy -t nat -A POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE`) },
      },
      mutants: {
        'left as it is': { refusedBy: everyone.claim, instead: async () => {} },
        'whatever leaves by the interface': { refusedBy: everyone.claim, instead: each(() => rules('oifname "eth0" masquerade')) },
        'only the own range left out': { refusedBy: everyone.claim, instead: each(number => rules(`ip saddr 10.244.${number}.0/24 ip daddr != 10.244.${number}.0/24 masquerade`)) },
        // ipMasq of the bridge plugin: a chain for each pod, which leaves out the pod's own subnet and multicast.
        'as the bridge plugin does with ipMasq': {
          refusedBy: everyone.claim,
          instead: each(number => `${gone}\n${Object.entries(pods).filter(([, address]) => address.startsWith(`10.244.${number}.`)).map(([name, address]) => iptables(
            `-N CNI-${name}`, `-A CNI-${name} -d 10.244.${number}.0/24 -j ACCEPT`, `-A CNI-${name} ! -d 224.0.0.0/4 -j MASQUERADE`, `-A POSTROUTING -s ${address}/32 -j CNI-${name}`)).join('\n')}`),
        },
        'the pods of today left out': { refusedBy: newcomer.claim, instead: each(() => rules(`ip saddr 10.244.0.0/16 ip daddr != { ${Object.values(pods).join(', ')} } masquerade`)) },
        'one rule with the exclusion for each pod of today': { refusedBy: anyPod.claim, instead: each(() => rules(...Object.values(pods).map(address => `ip saddr ${address} ip daddr != 10.244.0.0/16 masquerade`))) },
        // Accepted in one chain of a hook, a packet goes on to the next one.
        'an accept in a table of its own': {
          refusedBy: everyone.claim,
          instead: each(() => `nft 'add table ip first; add chain ip first post { type nat hook postrouting priority srcnat - 10; }; add rule ip first post ip daddr 10.244.0.0/16 accept'`),
        },
        'mended on node1 alone': { refusedBy: everyone.claim, instead: ({ node1 }) => bash(node1, rules(OUT)) },
        'no rule at all': { refusedBy: fromNode1.claim, instead: each(() => gone) },
        // ext is a neighbour of the nodes, and none of them.
        'the whole wire left out': { refusedBy: fromNode1.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 192.168.1.0/24 } masquerade')) },
        // Green sees red; what lies between the nodes does not.
        'two translations that cancel out': {
          refusedBy: everyone.claim,
          after: async all => {
            const rewrite = (node: Node, hook: string, rule: string) => node`nft ${`add table ip wire; add chain ip wire c { type filter hook ${hook}; }; add rule ip wire c ${rule}`}`
            await Promise.all([all.node2, all.node3].map(node => rewrite(node, 'prerouting priority raw', 'iifname "eth0" ip saddr 192.168.1.11 ip saddr set 10.244.1.2')))
            await rewrite(all.node1, 'postrouting priority 300', 'oifname "eth0" ip saddr 10.244.1.2 ip daddr 10.244.0.0/16 ip saddr set 192.168.1.11')
          },
        },
        'the wrong way round': { refusedBy: everyone.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 masquerade')) },
        'the exclusion behind the rule': { refusedBy: everyone.claim, after: each(number => rules(`ip saddr 10.244.${number}.0/24 masquerade`, 'ip daddr 10.244.0.0/16 return')) },
        // nft does not list these. Where the kernel has none, a table of iptables' does the same.
        'a rule in the older tables': {
          refusedBy: everyone.claim,
          after: ({ node2 }) => bash(node2, `iptables-legacy -t nat -A POSTROUTING -s 10.244.2.0/24 -j MASQUERADE 2>/dev/null || ${iptables('-A POSTROUTING -s 10.244.2.0/24 -j MASQUERADE')}`),
        },
        'nodes hide behind the bridge': { refusedBy: nodesToPods.claim, after: ({ node2 }) => bash(node2, rules(OUT, 'oifname "cni0" ip saddr 192.168.1.0/24 masquerade')) },
        'node3 is a host again': { refusedBy: everyone.claim, after: ({ node3 }) => node3`sysctl -qw net.ipv4.ip_forward=0` },
        'somebody flushed the chain': { refusedBy: fromNode2.claim, after: ({ node2 }) => node2`nft flush chain ip egress post` },
        'a way back on ext, and no rule': { refusedBy: fromNode1.claim, after: async all => {
          await onEach(all, () => gone)
          await all.ext`ip route add 10.244.0.0/16 via 192.168.1.11`
        } },
      },
    },
    'open-connections': {
      checks: [reports, clock],
      hints: [
        'When does a node decide whether a connection is translated, and where does it keep what it decided? (Where nothing arrives at all, look whether the three programs that you started in the first step still run: `ps -e`.)',
        failing => failing.includes(clock.claim)
          ? 'red asks, and nothing comes back to it. Look at its entry on node1: to which address is ext to answer? `conntrack -L -p udp --dport 123`'
          : 'The rule is right, and is not asked about this connection. On node1: `conntrack -L -p udp --dport 9000`. How does one get rid of an entry?',
        'On node1: `conntrack -D -p udp --dport 9000`',
      ],
      answers: {
        'answer-to': answerIs(async bench => (await repliesTo(bench, 'node1', '-p', 'udp', '--orig-src', pods.blue, '--dport', '123'))[0] ?? '',
          /^\d+(\.\d+){3}:\d+$/, 'an address and a port, for example 10.0.0.1:53', ['10.244.1.3:123', '192.168.1.200:123', '192.168.1.11:0', '192.168.1.11:9000']),
      },
      alternatives: {
        'every connection forgotten': ({ node1 }) => node1`conntrack -F 2>/dev/null`,
        'by the address that the answer is expected at': ({ node1 }) => node1`conntrack -D -p udp --reply-dst 192.168.1.11 --dport 9000`,
        'the reporter started again': ({ node1 }) => bash(node1, `kill $(pgrep -f '^/usr/bin/perl .*talk report')\nip netns exec red talk report 10.244.2.2`),
      },
      mutants: {
        'the entry left as it is': { refusedBy: reports.claim, instead: async () => {} },
        'deleted on node2, where nobody translates it': { refusedBy: reports.claim, instead: ({ node2 }) => node2`conntrack -D -p udp --dport 9000` },
        // What was decided outlives the rules that decided it.
        'the rules made anew': { refusedBy: reports.claim, instead: ({ node1 }) => bash(node1, `${gone}\n${rules(OUT)}`) },
        'an entry from before the rule was right': { refusedBy: reports.claim, after: ({ node1 }) => reportedUnder(node1, 'ip saddr 10.244.1.0/24 masquerade', nodes.node1, OUT) },
        // The reverse: a firewall has the node track connections before there is a rule that would translate them.
        'an entry from before there was a rule': {
          refusedBy: clock.claim,
          after: ({ node1 }) => bash(node1, `nft 'add table ip watch; add chain ip watch forward { type filter hook forward priority 0; }; add rule ip watch forward ct state new counter'
            nft flush chain ip egress post
            conntrack -D -p udp --dport 123 >/dev/null 2>&1
            for try in $(seq 100); do conntrack -L -p udp --dport 123 2>/dev/null | grep -q 'UNREPLIED.*dst=10.244.1.2 ' && break; sleep 0.05; done
            conntrack -L -p udp --dport 123 2>/dev/null | grep -q 'UNREPLIED.*dst=10.244.1.2 '
            ${rules(OUT)}`),
        },
        'the reporter has ended': { refusedBy: reports.claim, after: ({ node1 }) => bash(node1, `kill $(pgrep -f '^/usr/bin/perl .*talk report'); while pgrep -f '^/usr/bin/perl .*talk report' >/dev/null; do sleep 0.01; done`) },
        'the clock has ended': { refusedBy: clock.claim, after: ({ ext }) => bash(ext, `kill $(pgrep -f '^/usr/bin/perl .*talk clock'); while pgrep -f '^/usr/bin/perl .*talk clock' >/dev/null; do sleep 0.01; done`) },
      },
    },
    'kept-inside': {
      checks: [withDb, withItsNetwork, ...outside, everyone, reports],
      hints: [
        'red\'s packet for db leaves node1. With which address, and whom does the firewall of db let in? `nft list ruleset` on db, `tcpdump` there.',
        failing => failing.includes(withDb.claim)
          ? 'Your rule asks whether a packet is for a pod. Which other destinations know the way back to a pod, and so need no translation? On all three nodes.'
          : failing.includes(withItsNetwork.claim)
            ? 'db is not the only one there: 10.50.0.0/16 lies behind it. Does your rule name a machine, or the network?'
            : failing.includes(everyone.claim)
              ? 'The rule had one exclusion before. Does it still have that one?'
              : 'Whoever has no way back still needs the node\'s address. Is 192.168.1.200 in what you excluded?',
        'On each node, by `nft -f -`: `flush chain ip egress post`, then `add rule ip egress post ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.50.0.0/16 } masquerade`',
      ],
      alternatives: {
        'a rule in front': each(() => 'nft insert rule ip egress post ip daddr 10.50.0.0/16 accept'),
        'a chain of what is left alone, as ip-masq-agent has it': each(() => `${gone}\n${iptables('-N IP-MASQ-AGENT', '-A IP-MASQ-AGENT -d 10.244.0.0/16 -j RETURN', '-A IP-MASQ-AGENT -d 10.50.0.0/16 -j RETURN',
          '-A IP-MASQ-AGENT -j MASQUERADE', '-A POSTROUTING -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT')}`),
        'a set that more can be put into': {
          requires: ['ipset'],
          instead: each(() => `${gone}\nipset create inside hash:net\nipset add inside 10.244.0.0/16\nipset add inside 10.50.0.0/16
            ${iptables('-A POSTROUTING -s 10.244.0.0/16 -m set ! --match-set inside dst -j MASQUERADE')}`),
        },
        'the address named, and everything else left alone': each(number => rules('ip daddr { 10.244.0.0/16, 10.50.0.0/16 } return', `ip saddr 10.244.${number}.0/24 snat to 192.168.1.1${number}`)),
      },
      mutants: {
        'db left as it is': { refusedBy: withDb.claim, instead: async () => {} },
        'on node1 alone': { refusedBy: withDb.claim, instead: ({ node1 }) => node1`nft insert rule ip egress post ip daddr 10.50.0.0/16 accept` },
        'db alone': { refusedBy: withItsNetwork.claim, instead: each(() => 'nft insert rule ip egress post ip daddr 10.50.0.10 accept') },
        // What an agent leaves alone until it is told otherwise.
        'every private range': { refusedBy: fromNode1.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip daddr != { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } masquerade')) },
        'the first exclusion forgotten': { refusedBy: everyone.claim, instead: each(() => rules('ip saddr 10.244.0.0/16 ip daddr != 10.50.0.0/16 masquerade')) },
        'no translation any more': { refusedBy: fromNode2.claim, instead: each(() => gone) },
        'the firewall of db opened instead': { refusedBy: withDb.claim, instead: ({ db }) => db`nft delete table ip guard` },
        'the second exclusion behind the rule': { refusedBy: withDb.claim, instead: each(() => 'nft add rule ip egress post ip daddr 10.50.0.0/16 return') },
        'an old rule that somebody brought back': { refusedBy: withDb.claim, after: ({ node3 }) => bash(node3, iptables('-A POSTROUTING -s 10.244.3.0/24 ! -d 10.244.0.0/16 -j MASQUERADE')) },
        'the way to the network of db lost': { refusedBy: withDb.claim, after: ({ node2 }) => node2`ip route del 10.50.0.0/16` },
        'an entry from before, once more': { refusedBy: reports.claim, after: ({ node1 }) => reportedUnder(node1, 'ip saddr 10.244.1.0/24 masquerade', nodes.node1, OUT_AND_FIRM) },
      },
    },
    'next-pod': {
      alreadyTrue: 'the rule names ranges, so whoever comes within them needs none of its own',
      checks: [comingOut, comingIn],
      hints: [
        'Which of the words in your rule names a pod, or a node?',
        'Send one packet to an address of that range, and ask node1 what it remembers of it: `conntrack -L -p icmp`. Nobody has to answer.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'A rule names the pods of today, where it should name their range. It holds again when each node has the one rule: `npx lab goto next-pod` brings you there on fresh nodes.',
      ],
      answers: {
        'to-a-new-node': answerIs(async bench => {
          await bench.place('node1/red').exec(['ping', '-c', '1', '-W', '1', '10.244.4.2'])
          return (await repliesTo(bench, 'node1', '-p', 'icmp', '--orig-src', pods.red, '--orig-dst', '10.244.4.2'))[0] ?? ''
        }, /^\d+(\.\d+){3}$/, 'an IPv4 address', ['192.168.1.11', '10.244.4.2', '10.244.1.1', '192.168.1.200']),
      },
      mutants: {
        'a rule for each pod that is there': { refusedBy: comingOut.claim, after: ({ node3 }) => bash(node3, rules(OUT_AND_FIRM.replace('10.244.0.0/16', pods.violet))) },
        'an exclusion for each pod that is there': {
          refusedBy: comingIn.claim,
          after: ({ node1 }) => bash(node1, rules(`ip saddr 10.244.0.0/16 ip daddr != { ${Object.values(pods).join(', ')}, 10.50.0.0/16 } masquerade`)),
        },
        'a range of pods forgotten on one node': { refusedBy: comingIn.claim, after: ({ node2 }) => bash(node2, rules('ip saddr 10.244.0.0/16 ip daddr != { 10.244.1.0-10.244.2.255, 10.50.0.0/16 } masquerade')) },
      },
    },
  },
})
