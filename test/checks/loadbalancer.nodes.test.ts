// Addresses for the outside, on real nodes: each check passes on a right network, and fails for each reason that it can name.
// node3 is both the router and the one who asks from outside.
import { describe, expect } from 'vitest'
import {
  allocatesForGood, allocatesNoMore, allocatesUnique, entersBy, knowsWhoAnswers, learnedBehind, oneAnswers, poolIsFree, sentWhereServed, servedAt,
} from '../../checks/index.ts'
import { routed } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

const client = { node3: '192.168.1.13' }
const among = ['node1', 'node2'] as const
type Place = 'node1' | 'node2' | 'node3'

const sh = (place: Place, ...lines: readonly string[]): Deed => network => network[place]`bash -ec ${lines.join('\n')}`
const has = (place: Place, address = '192.168.1.240'): Deed => sh(place, `ip addr add ${address}/32 dev eth0`)
/** node3 asks until it is answered, and remembers for longer than a test takes. */
const asks = sh('node3', 'sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=14400000', 'until ping -q -c 1 -W 2 192.168.1.240 >/dev/null; do :; done')
const shouts = (place: Place): Deed => sh(place, 'arping -q -U -c 1 -I eth0 192.168.1.240')

describe('oneAnswers', () => {
  const check = oneAnswers('192.168.1.240', { on: 'fab', among })
  passes('by its address', routed, check, has('node1'))
  passes('by an address that it has elsewhere', routed, check, sh('node2', 'ip addr add 192.168.1.240/32 dev lo'))
  passes('as a proxy, which takes its time', routed, check, sh('node1', 'ip route add 192.168.1.240/32 dev cni0', 'ip neigh add proxy 192.168.1.240 dev eth0'))
  fails('nobody', routed, check, async () => {}, /^nobody answers for 192\.168\.1\.240: nobody has it$/)
  fails('two', routed, check, inTurn(has('node1'), has('node2')), /^node[12] \([\da-f:]{17}\) and node[12] \([\da-f:]{17}\) both answer for 192\.168\.1\.240/)
  fails('an owner and a proxy', routed, check, inTurn(has('node2'), sh('node1', 'ip route add 192.168.1.240/32 dev cni0', 'ip neigh add proxy 192.168.1.240 dev eth0')), /both answer/)
  fails('somebody else', routed, check, has('node3'), /^node3 answers for 192\.168\.1\.240$/)
  fails('one who has it, and does not say so', routed, check, inTurn(has('node1'), sh('node1', 'ip link set eth0 arp off')), /^nobody answers for 192\.168\.1\.240: node1 has it on eth0, and does not answer there$/)
  fails('one whose cable is out', routed, check, inTurn(has('node1'), sh('node1', 'ip link set eth0 down')), /node1 has it on eth0, and does not answer there/)
})

describe('knowsWhoAnswers', () => {
  const check = knowsWhoAnswers('node3', '192.168.1.240', 'fab')
  const moved = inTurn(has('node1'), asks, sh('node1', 'ip addr del 192.168.1.240/32 dev eth0'), has('node2'))
  passes('nothing is remembered', routed, check, has('node1'))
  passes('who answers is remembered', routed, check, inTurn(has('node1'), asks))
  passes('somebody has said that it is there now', routed, check, inTurn(moved, shouts('node2')))
  fails('it has moved, and nobody has said so', routed, check, moved, /^node3 remembers 192\.168\.1\.240 at [\da-f:]{17}, which is node1, and node2 \([\da-f:]{17}\) answers for it$/)
  fails('who is remembered has given it up', routed, check, inTurn(has('node1'), asks, sh('node1', 'ip addr del 192.168.1.240/32 dev eth0')), /which is node1, and nobody answers for it$/)
  fails('it is written down', routed, check, inTurn(has('node1'), asks, sh('node3', 'ip neigh change 192.168.1.240 dev eth0 nud permanent')), /^node3 has it written down that 192\.168\.1\.240 is at [\da-f:]{17}, which is node1/)
  fails('nobody\'s is written down', routed, check, inTurn(has('node1'), sh('node3', 'ip neigh replace 192.168.1.240 lladdr 02:00:00:00:00:99 dev eth0 nud permanent')), /at 02:00:00:00:00:99, which nobody has/)
  test('to look does not mend it', async () => {
    const network = await routed()
    await moved(network)
    for (let times = 0; times < 3; times++) expect(await network.look(check)).toMatchObject({ status: 'fail' })
  })
})

const serves = (place: Place, pod: string): Deed => sh(place, `ip netns exec ${pod} serve --background ${pod} 8000`)
const rule = (place: Place, pod: string, after = 'masquerade'): Deed => sh(place, `nft -f - <<END
  table ip t {
    chain pre { type nat hook prerouting priority dstnat; ip daddr { 192.168.1.240, 203.0.113.240 } tcp dport 80 dnat to ${pod}:8000; }
    chain post { type nat hook postrouting priority srcnat; ${after === '' ? '' : `ct status dnat ${after};`} }
  }
END`)
const servers = inTurn(serves('node1', 'red'), serves('node2', 'green'))

describe('servedAt', () => {
  const check = servedAt(client, '192.168.1.240:80', { by: ['red', 'green'] })
  const own = servedAt(client, '192.168.1.240:80', { by: ['red', 'green'], keepingAddress: true })
  test('it says by whom', () => expect(own.claim).toBe('node3 is served at 192.168.1.240:80 by red or green, each time it asks, which see node3\'s own address'))
  passes('by a pod of another node, which sees a node', routed, check, inTurn(servers, has('node1'), rule('node1', '10.244.2.2')))
  passes('by a pod of the node, which sees the client', routed, own, inTurn(servers, has('node1'), rule('node1', '10.244.1.2', '')))
  fails('the pod sees the node', routed, own, inTurn(servers, has('node1'), rule('node1', '10.244.2.2')), /^green sees 192\.168\.1\.11 instead of 192\.168\.1\.13, the address of node3$/)
  fails('nobody has the address', routed, check, servers, /^node3 is not served at 192\.168\.1\.240:80/)
  fails('nobody has a rule for it', routed, check, inTurn(servers, has('node1')), /^node3 is not served at 192\.168\.1\.240:80 \(refused\): node1 refused it: nobody listens on TCP port 80/)
  fails('the server has ended', routed, check, inTurn(serves('node2', 'green'), has('node1'), rule('node1', '10.244.1.2')), /^node3 is not served at 192\.168\.1\.240:80 \(refused\): red refused it/)
  fails('somebody else\'s pod', routed, check, inTurn(serves('node1', 'blue'), has('node1'), rule('node1', '10.244.1.3')), /^blue answers, where red and green should$/)
})

const ways = (...nodes: readonly string[]) => sh('node3', `ip route add 203.0.113.240 ${nodes.map(node => `nexthop via ${node}`).join(' ')}`, 'sysctl -qw net.ipv4.fib_multipath_hash_policy=1')
const both = inTurn(servers, rule('node1', '10.244.1.2'), rule('node2', '10.244.2.2'), ways('192.168.1.11', '192.168.1.12'))

describe('entersBy', () => {
  const check = entersBy(client, '203.0.113.240:80', among)
  passes('by both', routed, check, both)
  passes('by both, to one pod', routed, check, inTurn(servers, rule('node1', '10.244.1.2'), rule('node2', '10.244.1.2'), ways('192.168.1.11', '192.168.1.12')))
  fails('by one, as there is one way', routed, check, inTurn(servers, rule('node1', '10.244.1.2'), ways('192.168.1.11')), /^of 64 connections none comes in by node2: 64 by node1$/)
  fails('by one, as they are told apart by addresses', routed, check, inTurn(both, sh('node3', 'sysctl -qw net.ipv4.fib_multipath_hash_policy=0')), /^of 64 connections none comes in by node[12]: 64 by node[12]$/)
  fails('one of them cannot', routed, check, inTurn(servers, rule('node1', '10.244.1.2'), ways('192.168.1.11', '192.168.1.12')), /^of 64 connections of node3 to 203\.0\.113\.240:80, \d+ are not served/)
})

/** The nodes tell node3, which keeps all ways. */
const bird = (place: 'node1' | 'node2', more = ''): Deed => network => network[place]`mkdir -p /run/bird; cat >/etc/bird/bird.conf <<< ${`router id 192.168.1.1${place.at(-1) ?? ''}; protocol device { }
  protocol static services { ipv4; route 203.0.113.240/32 blackhole; }
  protocol bgp router { local as 64512; neighbor 192.168.1.13 as 64500; connect delay time 1; connect retry time 1; ipv4 { import none; export filter { ${more} accept; }; }; }`}; bird`
const router = (kernel = 'merge paths on; ipv4 { export where source = RTS_BGP; };', more = ''): Deed => network => network.node3`mkdir -p /run/bird; cat >/etc/bird/bird.conf <<< ${`router id 192.168.1.13; protocol device { }
  protocol kernel { ${kernel} } ${more}
  protocol bgp nodes { local as 64500; neighbor range 192.168.1.0/24 as 64512; dynamic name "node"; ipv4 { import all; export none; }; }`}; bird`
const told = inTurn(bird('node1'), bird('node2'), router())
const settled = sh('node3', 'until [ "$(ip route show 203.0.113.240 | grep -c nexthop)" = 2 ]; do sleep 0.05; done')

describe('learnedBehind', () => {
  const check = learnedBehind('node3', '203.0.113.240', among)
  test('it says who', () => {
    expect(check.claim).toBe('node3 has learned by BGP that 203.0.113.240 is behind node1 and node2 at once')
    expect(learnedBehind('node3', '203.0.113.240', ['node1']).claim).toBe('node3 has learned by BGP that 203.0.113.240 is behind node1')
  })
  passes('both, at once', routed, check, told)
  passes('one of both', routed, learnedBehind('node3', '203.0.113.240', ['node2']), told)
  fails('nobody has told', routed, check, async () => {}, /no route|unreachable.*; node3 speaks BGP with nobody$/i)
  fails('typed', routed, check, ways('192.168.1.11', '192.168.1.12'), /^node3 sends 203\.0\.113\.240 to node1 and node2 by the route to 203\.0\.113\.240 \(proto boot\), which is not learned: somebody typed it; node3 speaks BGP with nobody$/)
  fails('the best one is kept', routed, check, inTurn(bird('node1'), bird('node2'), router('ipv4 { export where source = RTS_BGP; };')), /^node3 sends 203\.0\.113\.240 to node[12] alone, though it speaks BGP with node[12]$/)
  fails('one is longer', routed, check, inTurn(bird('node1'), bird('node2', 'bgp_path.prepend(64512);'), router()), /^node3 sends 203\.0\.113\.240 to node1 alone, though it speaks BGP with node2$/)
  fails('one says nothing', routed, check, inTurn(bird('node1'), router()), /^node3 sends 203\.0\.113\.240 to node1 alone, and does not speak BGP with node2$/)
  fails('the daemon has died', routed, check, inTurn(told, settled, sh('node3', 'kill -9 $(pidof bird)')), /^node3 has the route to 203\.0\.113\.240 via node1 and node2 \(proto bird\), but does not speak BGP with node[12]: nobody there would take it back$/)
  fails('typed into the daemon', routed, check, inTurn(bird('node1'), bird('node2'), router('ipv4 { export all; };', 'protocol static typed { ipv4; route 203.0.113.240/32 via 192.168.1.11 via 192.168.1.12; }')), /^BIRD on node3 has the route to 203\.0\.113\.240\/32 from its protocol typed \(static\), not by BGP$/)
  test('a daemon that does not answer has not been asked', async () => {
    const network = await routed()
    await inTurn(told, settled, sh('node3', 'kill -STOP $(pidof bird)'))(network)
    expect(await network.look(check)).toMatchObject({ status: 'unknown' })
  })
  fails('it knows no way', routed, check, sh('node3', 'ip route add unreachable 203.0.113.240'), /unreachable 203\.0\.113\.240/)
})

describe('sentWhereServed', () => {
  const check = sentWhereServed('node3', '203.0.113.240', { nodes: among, port: 8000, pod: 'server' })
  passes('to both, where both serve', routed, check, inTurn(servers, ways('192.168.1.11', '192.168.1.12')))
  passes('to one, where one serves', routed, check, inTurn(serves('node2', 'green'), ways('192.168.1.12')))
  passes('to nobody, where nobody serves', routed, check)
  fails('to one too many', routed, check, inTurn(serves('node2', 'green'), ways('192.168.1.11', '192.168.1.12')), /^node3 sends it to node1, where no pod listens on port 8000: one of 2 connections comes to nobody$/)
  fails('to one too few', routed, check, inTurn(servers, ways('192.168.1.11')), /^node3 sends it to node1 alone, and on node2 serve green 8000 \(PID \d+\) listens$/)
  fails('to nobody, where one serves', routed, check, serves('node2', 'green'), /^node3 sends it to no node, and on node2 serve green 8000 \(PID \d+\) listens$/)
  fails('a server that is no pod is none', routed, check, inTurn(sh('node1', 'setsid serve node 8000 </dev/null >/dev/null 2>&1 &'), ways('192.168.1.11')), /^node3 sends it to node1, where no pod listens/)
})

/** Gives what is free, in order; `what` is what is different. */
const allocate = (free = '($all - [.items[].status.loadBalancer.ingress[]?.ip])', none = '.'): Deed => network => network.node1`cat >/usr/local/bin/allocate <<< ${`#!/bin/sh
exec jq --arg pool "$1" '($pool | split("-") | map(split(".")[3] | tonumber)) as [$from, $to] | [range($from; $to + 1) | "203.0.113.\\(.)"] as $all
| reduce range(.items | length) as $i (.; if .items[$i].spec.type == "LoadBalancer" and .items[$i].status.loadBalancer.ingress == null
  then ${free} as $free | if $free == [] then ${none} else .items[$i].status.loadBalancer.ingress = [{ ip: $free[0] }] end else . end)'`}; chmod +x /usr/local/bin/allocate`
const prints = (script: string): Deed => network => network.node1`cat >/usr/local/bin/allocate <<< ${`#!/bin/sh\n${script}`}; chmod +x /usr/local/bin/allocate`
const allocator = { on: 'node1', program: '/usr/local/bin/allocate' }

describe('allocators', () => {
  const [unique, forGood, noMore] = [allocatesUnique(allocator), allocatesForGood(allocator), allocatesNoMore(allocator)]
  passes('each has its own', routed, unique, allocate())
  passes('who has one keeps it', routed, forGood, allocate())
  passes('the rest stays pending', routed, noMore, allocate())
  fails('no program', routed, unique, async () => {}, /^node1 has no program \/usr\/local\/bin\/allocate that can be run$/)
  fails('a program that fails', routed, unique, prints('echo no luck >&2; exit 5'), /^\/usr\/local\/bin\/allocate ended with 5: no luck$/)
  fails('no list', routed, unique, prints('echo hello'), /^\/usr\/local\/bin\/allocate does not print a list of Services: expected JSON, and got "hello\\n"$/)
  fails('nothing', routed, unique, prints('cat'), /have none, and 203\.0\.113\.\d+-203\.0\.113\.\d+ has as many addresses as there are Services that want one$/)
  fails('the same for all', routed, unique, allocate('$all'), /^svc-\w+ and svc-\w+ are both given 203\.0\.113\.\d+$/)
  fails('none of the pool', routed, unique, allocate('["192.168.1.240"]'), /is given 192\.168\.1\.240, which is not in 203\.0\.113\.\d+-203/)
  fails('for everybody', routed, unique, prints('jq \'.items[].status.loadBalancer.ingress = [{ ip: "203.0.113.1" }]\''), /is of type \w+, and is given 203\.0\.113\.1$|both given|not in/)
  fails('some get lost', routed, unique, prints('jq \'.items |= .[1:]\''), /^svc-\w+, of type \w+, went in, and does not come out once and as it was$/)
  fails('who has one loses it', routed, forGood, prints('jq \'del(.items[].status.loadBalancer.ingress)\''), /^svc-\w+ had 203\.0\.113\.\d+, and now has none: /)
  fails('what those have who come later is not looked at', routed, forGood, allocate('($all - [.items[:$i][].status.loadBalancer.ingress[]?.ip])'), /are both given/)
  fails('an error where none is left', routed, noMore, allocate(undefined, 'error("exhausted")'), /^\/usr\/local\/bin\/allocate ended with 5: jq: error .*exhausted$/)
  fails('one more than there are', routed, noMore, allocate(undefined, '.items[$i].status.loadBalancer.ingress = [{ ip: "203.0.113.254" }]'), /is given 203\.0\.113\.254, which is not in/)
})

describe('poolIsFree', () => {
  const check = poolIsFree({ on: 'node1', file: '/etc/pool', within: '192.168.1.0/24', given: '192.168.1.240' })
  const pool = (text: string): Deed => network => network.node1`echo ${text} >/etc/pool`
  passes('nobody has any', routed, check, pool('192.168.1.240-192.168.1.250'))
  passes('one has what is given away', routed, check, inTurn(pool('192.168.1.240-192.168.1.250'), has('node2')))
  fails('no file', routed, check, async () => {}, /^node1 has no file \/etc\/pool$/)
  fails('no range', routed, check, pool('192.168.1.240/28'), /^\/etc\/pool says `192\.168\.1\.240\/28`, and not one range such as/)
  fails('the nodes are in it', routed, check, pool('192.168.1.10-192.168.1.250'), /^192\.168\.1\.11 is in the pool, and is node1's own \(eth0\)$/)
  fails('somebody has one', routed, check, inTurn(pool('192.168.1.240-192.168.1.250'), has('node2', '192.168.1.245')), /^192\.168\.1\.245 is in the pool, and is node2's own/)
  fails('everybody\'s', routed, check, pool('192.168.1.240-192.168.1.255'), /^192\.168\.1\.255 is no address of a machine: with it 192\.168\.1\.0\/24 means everybody$/)
  fails('of another subnet', routed, check, pool('192.168.2.240-192.168.2.250'), /^192\.168\.2\.240 is not in 192\.168\.1\.0\/24/)
  fails('without what is given away', routed, check, pool('192.168.1.241-192.168.1.250'), /^192\.168\.1\.240, which is given away already, is not in 192\.168\.1\.241-192\.168\.1\.250$/)
})

describe('all of them', () => {
  const everything = [
    oneAnswers('192.168.1.240', { on: 'fab', among }), knowsWhoAnswers('node3', '192.168.1.240', 'fab'), servedAt(client, '192.168.1.240:80', { by: ['red'] }), entersBy(client, '203.0.113.240:80', among),
    learnedBehind('node3', '203.0.113.240', among), sentWhereServed('node3', '203.0.113.240', { nodes: among, port: 8000, pod: 'server' }), allocatesUnique(allocator), allocatesForGood(allocator), allocatesNoMore(allocator),
    poolIsFree({ on: 'node1', file: '/etc/pool', within: '192.168.1.0/24', given: '192.168.1.240' }),
  ]
  changeNothing('change nothing on a right network', routed, everything, inTurn(both, has('node1'), asks, allocate()))
  changeNothing('change nothing on a wrong one', routed, everything, inTurn(has('node1'), asks, has('node2')))
})
