// The checks of tunnels on real nodes: each passes on a right network, and fails on each wrong one for its reason.
import { describe, expect } from 'vitest'
import * as checks from '../../checks/index.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { ALL, blue, bridges, emptyNetwork, green, red, routed, tunnelled, UNTIL_RIGHT, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

const vxlan = (): Promise<Network> => tunnelled(8472)
/** Pods that know how much fits into the tunnel. */
const fitting = async (port = 8472): Promise<Network> => {
  const network = await tunnelled(port)
  await podsMtu(network, 1450)
  return network
}
const podsMtu = ({ node1, node2 }: Network, mtu: number): Promise<unknown> => Promise.all([
  node1`ip -n red link set eth0 mtu ${mtu}`, node2`ip -n green link set eth0 mtu ${mtu}`,
])
/** The tunnel between node1 and node2 anew; without `dev`, it does not know what its packets have to fit into. */
const withoutDevice: Deed = ({ node1, node2 }) => Promise.all(([[node1, 1, 2], [node2, 2, 1]] as const).map(([node, own, other]) => node`bash -ec ${`
  ip link del vx
  ip link add vx up type vxlan id 5 local 192.168.1.1${own} remote 192.168.1.1${other} dstport 8472
  ip addr add 10.99.0.${own}/24 dev vx
  ip route replace 10.244.${other}.0/24 via 10.99.0.${other}`}`))
/** What a router says of packets that do not fit, thrown away. */
const speechless: Deed = ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP`))

describe('sameVxlan', () => {
  const check = checks.sameVxlan('node1', 'node2')
  const ends = (one: string, other: string): Deed => ({ node1, node2 }) => Promise.all([node1`bash -ec ${`ip link add ${one}`}`, node2`bash -ec ${`ip link add ${other}`}`])
  passes('any names, any number, any port', emptyNetwork, check, ends('one up type vxlan id 77 dstport 4000', 'other up type vxlan id 77 dstport 4000'))
  passes('one that is told the number by its routes', emptyNetwork, check, ends('one up type vxlan external dstport 4000', 'other up type vxlan id 77 dstport 4000'))
  fails('none', emptyNetwork, check, async () => {}, /^node1 has no VXLAN interface$/)
  fails('one end', emptyNetwork, check, ({ node1 }) => node1`ip link add vx up type vxlan id 1 dstport 8472`, /^node2 has no VXLAN interface$/)
  fails('an end that is down', emptyNetwork, check, ends('vx up type vxlan id 1 dstport 8472', 'vx type vxlan id 1 dstport 8472'), /^vx of node2 is down$/)
  fails('two numbers', emptyNetwork, check, ends('vx up type vxlan id 1 dstport 8472', 'vx up type vxlan id 2 dstport 8472'), /^node1 has vx with VNI 1 and port 8472, node2 has vx with VNI 2 and port 8472$/)
  fails('two ports', emptyNetwork, check, ends('vx up type vxlan id 1 dstport 8472', 'vx up type vxlan id 1 dstport 4789'), /port 8472, node2 has vx with VNI 1 and port 4789$/)
  fails('of one the port and of another the number', emptyNetwork, check, inTurn(
    ends('vx up type vxlan id 1 dstport 8472', 'vx up type vxlan id 1 dstport 4789'), ends('vy up type vxlan id 2 dstport 4789', 'vy up type vxlan id 2 dstport 8472'),
  ), /^node1 has vx with VNI 1 and port 8472 and vy with VNI 2 and port 4789, node2 has/)
})

describe('sendsIntoVxlan', () => {
  const check = checks.sendsIntoVxlan('node1', ALL.green)
  passes('by a route', vxlan, check)
  passes('by a bridge around it', vxlan, check, ({ node1 }) => node1`ip link add br0 up type bridge; ip link set vx master br0; ip addr add 10.98.0.1/24 dev br0; ip route replace 10.244.2.0/24 via 10.98.0.2`)
  fails('a plain route', vxlan, check, ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 192.168.1.12`, /^node1 sends it to 192\.168\.1\.12 by eth0, as it is$/)
  fails('no tunnel', routed, check, async () => {}, /by eth0, as it is, and has no VXLAN interface$/)
  fails('a bridge without one', vxlan, check, ({ node1 }) => node1`ip link add br0 up type bridge; ip addr add 10.98.0.1/24 dev br0; ip route replace 10.244.2.0/24 via 10.98.0.2`, /to 10\.98\.0\.2 by br0, as it is$/)
  fails('no route', vxlan, check, ({ node1 }) => node1`ip route del 10.244.2.0/24`, /node1 has no route/)
  fails('a blackhole', vxlan, check, ({ node1 }) => node1`ip route del 10.244.2.0/24; ip route add blackhole 10.244.2.0/24`, /blackhole/)
})

describe('knowsNextHop', () => {
  const check = checks.knowsNextHop('node1', ALL.green, 'node2')
  passes('it answers', vxlan, check)
  passes('it was told', vxlan, check, ({ node1, node2 }) => node2`cat /sys/class/net/vx/address`.then(({ stdout }) =>
    node1`ip neigh replace 10.99.0.2 lladdr ${stdout.trim()} dev vx nud permanent; bridge fdb del 00:00:00:00:00:00 dev vx`))
  fails('nobody answers', vxlan, check, ({ node1, node2 }) => Promise.all([node1`ip neigh flush dev vx`, node2`ip link set vx down`]), /^node1 asks on vx who has 10\.99\.0\.2, and nobody has answered$/)
  fails("another's", vxlan, check, ({ node1 }) => node1`ip neigh replace 10.99.0.2 lladdr 02:00:00:00:00:99 dev vx nud permanent`, /^node1 takes 10\.99\.0\.2 on vx to have 02:00:00:00:00:99, which no interface of node2 has$/)
  fails("the node's, and not its tunnel's", vxlan, check, ({ node1, node2 }) => node2`cat /sys/class/net/eth0/address`.then(({ stdout }) =>
    node1`ip neigh replace 10.99.0.2 lladdr ${stdout.trim()} dev vx nud permanent`), /which is that of eth0 of node2, and no end of a tunnel$/)
  passes('a bridge around the end', vxlan, check, ({ node2 }) => node2`ip addr del 10.99.0.2/24 dev vx; ip link add br0 up type bridge; ip link set vx master br0; ip addr add 10.99.0.2/24 dev br0; ip route replace 10.244.1.0/24 via 10.99.0.1`)
  fails('no route', bridges, check, async () => {}, /node1 has no route/)
})

describe('insideVxlan', () => {
  const check = checks.insideVxlan(red, green)
  for (const port of [4789, 8472, 4000]) passes(`on port ${port}`, () => tunnelled(port), check)
  passes('a node that has several addresses', vxlan, checks.insideVxlan({ node1: '192.168.1.11' }, green), ({ node1 }) => node1`ip link set vx up`)
  fails('plain', routed, check, async () => {}, /^node\d-eth0 carries a packet from 10\.244\.\d\.2 to 10\.244\.\d\.2 as it is, in no VXLAN$/)
  fails('home past it', vxlan, check, ({ node2 }) => node2`ip route replace 10.244.1.0/24 via 192.168.1.11`, /^node2-eth0 carries a packet from 10\.244\.2\.2 to 10\.244\.1\.2 as it is/)
  fails('one protocol past it', vxlan, check, ({ node1 }) => node1`ip rule add ipproto udp lookup 100; ip route add 10.244.2.0/24 via 192.168.1.12 table 100`, /^node1-eth0 carries a packet from 10\.244\.1\.2 to 10\.244\.2\.2 as it is/)
  fails('past it, and lost', vxlan, check, async ({ node1, node2 }) => {
    await node1`ip route replace 10.244.2.0/24 via 192.168.1.12`
    await node2`iptables -P FORWARD DROP`
  }, /^node1-eth0 carries a packet from 10\.244\.1\.2 to 10\.244\.2\.2 as it is/)
  fails('with another sender', vxlan, check, ({ node1 }) => node1`iptables -t nat -A POSTROUTING -o vx -j MASQUERADE`, /are not seen inside VXLAN with the addresses 10\.244\.1\.2 and 10\.244\.2\.2; the wire carries 10\.99\.0\.1 and 10\.244\.2\.2$/)
  fails('by a third node, which wraps them anew', vxlan, check, async ({ node1, node2, node3 }) => {
    await node3`ip link add vx up type vxlan id 5 dev eth0 dstport 8472; ip addr add 10.99.0.3/24 dev vx; bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.1.11; bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.1.12; ip route replace 10.244.1.0/24 via 10.99.0.1; ip route replace 10.244.2.0/24 via 10.99.0.2`
    for (const [node, other] of [[node1, 2], [node2, 1]] as const) await node`ip route replace ${`10.244.${other}.0/24`} via 10.99.0.3; bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.1.13`
  }, /is in a wrapping from 192\.168\.1\.1\d to 192\.168\.1\.1\d, which are not the addresses of the two$/)
  fails('lost', vxlan, check, ({ node2 }) => node2`iptables -A INPUT -p udp --dport 8472 -j DROP`, /^red does not reach green \(no answer\)/)
  fails('one node', vxlan, checks.insideVxlan(red, blue), async () => {}, /both on node1: their packets cross no wire/)
  fails('nobody', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.1\.2 \(red\)/)
})

describe('largestPacket', () => {
  const check = checks.largestPacket(red, green)
  passes('where the wire is the pods\' own size', routed, check)
  passes('where the pods know what fits into the tunnel', fitting, check)
  passes('on a port that tcpdump does not know', () => fitting(4000), check)
  passes('where their routes know', vxlan, check, ({ node1, node2 }) => Promise.all([
    node1`ip -n red route change default via 10.244.1.1 mtu 1450`, node2`ip -n green route change default via 10.244.2.1 mtu 1450`,
  ]))
  passes('smaller than needs be', vxlan, check, network => podsMtu(network, 600))
  passes('on one bridge', bridges, checks.largestPacket(red, blue))
  fails('pods that have to be told', vxlan, check, async () => {}, /^red may send packets of 1500 bytes, and is told on the way to green that only 1450 fit$/)
  test('pods that have been told have still to be told', async () => {
    const network = await vxlan()
    await network.settles(check, /told/)
    expect((await network.node1`ip -n red route get ${ALL.green}`).stdout).toContain('mtu 1450')
    expect(await network.settles(check, /1500/)).toMatchObject({ status: 'fail', because: expect.stringContaining('1500') as unknown })
  })
  fails('pods that nobody tells', vxlan, check, speechless, /^red may send packets of 1500 bytes, and none arrives at green, though small ones do; nobody tells red why$/)
  fails('one of the two', fitting, check, ({ node2 }) => node2`ip -n green link set eth0 mtu 1500`, /^green may send packets of 1500 bytes, and is told on the way to red that only 1450 fit$/)
  fails('a byte too many', vxlan, check, network => podsMtu(network, 1451), /packets of 1451 bytes, and is told .* only 1450 fit$/)
  fails('a tunnel that cuts', vxlan, check, withoutDevice, /^packets from red to green are too large for the way: on node1-eth0 the packets around them, from 192\.168\.1\.11 to 192\.168\.1\.12, cross in fragments$/)
  fails('a wire that is too narrow for the tunnel', fitting, check, ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`ip link set eth0 mtu 1400`)), /cross in fragments|only \d+ fit|none arrives/)
  fails('nobody there', bridges, check, async () => {}, /^red does not reach green even with a few bytes/)
})

describe('arrivesUncut', () => {
  const check = checks.arrivesUncut(red, green)
  passes('plain', routed, check)
  passes('in a tunnel', fitting, check)
  passes('in a tunnel on a port that tcpdump does not know', () => fitting(4000), check)
  passes('where pods are told how much fits', vxlan, check)
  passes('on one bridge', bridges, checks.arrivesUncut(red, blue))
  fails('where nobody tells them', vxlan, check, speechless, /^a transfer from (red to green|green to red) stands still: the connection is there, small packets arrive, and (red|green)'s kernel has taken .* without (red|green) having them$/)
  fails('a tunnel that cuts', vxlan, check, withoutDevice, /^packets from red to green are too large for the way: on node1-eth0 the packets around them, .* cross in fragments$/)
  fails('pieces that are lost', vxlan, check, inTurn(withoutDevice, ({ node2 }) => node2`nft ${'add table ip pieces; add chain ip pieces in { type filter hook prerouting priority -450; }; add rule ip pieces in ip frag-off & 0x1fff != 0 drop'}`), /cross in fragments$/)
  fails('no way', bridges, check, async () => {}, /^red cannot send to green by TCP: (network is unreachable|no connection|no route to host)/)
  fails('TCP refused to pass', fitting, check, ({ node2 }) => node2`iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset`, /^red cannot send to green by TCP: connection refused/)
})

describe('a look at tunnels', () => {
  const everything = [
    checks.sameVxlan('node1', 'node2'), checks.sendsIntoVxlan('node1', ALL.green), checks.knowsNextHop('node1', ALL.green, 'node2'),
    checks.insideVxlan(red, green), checks.largestPacket(red, green), checks.arrivesUncut(red, green),
    checks.reaches(red, green, { keepingAddress: true }), checks.routedTimes(red, green, 2),
  ]

  for (const [title, make] of [['a right network', fitting], ['a wrong one', vxlan], ['one without tunnels', routed], ['an empty one', emptyNetwork]] as const) {
    changeNothing(`changes nothing on ${title}`, make, everything)
  }

  test('all at once pass on a right network', async () => {
    const network = await fitting()
    const judged = await judgeAll(everything, async () => network.bench(), UNTIL_RIGHT)
    expect(judged.filter(({ verdict }) => verdict.status !== 'pass')).toEqual([])
  })

  test('a missing tool is nobody\'s mistake', async () => {
    const network = await fitting()
    await network.node1`rm /usr/local/lib/hardway/bulk`
    for (const check of [checks.largestPacket(red, green), checks.arrivesUncut(red, green)]) expect(await network.look(check)).toMatchObject({ status: 'unknown' })
  })

  test('a tunnel that cannot be looked into is nobody\'s mistake', async () => {
    const network = await routed()
    // Packets in UDP, with no header between.
    await Promise.all(([[network.node1, 1, 2], [network.node2, 2, 1]] as const).map(([node, own, other]) => node`bash -ec ${`
      socat UDP4-DATAGRAM:192.168.1.1${other}:9999,bind=:9999 TUN:10.96.0.${own}/24,up,tun-name=raw,iff-no-pi </dev/null >/dev/null 2>&1 &
      until ip route replace 10.244.${other}.0/24 via 10.96.0.${other} dev raw 2>/dev/null; do sleep 0.02; done`}`))
    await podsMtu(network, 1400)
    for (const check of [checks.largestPacket(red, green), checks.arrivesUncut(red, green)]) {
      await network.settles(checks.reaches(red, green), 'pass')
      await expect.poll(() => network.look(check)).toMatchObject({ status: 'unknown', because: expect.stringContaining('no packet of it can be told from others') as unknown })
    }
    expect(await network.settles(checks.insideVxlan(red, green), /none of its packets is seen in VXLAN/)).toMatchObject({ status: 'fail', because: expect.stringContaining('none of its packets is seen in VXLAN') as unknown })
  })

  test('a tunnel in a tunnel is looked into', async () => {
    const network = await fitting()
    await Promise.all(([[network.node1, 1, 2], [network.node2, 2, 1]] as const).map(([node, own, other]) => node`bash -ec ${`
      ip link add vy mtu 1400 up type vxlan id 6 local 10.99.0.${own} remote 10.99.0.${other} dstport 8473
      ip addr add 10.97.0.${own}/24 dev vy
      ip route replace 10.244.${other}.0/24 via 10.97.0.${other}`}`))
    await podsMtu(network, 1400)
    expect(await network.settles(checks.arrivesUncut(red, green), 'pass')).toMatchObject({ status: 'pass' })
  })
})
