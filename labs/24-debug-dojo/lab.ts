// 24 · The debug dojo: eight complaints about one cluster. What is wrong is made in `setup`, at its end; each step mends one thing.
import { readFileSync } from 'node:fs'
import {
  allReach, answersTheLine, asPoliciesSay, elsewhereStays, findsName, largestPacket, reachEachOther, reaches, sameLayer2, serviceAnswers, serviceUsesAll, stillOnTheLine, type Service,
} from 'hardway/checks'
import { bash, defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Deed, type Nodes } from 'hardway/lab'
import { objectsOf } from 'hardway/kubernetes'
import { podsOnBridge, serves } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3'
type Node = Nodes<Name>[Name]

const objects = readFileSync(new URL('files/objects.yaml', import.meta.url), 'utf8')

/** By node. Before it was made anew, shop-2 was on node3, and had the address that logs-2 has now. */
const PODS = [
  { cart: '10.244.1.2', 'shop-1': '10.244.1.3', 'rank-0': '10.244.1.4', 'logs-1': '10.244.1.5' },
  { pay: '10.244.2.2', 'shop-2': '10.244.2.3', 'rank-1': '10.244.2.4' },
  { db: '10.244.3.2', 'logs-2': '10.244.3.3', dns: '10.244.3.4' },
] as const
const pods = { ...PODS[0], ...PODS[1], ...PODS[2] }
const one = (...names: readonly (keyof typeof pods)[]): Readonly<Record<string, string>> => Object.fromEntries(names.map(name => [name, pods[name]]))

const shop: Service = { at: '10.96.0.20:80', backends: one('shop-1', 'shop-2'), targetPort: 8080 }

/** Says what fails and not why, which is what a learner is here for: no packet is followed, as `lab trace` would. */
const untold = (check: Check): Check => ({ claim: check.claim, look: bench => check.look(without(bench)) })
const blind = new WeakMap<Bench, Bench>()
/** One for each look, since what checks ask together they ask of one bench. */
function without(bench: Bench): Bench {
  const known = blind.get(bench) ?? { topology: bench.topology, place: name => bench.place(name), namespaces: node => bench.namespaces(node) }
  blind.set(bench, known)
  return known
}

/** Without the Services: what is asked of a policy is asked of pods. */
const peers = objects.split('\n---\n').filter(object => !object.includes('kind: Service')).join('\n---\n')

const toDb = untold(allReach(one('cart', 'shop-1', 'logs-1'), one('db'), { keepingAddress: true }))
const elsewhere = elsewhereStays(one('shop-1', 'rank-1', 'logs-2'), '10.244.0.0/16')
const toPay = untold(allReach(one('cart', 'db'), one('pay'), { keepingAddress: true }))
const uploads = untold(largestPacket(one('cart'), one('db')))
const more = untold(largestPacket(one('rank-1'), one('logs-2')))
const visits = untold(serviceAnswers(one('cart', 'rank-1', 'db'), shop))
const either = untold(serviceUsesAll(one('cart'), shop))
const lines = answersTheLine({ from: one('cart'), name: 'lines', with: one('logs-2') }, '10.96.0.30:5140/udp')
const names = untold(findsName(one('shop-2'), 'logs', { server: '10.96.0.10', namespace: 'default', objects }))
const freed = untold(reachEachOther(one('cart', 'shop-2', 'db'), { keepingAddress: true }))
const policy = asPoliciesSay('pay opens connections to db on TCP 5432, and no others', async () => objectsOf(peers, 'objects.yaml'),
  { ports: ['5432', '9090', '9090/UDP'], pods: ['default/pay', 'default/db', 'default/cart', 'kube-system/dns'], about: from => from === 'default/pay' })
const rail = untold(sameLayer2({ 'rank-0': '10.50.0.10' }, { 'rank-1': '10.50.0.11' }))
const besides = untold(reaches(one('rank-1'), one('db'), { keepingAddress: true }))
const everybody = untold(reachEachOther(one('cart', 'shop-2', 'db', 'rank-0', 'rank-1'), { keepingAddress: true }))
/** Open since before the first complaint. Who flushes, restarts or recreates hangs up. */
const calls = stillOnTheLine(
  { from: one('cart'), name: 'batch', with: one('logs-1') }, { from: one('shop-2'), name: 'orders', with: one('pay') }, { from: one('rank-1'), name: 'bill', with: one('pay') })

const nft = (...lines: readonly string[]): string => `nft -f - <<'END'\n${lines.join('\n')}\nEND`
const everywhere = (script: string): Deed<Name> => ({ node1, node2, node3 }) => Promise.all([node1, node2, node3].map(node => bash(node, script)))

const table = (endpoints: readonly string[], logs: string): string => nft(
  'table ip services', 'delete table ip services',
  'table ip services {',
  `chain shop { meta l4proto tcp dnat to numgen random mod ${endpoints.length} map { ${endpoints.map((address, index) => `${index} : ${address}`).join(', ')} }:8080; }`,
  `chain logs { meta l4proto udp dnat to ${logs}:5140; meta l4proto tcp dnat to ${logs}:6514; }`,
  `chain dns { meta l4proto udp dnat to ${pods.dns}:53; meta l4proto tcp dnat to ${pods.dns}:53; }`,
  'map ports { type ipv4_addr . inet_proto . inet_service : verdict; elements = {',
  '10.96.0.10 . udp . 53 : goto dns, 10.96.0.10 . tcp . 53 : goto dns, 10.96.0.20 . tcp . 80 : goto shop, 10.96.0.30 . udp . 5140 : goto logs, 10.96.0.30 . tcp . 6514 : goto logs } }',
  'chain pods { type nat hook prerouting priority dstnat; ip daddr . meta l4proto . th dport vmap @ports; }',
  'chain own { type nat hook output priority dstnat; ip daddr . meta l4proto . th dport vmap @ports; }',
  '}')
const STALE = [pods['shop-1'], pods['logs-2']]
const CURRENT = [pods['shop-1'], pods['shop-2']]
const endpoints = (...rules: readonly string[]): string => nft('flush chain ip services shop', ...rules.map(rule => `add rule ip services shop ${rule}`))
const chosen = (addresses: readonly string[], by = `numgen random mod ${addresses.length}`): string =>
  `meta l4proto tcp dnat to ${by} map { ${addresses.map((address, index) => `${index} : ${address}`).join(', ')} }:8080`

const inPod = (name: string, command: string): string => `ip netns exec ${name} ${command}`
const resolv = (pod: string, server = '10.96.0.10'): string =>
  `mkdir -p /etc/netns/${pod}\nprintf 'nameserver ${server}\\nsearch default.svc.cluster.local svc.cluster.local cluster.local\\noptions ndots:5\\n' >/etc/netns/${pod}/resolv.conf`
const RAIL = (pod: string, address: string): string => `ip link set eth1 netns ${pod} name net1
ip -n ${pod} addr add ${address}/16 dev net1
ip -n ${pod} link set net1 up`

/** Whole, but for what `wrong` leaves out and does. */
async function node(node: Node, number: 1 | 2 | 3, wrong: string): Promise<void> {
  const own = PODS[number - 1] ?? {}
  const routes = [1, 2, 3].filter(other => other !== number && !(number === 3 && other === 1)).map(other => `route add 10.244.${other}.0/24 via 192.168.1.1${other}`)
  const serving = [['db', '5432'], ['pay', '8080'], ['shop-1', '8080'], ['shop-2', '8080'], ['logs-1', '5140/udp'], ['logs-2', '5140/udp'], ['rank-1', '29500']] as const
  await podsOnBridge(node, `10.244.${number}.0/24`, own, { script: [
    'sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 net.ipv4.conf.all.rp_filter=0',
    'ip -batch - <<END', ...routes, 'END',
    table(number === 1 ? CURRENT : STALE, number === 1 ? pods['logs-1'] : pods['logs-2']),
    ...serves(serving.filter(([name]) => name in own)),
    ...Object.keys(own).map(name => resolv(name)),
    wrong,
  ] })
}

const WRONG = [
  // The Service has another endpoint since; who was speaking by then still is with the old one.
  `${inPod('logs-1', 'call --answer logs-1 6514')}
${inPod('cart', 'call batch 10.96.0.30:6514')}
${inPod('cart', 'call lines 10.96.0.30:5140/udp')}
${table(STALE, pods['logs-2'])}
${RAIL('rank-0', '10.50.0.10')}
${nft('table ip rendezvous {', `chain post { type nat hook postrouting priority srcnat; ip saddr ${pods['rank-0']} ip daddr ${pods['rank-1']} masquerade; }`, '}')}
mkdir -p /srv/cluster
cat >/srv/cluster/objects.yaml <<'END'
${objects}END`,
  `${inPod('pay', 'call --answer pay 7000')}
${inPod('shop-2', `call orders ${pods.pay}:7000`)}
${inPod('rank-1', `call bill ${pods.pay}:7000`)}
${nft('table ip policies {', `set pay { type ipv4_addr; elements = { ${pods.pay}, ${pods['shop-2']} }; }`,
  `chain pay-egress { ip daddr ${pods.db} tcp dport 5432 accept; counter drop; }`,
  'chain forward { type filter hook forward priority filter; ct state established,related accept; ip saddr @pay jump pay-egress; }', '}')}
ip link set eth1 down
ip route add ${pods['rank-0']} via 192.168.1.99
sysctl -qw net.ipv4.conf.eth0.forwarding=0`,
  `cat >/etc/dnsmasq.cluster <<'END'
no-resolv
no-hosts
user=root
local=/cluster.local/
host-record=kube-dns.kube-system.svc.cluster.local,10.96.0.10
host-record=shop.default.svc.cluster.local,10.96.0.20
host-record=logs.default.svc.cluster.local,10.96.0.30
END
${inPod('dns', 'dnsmasq --conf-file=/etc/dnsmasq.cluster')}
ip link set eth0 mtu 1400`,
] as const

// What mends each, but the first, which the lesson prints.
const FORWARDS = 'sysctl -qw net.ipv4.conf.eth0.forwarding=1'
const SIZE = 'ip link set eth0 mtu 1500'
const FORGET = 'conntrack -D -p udp --orig-src 10.244.1.2 --orig-dst 10.96.0.30'
const UNCHOSEN = `nft delete element ip policies pay { ${pods['shop-2']} }`
const onNode1 = (script: string): Deed<Name> => ({ node1 }) => bash(node1, script)
const onNode2 = (script: string): Deed<Name> => ({ node2 }) => bash(node2, script)
const onNode3 = (script: string): Deed<Name> => ({ node3 }) => bash(node3, script)
const both = (...deeds: readonly Deed<Name>[]): Deed<Name> => nodes => Promise.all(deeds.map(deed => deed(nodes)))
const UNMASKED = 'nft delete table ip rendezvous'
const UNLED = `ip route del ${pods['rank-0']}/32`

/** What is asked is what setup has made: mended or not, the answer is the same. */
const cause = (right: string, form: RegExp, expected: string, wrong: Answer['wrong']): Answer => ({
  right: async () => right, wrong,
  grade: async (bench, value) => {
    const [seen] = await bench.namespaces('node1')
    if (seen === undefined) return unknown('node1 shows no network namespace')
    const said = value.trim().toLowerCase().replaceAll(/[\s,=]+/g, ' ').replace(/\/32$/, '')
    if (!form.test(said)) return fail(`expected ${expected}`, seen.evidence)
    return said === right ? pass(seen.evidence) : fail(`it is not ${value}`, seen.evidence)
  },
})

export default defineLab<Name>({
  setup: async ({ node1, node2, node3 }) => {
    await Promise.all([node(node1, 1, WRONG[0]), node(node2, 2, WRONG[1]), node(node3, 3, WRONG[2])])
  },
  steps: {
    'one-way': {
      checks: [toDb, elsewhere, calls],
      hints: [
        'Is the request seen on node3? And an answer? `tcpdump -nn -i any host 10.244.3.2` there, while cart asks.',
        failing => failing.includes(calls.claim) ? 'Somebody has hung up: a pod was made anew, or a table of connections flushed. `npx lab reset` begins again.'
          : failing.includes(elsewhere.claim) && !failing.includes(toDb.claim) ? 'db answers. What does node3 do now with a packet for an address that nobody has: `ip route get 203.0.113.9`? Which range did it not know?' : 'Ask node3 what it does with a packet for 10.244.1.2: `ip route get 10.244.1.2`. Who has a route for each of the other ranges?',
        'On node3: `ip route add 10.244.1.0/24 via 192.168.1.11`',
      ],
      answers: {
        'no-way': cause('node3 10.244.1.0/24', /^node\d \d+(\.\d+){3}\/\d+$/, 'a node and a range, for example node1 10.244.9.0/24', ['node1 10.244.3.0/24', 'node3 10.244.2.0/24', 'node3']),
      },
      alternatives: {
        'a range for two nodes': onNode3('ip route add 10.244.0.0/23 via 192.168.1.11'),
        'a table of its own': onNode3('ip route add 10.244.1.0/24 via 192.168.1.11 table 77; ip rule add to 10.244.1.0/24 lookup 77'),
      },
      mutants: {
        'who cannot be answered is masqueraded': { refusedBy: toDb.claim, instead: onNode1(nft('table ip mend {', 'chain post { type nat hook postrouting priority srcnat; ip saddr 10.244.1.0/24 ip daddr 10.244.3.0/24 masquerade; }', '}')) },
        'a way back to those who complained': { refusedBy: toDb.claim, instead: onNode3(`ip route add ${pods.cart}/32 via 192.168.1.11; ip route add ${pods['shop-1']}/32 via 192.168.1.11`) },
        'all that node3 does not know, to node1': { refusedBy: elsewhere.claim, instead: onNode3('ip route add default via 192.168.1.11') },
        'the way there once more': { refusedBy: toDb.claim, instead: onNode1('ip route replace 10.244.3.0/24 via 192.168.1.13') },
      },
    },
    forwarding: {
      checks: [toPay, calls],
      solution: onNode2(FORWARDS),
      hints: [
        'Which pods are reached from which nodes? What do those that fail have in common?',
        'On node2, while cart asks: `nstat -az IpInAddrErrors`, twice. And `grep . /proc/sys/net/ipv4/conf/*/forwarding`.',
        'On node2: `sysctl -w net.ipv4.conf.eth0.forwarding=1`',
      ],
      answers: {
        'switched-off': cause('node2 net.ipv4.conf.eth0.forwarding', /^node\d net\.[\w.]+$/, 'a node and a setting, for example node1 net.ipv4.conf.lo.rp_filter', ['node2 net.ipv4.ip_forward', 'node1 net.ipv4.conf.eth0.forwarding', 'node2 net.ipv4.conf.cni0.forwarding']),
      },
      alternatives: {
        'off and on again': onNode2('sysctl -qw net.ipv4.ip_forward=0; sysctl -qw net.ipv4.ip_forward=1'),
      },
      mutants: {
        'the switch that is on turned on': { refusedBy: toPay.claim, instead: onNode2('sysctl -qw net.ipv4.ip_forward=1') },
        'every rule of node2 flushed': { refusedBy: toPay.claim, instead: onNode2('nft flush ruleset') },
      },
    },
    size: {
      checks: [uploads, more, calls],
      solution: onNode3(SIZE),
      hints: [
        'Find the largest packet that passes: `ping -M do -s` with 1372, then 1400, then 1472. Where does the first one end that does not?',
        failing => failing.includes(uploads.claim) && failing.includes(more.claim) ? 'Who drops a frame that it does not receive tells nobody, and counts it: `ip -s link show eth0` on each node.' : 'One of those who complained is served, and the other is not. What is on the way of both?',
        'On node3: `ip link set eth0 mtu 1500`',
      ],
      answers: {
        'too-small': cause('node3 eth0 1400', /^node\d [\w-]+ \d+$/, 'a node, an interface and a number, for example node1 eth0 9000', ['node1 eth0 1400', 'node3 cni0 1400', 'node3 eth0 1372']),
      },
      mutants: {
        'all who complained told to send less, and db': { refusedBy: more.claim, instead: both(onNode1('ip -n cart link set eth0 mtu 1400'), onNode2('ip -n rank-1 link set eth0 mtu 1400'), onNode3('ip -n db link set eth0 mtu 1400')) },
        'segments of TCP made smaller': { refusedBy: uploads.claim, instead: everywhere(nft('table ip mss {', 'chain forward { type filter hook forward priority mangle; tcp flags syn tcp option maxseg size set 1360; }', '}')) },
        'a route that says 1400': { refusedBy: uploads.claim, instead: both(onNode1('ip route change 10.244.3.0/24 via 192.168.1.13 mtu 1400'), onNode2('ip route change 10.244.3.0/24 via 192.168.1.13 mtu 1400')) },
      },
    },
    endpoint: {
      checks: [visits, either, calls],
      solution: everywhere(endpoints(chosen(CURRENT))),
      hints: [
        'Each pod answers when it is asked by its own address. So who chooses, and whom?',
        failing => failing.includes(visits.claim) ? 'A claim that fails says who asks in vain. Which node translates for them? `nft list chain ip services shop` there.' : 'Everybody is answered. By whom, and by whom never?',
        'On each node: `nft flush chain ip services shop`, and `nft add rule ip services shop meta l4proto tcp dnat to numgen random mod 2 map { 0 : 10.244.1.3, 1 : 10.244.2.3 }:8080`',
      ],
      answers: {
        refuses: cause('10.244.3.3', /^\d+(\.\d+){3}$/, 'an address', ['10.244.2.3', '10.244.1.3', '10.96.0.20']),
      },
      alternatives: {
        'by the hash of who asks': everywhere(endpoints(chosen(CURRENT, 'jhash ip saddr . tcp sport mod 2'))),
        'the whole table anew': everywhere(table(CURRENT, pods['logs-2'])),
      },
      mutants: {
        'mended on node1': { refusedBy: visits.claim, instead: onNode1(endpoints(chosen(CURRENT))) },
        'the dead one left out': { refusedBy: either.claim, instead: everywhere(endpoints(`meta l4proto tcp dnat to ${pods['shop-1']}:8080`)) },
        'the port of the Service, not of the pods': { refusedBy: visits.claim, instead: everywhere(endpoints(chosen(CURRENT).replace(':8080', ':80'))) },
      },
    },
    stale: {
      checks: [lines, calls],
      solution: onNode1(FORGET),
      hints: [
        'A new question of cart goes to logs-2, an old one to logs-1. Where does a node keep what was decided about the old one?',
        failing => failing.includes(calls.claim) ? 'Something more than cart\'s old lines has been forgotten. That cannot be undone: `npx lab goto stale` begins here again.' : '`conntrack -L --orig-src 10.244.1.2 --orig-dst 10.96.0.30` on node1 has two entries. `conntrack -D` takes the same conditions, and more of them: `-p udp`.',
        'On node1: `conntrack -D -p udp --orig-src 10.244.1.2 --orig-dst 10.96.0.30`',
      ],
      answers: {
        remembered: cause('node1 10.244.1.5', /^node\d \d+(\.\d+){3}$/, 'a node and an address, for example node1 10.244.9.9', ['node3 10.244.3.3', 'node1 10.244.3.3', 'node3 10.244.1.5']),
      },
      alternatives: {
        'known by who answers': onNode1(`conntrack -D -p udp --reply-src ${pods['logs-1']}`),
        'all of UDP': onNode1('conntrack -D -p udp'),
      },
      mutants: {
        'all connections forgotten': { refusedBy: calls.claim, instead: onNode1('conntrack -F') },
        'rules written once more': { refusedBy: lines.claim, instead: onNode1(table(CURRENT, pods['logs-2'])) },
        'logs-1 stopped': { refusedBy: lines.claim, instead: onNode1('kill $(pgrep -xf \'serve logs-1 5140/udp\'); while pgrep -xf \'serve logs-1 5140/udp\' >/dev/null; do sleep 0.01; done') },
      },
    },
    policy: {
      checks: [names, freed, policy, calls],
      solution: onNode2(UNCHOSEN),
      hints: [
        'What does shop-2 reach at all, and what may only it not? Try `nc -zv 10.244.3.2 5432` in it. Who else may do that and nothing more?',
        failing => failing.includes(policy.claim) ? 'pay is not held to its policy any more. Nobody has complained about that, yet.' : failing.includes(freed.claim) ? 'Names are found, and that was only the first thing to fail. Whatever shop-2 opens is dropped.' : 'On node2: `nft list table ip policies`. Its counter grows when shop-2 asks. By which rule does the packet come there?',
        'On node2: `nft delete element ip policies pay { 10.244.2.3 }`',
      ],
      answers: {
        'not-chosen': cause('pay 10.244.2.3', /^[\w-]+ \d+(\.\d+){3}$/, 'a set and an address, for example blue 10.244.9.9', ['pay 10.244.2.2', 'pay 10.244.3.2', 'pay-egress 10.244.2.3']),
      },
      alternatives: {
        'the set written anew': onNode2(nft('flush set ip policies pay', `add element ip policies pay { ${pods.pay} }`)),
      },
      mutants: {
        'DNS let through for all in the set': { refusedBy: freed.claim, instead: onNode2(`nft insert rule ip policies pay-egress ip daddr ${pods.dns} meta l4proto { tcp, udp } th dport 53 accept`) },
        'a door for shop-2, to what it asked for': { refusedBy: freed.claim, instead: onNode2(`nft insert rule ip policies pay-egress ip saddr ${pods['shop-2']} ip daddr 10.244.3.0/24 accept`) },
        'the policy deleted': { refusedBy: policy.claim, instead: onNode2('nft delete table ip policies') },
        'a list of names in the pod': { refusedBy: names.claim, instead: onNode2(`${UNCHOSEN}; echo '10.96.0.30 logs' >/etc/netns/shop-2/hosts`) },
        'shop-2 restarted': { refusedBy: calls.claim, instead: onNode2(`${UNCHOSEN}; kill $(ip netns pids shop-2); while [ -n "$(ip netns pids shop-2)" ]; do sleep 0.01; done; ${inPod('shop-2', 'serve --background shop-2 8080')}`) },
      },
    },
    rail: {
      checks: [rail, besides, calls],
      solution: onNode2(RAIL('rank-1', '10.50.0.11')),
      hints: [
        'What has rank-0 that rank-1 has not? And what has node2 that node1 has not: `ip -br link` on both.',
        failing => failing.includes(besides.claim) ? 'The rail is one network, and eth0 leads to all others. By which interface does rank-1 leave now: `ip route`?' : 'An interface is moved into a namespace by `ip link set DEVICE netns NAME name NEW`. It arrives without an address, and down.',
        'On node2: `ip link set eth1 netns rank-1 name net1`, `ip -n rank-1 addr add 10.50.0.11/16 dev net1`, `ip -n rank-1 link set net1 up`',
      ],
      answers: {
        'left-behind': cause('node2 eth1', /^node\d [\w-]+$/, 'a node and an interface, for example node1 veth-cart', ['node1 eth1', 'node2 eth0', 'node2 net1']),
      },
      alternatives: {
        'under the name that it has': onNode2(`ip link set eth1 netns rank-1; ip -n rank-1 addr add 10.50.0.11/16 dev eth1; ip -n rank-1 link set eth1 up`),
        'a second address of the same device': { requires: ['macvlan'], instead: onNode2(`ip link set eth1 up; ip link add net1 link eth1 netns rank-1 type macvlan mode bridge; ip -n rank-1 addr add 10.50.0.11/16 dev net1; ip -n rank-1 link set net1 up`) },
      },
      mutants: {
        'its address on eth0': { refusedBy: rail.claim, instead: onNode2('ip -n rank-1 addr add 10.50.0.11/16 dev eth0') },
        'node2 between': { refusedBy: rail.claim, instead: onNode2(`ip link set eth1 up; ip addr add 10.50.255.1/16 dev eth1; ip -n rank-1 addr add 10.50.0.11/32 dev eth0; ip route add 10.50.0.11/32 dev cni0; sysctl -qw net.ipv4.conf.eth1.proxy_arp=1 net.ipv4.neigh.eth1.proxy_delay=0`) },
        'a default route that came along': { refusedBy: besides.claim, instead: onNode2(`${RAIL('rank-1', '10.50.0.11')}\nip -n rank-1 route replace default via 10.50.0.1 dev net1`) },
        'the pod made anew, with its rail': {
          refusedBy: calls.claim,
          instead: onNode2(`ip link del veth-rank-1; kill $(ip netns pids rank-1); ip netns del rank-1; ip netns add rank-1; ip -n rank-1 link set lo up
ip link add veth-rank-1 up type veth peer name eth0 netns rank-1; ip link set veth-rank-1 master cni0
ip -n rank-1 addr add ${pods['rank-1']}/24 dev eth0; ip -n rank-1 link set eth0 up; ip -n rank-1 route add default via 10.244.2.1; ${RAIL('rank-1', '10.50.0.11')}`),
        },
      },
    },
    alone: {
      checks: [everybody, policy, visits, names, lines, rail, calls],
      solution: both(onNode1(UNMASKED), onNode2(UNLED)),
      hints: [
        'There or back? rank-1 sees an address of node1. Who writes it there? And what becomes of a ping from rank-1 to rank-0?',
        failing => failing.includes(everybody.claim) ? 'There are two things, and one hides the other. `nft list ruleset` on node1, for who translates; `ip route get 10.244.1.4` on node2, for who would otherwise not be answered.' : 'Those two reach each other. What else does not hold any more?',
        'On node2 `ip route del 10.244.1.4`, and then on node1 `nft delete table ip rendezvous`',
      ],
      answers: {
        translated: cause('node1 rendezvous', /^node\d [\w-]+$/, 'a node and a table, for example node3 services', ['node1 services', 'node2 rendezvous', 'node2 policies']),
        hidden: cause('node2 10.244.1.4', /^node\d \d+(\.\d+){3}$/, 'a node and an address, for example node3 10.244.9.9', ['node1 10.244.2.4', 'node2 192.168.1.99', 'node2 192.168.1.11']),
      },
      mutants: {
        'the mask taken off': { refusedBy: everybody.claim, instead: onNode1(UNMASKED) },
        'the way back mended under the mask': { refusedBy: everybody.claim, instead: onNode2(UNLED) },
        'the wrong name server': { refusedBy: names.claim, after: onNode2(resolv('shop-2', '10.96.0.1')) },
        'a neighbour that has moved': { refusedBy: everybody.claim, after: onNode1('ip neigh replace 192.168.1.13 lladdr 02:00:00:00:00:13 dev eth0 nud permanent') },
        'the wrong next hop': { refusedBy: everybody.claim, after: onNode3('ip route replace 10.244.2.0/24 via 192.168.1.99') },
        'a firewall that the list of nft does not show': { refusedBy: everybody.claim, after: onNode3('iptables-legacy -A FORWARD -s 10.244.2.4 -j DROP') },
        'the port of the pods in one table': { refusedBy: visits.claim, after: onNode3(endpoints(chosen(CURRENT).replace(':8080', ':8081'))) },
        'a rail without a carrier': { refusedBy: rail.claim, after: ({ node1 }) => node1`ip -n rank-0 link set net1 down` },
        'the same address twice': { refusedBy: everybody.claim, after: onNode2(`ip -n pay addr add ${pods['shop-2']}/24 dev eth0`) },
      },
    },
  },
})
