// Each check on real nodes: it passes on a right network, and fails on each wrong one for the reason that it is wrong.
import { describe, expect } from 'vitest'
import * as checks from '../../checks/index.ts'
import { start } from '../../runner/core/running.ts'
import { pod, podsOnVeths } from '../../fixtures/networks/index.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { ALL, blue, bridges, emptyNetwork, green, red, routed, tunnelled, UNHURRIED, UNTIL_RIGHT } from './network.ts'
import { changeNothing, fails, passes, test, type Deed } from './on-nodes.ts'

describe('isSeparateNamespace', () => {
  const check = checks.isSeparateNamespace('node1', 'red')
  passes('a namespace of that name is one', emptyNetwork, check, ({ node1 }) => pod(node1, 'red'))
  fails('none is none', emptyNetwork, check, ({ node1 }) => pod(node1, 'blue'), /^node1 has no network namespace red: it has blue$/)
  fails("another name for the node's own namespace is none", emptyNetwork, check, ({ node1 }) => node1`mkdir -p /run/netns; touch /run/netns/red; mount --bind /proc/self/ns/net /run/netns/red`, /red is another name for node1's own namespace/)
  fails('a file is none', emptyNetwork, check, ({ node1 }) => node1`mkdir -p /run/netns; touch /run/netns/red`, /is a file, and no namespace/)
})

describe('loopbackWorks', () => {
  const check = checks.loopbackWorks('node1', 'red')
  passes('it does where lo is up', emptyNetwork, check, ({ node1 }) => pod(node1, 'red'))
  fails('it does not where lo is down', emptyNetwork, check, ({ node1 }) => node1`ip netns add red`, /^lo in red is down$/)
  fails('nothing loops in a namespace that is not there', emptyNetwork, check, async () => {}, /no network namespace red/)
})

describe('reachesItself', () => {
  const check = checks.reachesItself(red)
  passes('it does', bridges, check)
  fails('what is for an own address goes through lo', bridges, check, ({ node1 }) => node1`ip -n red link set lo down`, /lo in red is down, and what is for its own address goes through lo/)
  fails('nobody has the address', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.1\.2 \(red\)/)
})

describe('vethPair', () => {
  const check = checks.vethPair('node1', 'red')
  passes('one end in each, whatever they are called', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip link add one type veth peer name two netns red`)
  passes('made in the namespace', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip -n red link add one type veth peer name two netns 1`)
  fails('both ends in the namespace', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip -n red link add one type veth peer name two`, /both ends of the veth are in red: /)
  fails('both ends in the node', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip link add one type veth peer name two`, /both ends of the veth are in node1 itself: /)
  fails('the other end in another namespace', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip netns add blue; ip -n red link add one type veth peer name two netns blue`, /the other end of one in red is not in node1 itself/)
  fails('a link that is no veth', emptyNetwork, check, ({ node1 }) => node1`ip netns add red; ip -n red link add one type bridge`, /red has no veth/)
})

describe('ownsAddress', () => {
  const check = checks.ownsAddress('node1/red', '10.244.1.2/24')
  const make: Deed = ({ node1 }) => podsOnVeths(node1, '10.244.1.0/24', red)
  passes('whoever has it', emptyNetwork, check, make)
  fails('the end in the node has it', emptyNetwork, check, async network => {
    await make(network)
    await network.node1`ip -n red addr flush dev eth0; ip addr add 10.244.1.2/24 dev veth-red`
  }, /^veth-red in node1 has 10\.244\.1\.2$/)
  fails('another has it too', emptyNetwork, check, async network => {
    await make(network)
    await podsOnVeths(network.node2, '10.244.1.0/24', { green: '10.244.1.2' })
  }, /^eth0 in node2\/green has 10\.244\.1\.2 too$/)
  fails('the mask is another', emptyNetwork, check, async network => {
    await make(network)
    await network.node1`ip -n red addr flush dev eth0; ip -n red addr add 10.244.1.2/16 dev eth0`
  }, /eth0 has 10\.244\.1\.2\/16/)
})

describe('bridgeOwns', () => {
  const check = checks.bridgeOwns('node1', '10.244.1.1')
  passes('a bridge of any name', bridges, check, ({ node1 }) => node1`ip link set cni0 down name v-net-0; ip link set v-net-0 up`)
  fails('a bridge that is down', bridges, check, ({ node1 }) => node1`ip link set cni0 down`, /cni0 holds 10\.244\.1\.1, and is down/)
  fails('the address on a port', bridges, check, ({ node1 }) => node1`ip addr flush dev cni0; ip addr add 10.244.1.1/24 dev veth-red`, /10\.244\.1\.1 is on veth-red, which is a port of cni0/)
  fails('no bridge', emptyNetwork, check, async () => {}, /node1 has no bridge/)
  fails('a bridge without an address', bridges, check, ({ node1 }) => node1`ip addr flush dev cni0`, /cni0 has no address/)
})

describe('bridgePortFor', () => {
  const check = checks.bridgePortFor('node1', red)
  passes('a port that forwards', bridges, check)
  fails('a veth that is attached to nothing', bridges, check, ({ node1 }) => node1`ip link set veth-red nomaster`, /veth-red, the other end of eth0 in red, is no port of a bridge/)
  fails('a port that is down', bridges, check, ({ node1 }) => node1`ip link set veth-red down`, /is a port of cni0, and is down/)
  fails('an isolated port', bridges, check, ({ node1 }) => node1`bridge link set dev veth-red isolated on`, /isolated port/)
  fails('two with one MAC', bridges, check, ({ node1 }) => node1`ip -n red link set eth0 address 02:00:00:00:00:01; ip -n blue link set eth0 address 02:00:00:00:00:01`, /red and blue have the same MAC/)
  fails('an address that nobody has', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.1\.2 \(red\)/)
})

describe('defaultRouteTo', () => {
  const check = checks.defaultRouteTo(red, '10.244.1.1')
  passes('by the gateway', bridges, check)
  passes('by two halves', bridges, check, ({ node1 }) => node1`ip -n red route del default; ip -n red route add 0.0.0.0/1 via 10.244.1.1; ip -n red route add 128.0.0.0/1 via 10.244.1.1`)
  fails('no route', bridges, check, ({ node1 }) => node1`ip -n red route del default`, /red has no route for it/)
  fails('by somebody else', bridges, check, ({ node1 }) => node1`ip -n red route replace default via 10.244.1.3`, /red sends it to 10\.244\.1\.3/)
  fails('without a gateway', bridges, check, ({ node1 }) => node1`ip -n red route replace default dev eth0`, /without a gateway/)
  fails('a gateway that nobody is', bridges, check, ({ node1 }) => node1`ip addr flush dev cni0`, /nobody on node1 has that address/)
})

describe('forwards', () => {
  const check = checks.forwards('node1')
  passes('where it is told to', routed, check)
  fails('where it is not', bridges, check, async () => {}, /^net\.ipv4\.ip_forward is 0$/)
  fails('where one interface is not', routed, check, ({ node1 }) => node1`sysctl -qw net.ipv4.conf.eth0.forwarding=0`, /net\.ipv4\.conf\.eth0\.forwarding is 0/)
})

describe('noOverlap', () => {
  const check = checks.noOverlap({ nodes: ['node1', 'node2', 'node3'], pods: '10.244.0.0/16', services: '10.96.0.0/12' })
  passes('ranges apart', bridges, check)
  fails('two nodes with one range', bridges, check, ({ node2 }) => node2`ip addr flush dev cni0; ip addr add 10.244.1.1/24 dev cni0`, /10\.244\.1\.0\/24, the pods of node2 \(cni0\), overlaps 10\.244\.1\.0\/24, the pods of node1 \(cni0\)/)
  fails('a mask that is too wide', bridges, check, ({ node2 }) => node2`ip addr flush dev cni0; ip addr add 10.244.2.1/16 dev cni0`, /10\.244\.0\.0\/16, the pods of node2/)
  fails('pods where services are to be', bridges, checks.noOverlap({ nodes: ['node1', 'node2', 'node3'], services: '10.244.0.0/15' }), async () => {}, /overlaps 10\.244\.0\.0\/15, services/)
  fails('a node without pods', emptyNetwork, check, async () => {}, /node1 has no range for pods/)
})

describe('elsewhereStays', () => {
  const check = checks.elsewhereStays({ ...red, ...green }, '10.244.0.0/16')
  const byEachOther: Deed = ({ node1, node2 }) => Promise.all([node1`ip route add default via 192.168.1.12`, node2`ip route add default via 192.168.1.11`])
  passes('a route for each range', routed, check)
  passes('a wider one', routed, check, ({ node1 }) => node1`ip route add 10.244.0.0/16 via 192.168.1.12`)
  passes('a default that leads nowhere', routed, check, ({ node1 }) => node1`ip route add blackhole default`)
  passes('a default to a neighbour that is not there', routed, check, ({ node1 }) => node1`ip route add default via 192.168.1.99`)
  fails('a default to another node', routed, check, ({ node1 }) => node1`ip route add default via 192.168.1.12`, /^what red sends to \S+, which nobody has, leaves node1 by the wire$/)
  fails('a default in halves', routed, check, ({ node2 }) => node2`ip route add 0.0.0.0/1 via 192.168.1.13; ip route add 128.0.0.0/1 via 192.168.1.13`, /^what green sends to \S+, which nobody has, leaves node2 by the wire$/)
  fails('all that is private', routed, check, ({ node1 }) => node1`ip route add 10.0.0.0/8 via 192.168.1.12`, /^what red sends to 10\./)
  fails('a default for pods alone', routed, check, ({ node1 }) => node1`ip rule add iif cni0 table 7; ip route add default via 192.168.1.12 table 7`, /leaves node1 by the wire/)
  fails('two that lead to each other', routed, check, byEachOther, /^what red sends to \S+, which nobody has, goes in a circle: node1 and node2 send it on again and again$/)
  fails('one after the other, and no circle', routed, check, ({ node1, node2 }) => Promise.all([node1`ip route add default via 192.168.1.12`, node2`ip route add default via 192.168.1.13`]), /^what red sends to \S+, which nobody has, leaves node1 by the wire$/)
  fails('nothing passes at all', routed, check, ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0`, /^nothing shows it: what green sends to 192\.168\.1\.11, which is another node, is not seen on the wire either$/)
  fails('one who sends to a node shows nothing for another', routed, check, ({ node2 }) => node2`nft add table ip n; nft ${'add chain ip n f { type filter hook forward priority 0; }; add rule ip n f ip daddr 192.168.1.13 drop'}`, /^nothing shows it: what green sends to 192\.168\.1\.13,/)
  fails('nobody sends', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.1\.2 \(red\)/)
  changeNothing('whatever it finds', routed, [check], byEachOther)
})

describe('routeVia', () => {
  const check = checks.routeVia('node1', ALL.green, '192.168.1.12')
  passes('a route', routed, check)
  passes('a wider one', bridges, check, ({ node1 }) => node1`ip route add 10.244.2.0/23 via 192.168.1.12`)
  passes('onlink', bridges, check, ({ node1 }) => node1`ip route add 10.244.2.0/24 via 192.168.1.12 dev eth0 onlink`)
  passes('a table of its own', bridges, check, ({ node1 }) => node1`ip rule add to 10.244.0.0/16 table 7; ip route add 10.244.2.0/24 via 192.168.1.12 table 7`)
  passes('no gateway, and the neighbour answers for its pods', routed, check, async ({ node1, node2 }) => {
    await node2`sysctl -qw net.ipv4.conf.eth0.proxy_arp=1`
    await node1`ip route replace 10.244.2.0/24 dev eth0`
  })
  fails('no gateway, and nobody answers', bridges, check, ({ node1 }) => node1`ip route add 10.244.2.0/24 dev eth0`, /without a gateway, and nobody answers there/)
  fails('no route', bridges, check, async () => {}, /node1 has no route to 10\.244\.2\.2/)
  fails('the wrong neighbour', bridges, check, ({ node1 }) => node1`ip route add 10.244.2.0/24 via 192.168.1.13`, /via 192\.168\.1\.13 \(eth0\)/)
  fails('a blackhole', bridges, check, ({ node1 }) => node1`ip route add blackhole 10.244.2.0/24`, /node1 has the route `blackhole 10\.244\.2\.0\/24`/)
})

describe('reaches', () => {
  const check = checks.reaches(red, green)
  passes('by routes', routed, check)
  passes('a node reaches its pod', bridges, checks.reaches({ node1: '10.244.1.1' }, red))
  passes('behind NAT too', routed, check, ({ node1 }) => node1`iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE`)
  fails('no route', bridges, check, ({ node1 }) => node1`sysctl -qw net.ipv4.ip_forward=1`, /red does not reach green \(network is unreachable\): node1 has no route to 10\.244\.2\.2/)
  fails('no way back', routed, check, ({ node2 }) => node2`ip route del 10.244.1.0/24`, /the request arrives, the reply does not: node2 has no route to 10\.244\.1\.2/)
  fails('forwarding off where it comes from', bridges, check, async () => {}, /node1 received it on cni0 and dropped it: net\.ipv4\.ip_forward is 0 \(IpInAddrErrors \d+ → \d+\)/)
  fails('forwarding off where it goes to', routed, check, ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0`, /node2 received it on eth0 and dropped it: net\.ipv4\.ip_forward is 0 \(IpInAddrErrors \d+ → \d+\)/)
  fails('a next hop that is nobody', routed, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.99`, /node1 sends it to 192\.168\.1\.99 on eth0, and nobody has that address/)
  fails('a next hop that sends it back', routed, check, ({ node1, node3 }) => Promise.all([node1`ip route replace 10.244.2.0/24 via 192.168.1.13`, node3`ip route replace 10.244.2.0/24 via 192.168.1.11`]), /node3 sends it back to node1/)
  fails('a filter', routed, check, ({ node2 }) => node2`iptables -P FORWARD DROP`, /in node2 chain FORWARD of table ip filter drops what no rule accepts/)
  fails('an older filter', routed, check, ({ node2 }) => node2`iptables-legacy -P FORWARD DROP`, /in node2 chain FORWARD of table filter \(iptables-legacy\) drops/)
  fails('a reverse path that is another', routed, check, ({ node2 }) => node2`sysctl -qw net.ipv4.conf.eth0.rp_filter=1; ip link add other type bridge; ip link set other up; ip route replace 10.244.1.0/24 dev other`, /node2 drops it: rp_filter on eth0 is 1, and the way back to 10\.244\.1\.2 is other/)
  fails('a blackhole', routed, check, ({ node1 }) => node1`ip route del 10.244.2.0/24; ip route add blackhole 10.244.2.0/24`, /node1 has the route `blackhole 10\.244\.2\.0\/24`/)
  fails('no default route', routed, check, ({ node1 }) => node1`ip -n red route del default`, /red has no route to 10\.244\.2\.2/)
  fails('a veth that is down', routed, check, ({ node1 }) => node1`ip link set veth-red down`, /eth0 in red has no carrier: its other end, veth-red in node1, is down/)
  fails('a veth that is attached to nothing', bridges, checks.reaches(red, blue), ({ node1 }) => node1`ip link set veth-red nomaster`, /veth-red, the other end of eth0 in red, is attached to no bridge/)
  const shown = 'sysctl -qw net.bridge.bridge-nf-call-iptables=1'
  fails('a firewall for routers that is shown bridged packets', bridges, checks.reaches(red, blue), ({ node1 }) => node1`bash -ec ${`${shown}; iptables -P FORWARD DROP`}`, /stays on one bridge of node1, but net\.bridge\.bridge-nf-call-iptables is 1, and chain FORWARD of table ip filter drops/)
  passes('a firewall for routers alone', bridges, checks.reaches(red, blue), ({ node1 }) => node1`iptables -P FORWARD DROP`)
  fails('a drop on the bridge itself', bridges, checks.reaches(red, blue), ({ node1 }) => node1`ebtables -A FORWARD -p IPv4 -j DROP`, /stays on one bridge of node1, and chain FORWARD of table bridge filter there drops/)
  fails('ports that are isolated', bridges, checks.reaches(red, blue), ({ node1 }) => node1`bridge link set dev veth-red isolated on; bridge link set dev veth-blue isolated on`, /isolated ports do not talk to each other/)
  fails('two who have the address', routed, check, ({ node3 }) => node3`ip -n pink addr add 10.244.2.2/32 dev eth0`, /node2\/green \(eth0\) and node3\/pink \(eth0\) both have the address 10\.244\.2\.2 \(green\)/)
  fails("an address that is the node's", emptyNetwork, checks.reaches({ node1: '192.168.1.11' }, green), ({ node2 }) => node2`ip addr add 10.244.2.2/24 dev eth0`, /10\.244\.2\.2 is node2's own address \(eth0\), not that of green/)
})

describe('reaches keepingAddress', () => {
  const check = checks.reaches(red, green, { keepingAddress: true })
  passes('by routes', routed, check)
  passes('in a tunnel that tcpdump knows', () => tunnelled(4789), check)
  passes('in a tunnel that it does not know', () => tunnelled(4000), check)
  fails('behind NAT', routed, check, ({ node1 }) => node1`iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE`, /green sees 192\.168\.1\.11 instead of 10\.244\.1\.2, the address of red: node1 has the rule `.*masquerade`/)
  fails('behind NAT that hides a missing way back', routed, check, async ({ node1, node2 }) => {
    await node2`ip route del 10.244.1.0/24`
    await node1`nft 'add table ip t; add chain ip t p { type nat hook postrouting priority 100; }; add rule ip t p oifname eth0 masquerade'`
  }, /node1 has the rule `.*masquerade`/)
  fails('behind NAT that another undoes', routed, check, async ({ node1, node2 }) => {
    await node1`iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE`
    await node2`iptables -t nat -A POSTROUTING -s 192.168.1.11 -o cni0 -j SNAT --to-source 10.244.1.2`
  }, /on the wire between the nodes red appears as 192\.168\.1\.11 instead of 10\.244\.1\.2/)
})

describe('reachEachOther', () => {
  const check = checks.reachEachOther(ALL, { keepingAddress: true })
  passes('all of them', routed, check)
  fails('one pair that does not is named, and how many more', routed, check, ({ node2 }) => node2`ip route del 10.244.1.0/24`, /^red does not reach green .*\(and 3 more of 12: blue → green, green → red, green → blue\)$/)
  fails('two addresses of one namespace are no two', bridges, checks.reachEachOther({ red: ALL.red, blue: '10.244.1.9' }), ({ node1 }) => node1`ip -n red addr add 10.244.1.9/24 dev eth0`, /both in node1\/red: nothing is between them/)
})

describe('sameLayer2', () => {
  const check = checks.sameLayer2(red, blue)
  passes('a bridge', bridges, check)
  fails('links of their own, and a node that answers for all', emptyNetwork, check, async ({ node1 }) => {
    await podsOnVeths(node1, '10.244.1.0/24', { red: ALL.red, blue: ALL.blue })
    await node1`sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.veth-red.proxy_arp=1 net.ipv4.conf.veth-blue.proxy_arp=1; ip route add 10.244.1.2 dev veth-red; ip route add 10.244.1.3 dev veth-blue`
  }, /it passed 1 router/)
})

describe('routedTimes', () => {
  const check = checks.routedTimes(red, green, 2)
  passes('two nodes are two routers', routed, check)
  passes('a reply that is lost does not matter', routed, check, ({ node2 }) => node2`ip route del 10.244.1.0/24`)
  passes('a third in between is three', routed, checks.routedTimes(red, green, 3), ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.13`)
  fails('a third in between is not two', routed, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.13`, /reached green with 61: it passed 3 routers/)
  fails('one layer 2 over all nodes is none', bridges, check, async ({ node1, node2 }) => {
    for (const node of [node1, node2]) await node`ip link set eth0 master cni0`
    await node1`ip -n red route add 10.244.2.0/24 dev eth0`
    await node2`ip -n green route add 10.244.1.0/24 dev eth0`
  }, /reached green with 64: it passed no router/)
})

describe('plainOnTheWire', () => {
  const check = checks.plainOnTheWire(red, green)
  passes('by routes', routed, check)
  fails('VXLAN', () => tunnelled(4789), check, async () => {}, /inside packets from 192\.168\.1\.\d+ to 192\.168\.1\.\d+ \(VXLAN\)/)
  fails('VXLAN on the port that Linux took', () => tunnelled(8472), check, async () => {}, /inside packets from 192\.168\.1\.\d+/)
  fails('VXLAN on a port that tcpdump does not know', () => tunnelled(4000), check, async () => {}, /inside packets from 192\.168\.1\.\d+ to 192\.168\.1\.\d+ \(VXLAN\)/)
  fails('a tunnel for the replies only', () => tunnelled(4000), check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.12`, /inside packets from 192\.168\.1\.12 to 192\.168\.1\.11 \(VXLAN\)/)
  fails('NAT', routed, check, ({ node1 }) => node1`iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE`, /192\.168\.1\.11/)
  fails('one node', bridges, checks.plainOnTheWire(red, blue), async () => {}, /both on node1: their packets cross no wire/)
})

describe('freshPod', () => {
  const check = checks.freshPod('node2', '10.244.2.1', ALL)
  passes('where whole ranges are routed', routed, check)
  fails('where each pod has a route of its own', routed, check, ({ node1 }) => node1`ip route del 10.244.2.0/24; ip route add 10.244.2.2 via 192.168.1.12`, /red does not reach a new pod with the address 10\.244\.2\.\d+ on cni0 of node2/)
  fails('no bridge that has the address', bridges, check, ({ node2 }) => node2`ip addr flush dev cni0`, /no bridge of node2 has the address 10\.244\.2\.1/)
  fails('where the new pod finds no way back', routed, check, ({ node2 }) => node2`ip route del 10.244.1.0/24`, /red does not reach a new pod with the address 10\.244\.2\.\d+ on cni0 of node2 \(no answer\): the request arrives, the reply does not: node2 has no route to 10\.244\.1\.2/)

  test('ends with whoever made it', async () => {
    const network = await routed()
    const before = await network.snapshot()
    const pod = await start(network.bench().place('node1'), ['/usr/local/lib/hardway/fresh-pod', 'hwfresh-test', 'cni0', '10.244.1.200/24', '10.244.1.1'], output => output.includes('ready'), UNHURRIED.leastMs)
    expect(await network.snapshot()).toContain('hwfresh-test')
    await pod.stop()
    await expect.poll(() => network.snapshot()).toBe(before)
  })

  test('ends with its input', async () => {
    const network = await routed()
    const before = await network.snapshot()
    await network.bench().place('node1').exec(['/usr/local/lib/hardway/fresh-pod', 'hwfresh-test', 'cni0', '10.244.1.200/24', '10.244.1.1'])
    expect(await network.snapshot()).toBe(before)
  })
})

describe('allReach', () => {
  const check = checks.allReach({ ...red, ...blue }, { node1: '10.244.1.1' })
  passes('all of them do', bridges, check)
  fails('one of them does not', bridges, check, ({ node1 }) => node1`ip link set veth-blue nomaster`, /^blue does not reach node1/)
})

describe('a look', () => {
  const everything = [
    checks.isSeparateNamespace('node1', 'red'), checks.loopbackWorks('node1', 'red'), checks.vethPair('node1', 'red'),
    checks.ownsAddress('node1/red', ALL.red), checks.bridgeOwns('node1', '10.244.1.1'), checks.bridgePortFor('node1', red),
    checks.freshPod('node2', '10.244.2.1', ALL), checks.defaultRouteTo(red, '10.244.1.1'), checks.forwards('node1'),
    checks.noOverlap({ nodes: ['node1', 'node2', 'node3'] }), checks.routeVia('node1', ALL.green, '192.168.1.12'),
    checks.plainOnTheWire(red, green), checks.reaches(red, green, { keepingAddress: true }), checks.reachesItself(red),
    checks.allReach({ ...red, ...blue }, { node1: '10.244.1.1' }, { keepingAddress: true }),
    checks.reachEachOther(ALL, { keepingAddress: true }), checks.routedTimes(red, green, 2), checks.sameLayer2(red, blue),
  ]

  for (const [title, make] of [['a right network', routed], ['a wrong one', bridges], ['an empty one', emptyNetwork]] as const) {
    changeNothing(`changes nothing on ${title}`, make, everything)
  }

  test('all checks at once pass on a right network', async () => {
    const network = await routed()
    const judged = await judgeAll(everything, async () => network.bench(), UNTIL_RIGHT)
    expect(judged.filter(({ verdict }) => verdict.status !== 'pass')).toEqual([])
  })

  test('a missing tool is nobody\'s mistake', async () => {
    const network = await routed()
    await network.node1`rm /usr/local/lib/hardway/probe`
    for (const check of [checks.reaches(red, green), checks.loopbackWorks('node1', 'red'), checks.plainOnTheWire(red, green)]) {
      const verdict = await network.look(check)
      expect(verdict.status).toBe('unknown')
      expect(verdict.evidence).not.toEqual([])
    }
  })

  test('a tool that says nonsense is nobody\'s mistake', async () => {
    const network = await routed()
    await network.node1`printf '#!/bin/sh\necho "[{broken"\n' >/usr/local/bin/bridge; chmod +x /usr/local/bin/bridge`
    expect(await network.look(checks.bridgePortFor('node1', red))).toMatchObject({ status: 'unknown', because: expect.stringContaining('could not read what `bridge -j -d link` said') as unknown })
  })

  test('services of the learner go on, on their own ports', async () => {
    const network = await routed()
    // All ports but a handful are taken, for TCP or for UDP.
    await network.node1`ip netns exec red sysctl -qw net.ipv4.ip_local_port_range='40000 40009'`
    await network.node1`bash -c ${'for port in 40000 40001 40002 40003; do ip netns exec red socat -u TCP-LISTEN:$port,fork /dev/null & ip netns exec red socat -u UDP-RECV:$((port + 4)) /dev/null & done >/dev/null 2>&1; sleep 0.3'}`
    expect(await network.settles(checks.reaches(green, red), 'pass')).toMatchObject({ status: 'pass' })
  })
})
