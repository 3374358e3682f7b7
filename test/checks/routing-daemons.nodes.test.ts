// Pods without a bridge, and what routing daemons tell each other, on real nodes: each check passes on a right network,
// and fails on each wrong one for the reason that it is wrong.
import { describe } from 'vitest'
import * as checks from '../../checks/index.ts'
import { podsOnRoutes } from '../../fixtures/networks/index.ts'
import { emptyNetwork, type Network, type Shells } from './network.ts'
import { changeNothing, fails, passes, type Deed } from './on-nodes.ts'

const red = { red: '10.244.1.2' }
const blue = { blue: '10.244.1.3' }
const green = { green: '10.244.2.2' }
const EE = 'ee:ee:ee:ee:ee:ee'

/** Pods without a bridge, on nodes with a default route, which leads nowhere and is there. */
async function pods(): Promise<Network> {
  const network = await emptyNetwork()
  const { node1, node2, node3 } = network
  await Promise.all([node1, node2, node3].map(node => node`sysctl -qw net.ipv4.ip_forward=1; ip route add default via 192.168.1.13`))
  await Promise.all([podsOnRoutes(node1, { ...red, ...blue }), podsOnRoutes(node2, green)])
  return network
}

interface Told {
  readonly direct?: boolean
  readonly exports?: string
  readonly more?: string
  readonly kernel?: string
}

/** BIRD on node1 and node2, which tell each other a block. */
async function bird(node: Shells['node1'], own: 1 | 2, { direct = true, exports = 'source = RTS_STATIC', more = '', kernel = 'source != RTS_DEVICE' }: Told = {}): Promise<void> {
  const config = `router id 192.168.1.1${own};
    protocol device { }
    ${direct ? 'protocol direct { ipv4; interface "eth0"; }' : ''}
    protocol static blocks { ipv4; route 10.244.${own}.0/26 blackhole; ${more} }
    protocol kernel { ipv4 { export where ${kernel}; }; }
    protocol bgp other {
      local as 64512;
      neighbor 192.168.1.1${3 - own} as 64512;
      connect delay time 1;
      connect retry time 1;
      ipv4 { import all; export where ${exports}; };
    }`
  await node`mkdir -p /run/bird; cat >/etc/bird/bird.conf <<< ${config}; bird`
}

async function told(one: Told = {}, two: Told = {}): Promise<Network> {
  const network = await pods()
  await Promise.all([bird(network.node1, 1, one), bird(network.node2, 2, two)])
  await network.node1`until birdc show protocols other | grep -q Established; do sleep 0.05; done`
  return network
}

/** And the kernel has what they told: it comes a moment after the session. */
async function learned(): Promise<Network> {
  const network = await told()
  for (const [own, other] of [[1, 2], [2, 1]] as const) await network.settles(checks.learnedRoute(`node${own}`, `10.244.${other}.0/26`, `192.168.1.1${other}`), 'pass')
  await network.settles(checks.unusedStay({ node1: '10.244.1.0/26', node2: '10.244.2.0/26' }), 'pass')
  return network
}

const nothing: Deed = async () => {}

describe('gatewayAnswers', () => {
  const check = checks.gatewayAnswers(red, '169.254.1.1', EE)
  passes('a proxy does', pods, check)
  passes('it is written down, and nobody has to', pods, check, ({ node1 }) =>
    node1`sysctl -qw net.ipv4.conf.cali-red.proxy_arp=0; ip -n red neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent`)
  // What red has learned before outlives the one who answered.
  fails('nobody does any more', pods, check, ({ node1 }) => node1`ip netns exec red arping -f -w 50 -I eth0 169.254.1.1; sysctl -qw net.ipv4.conf.cali-red.proxy_arp=0`, /^red asks on eth0 who has 169\.254\.1\.1, and nobody answers$/)
  fails('a proxy that knows no way there', pods, check, ({ node1 }) => node1`ip route del default`, /nobody answers/)
  fails('somebody else does', pods, check, ({ node1 }) => node1`ip link set cali-red address 02:00:00:00:00:01`, /^02:00:00:00:00:01 answers for 169\.254\.1\.1$/)
  fails('somebody else is written down', pods, check, ({ node1 }) => node1`ip -n red neigh replace 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent`, /written down that 169\.254\.1\.1 is 02:00:00:00:00:01/)
  fails('another gateway', pods, check, ({ node1 }) => node1`ip -n red route replace default via 192.168.1.11 dev eth0 onlink`, /^red sends it to 192\.168\.1\.11 \(eth0\)$/)
  fails('no gateway', pods, check, ({ node1 }) => node1`ip -n red route replace default dev eth0`, /without a gateway/)
  fails('no route', pods, check, ({ node1 }) => node1`ip -n red route del default`, /red has no route for it/)
})

describe('learnedRoute', () => {
  const check = checks.learnedRoute('node1', '10.244.2.0/26', '192.168.1.12')
  passes('by BIRD', told, check)
  passes('a wider range', () => told({}, { more: 'route 10.244.2.0/24 blackhole;', exports: 'net = 10.244.2.0/24' }), check)
  fails('nobody has told', pods, check, nothing, /^node1 sends 10\.244\.2\.\d+ via 192\.168\.1\.13, by the route to default \(proto boot\); node1 speaks BGP with nobody$/)
  fails('typed', pods, check, ({ node1 }) => node1`ip route add 10.244.2.0/26 via 192.168.1.12`, /not learned: somebody typed it; node1 speaks BGP with nobody$/)
  fails('typed, beside daemons that talk', () => told({}, { exports: 'false' }), check, ({ node1 }) => node1`ip route add 10.244.2.0/26 via 192.168.1.12`, /not learned: somebody typed it$/)
  fails('dressed up', pods, check, ({ node1 }) => node1`ip route add 10.244.2.0/26 via 192.168.1.12 proto bird`, /proto bird\), but speaks BGP with nobody/)
  fails('typed into the daemon', () => told({ more: 'route 10.244.2.0/26 via 192.168.1.12;' }, { exports: 'false' }), check, nothing, /BIRD on node1 has the route to 10\.244\.2\.0\/26 from its protocol blocks \(static\), not by BGP/)
  fails('a session, and no way to the next hop', () => told({ direct: false }), check, nothing, /^node1 has the route `unreachable 10\.244\.2\.0\/26 proto bird metric 32`$/)
  fails('a daemon that died', told, check, async network => {
    // The routes come a moment after the session; one that dies before leaves nothing behind.
    await network.settles(check, 'pass')
    await network.node1`kill -9 $(pidof bird)`
  }, /but speaks BGP with nobody: nobody would take it back/)
  fails('one pod in place of the block', () => told({}, { more: 'route 10.244.2.2/32 blackhole;', exports: 'net.len = 32' }), check, nothing, /by the route to default/)
  fails('another next hop', told, checks.learnedRoute('node1', '10.244.2.0/26', '192.168.1.13'), nothing, /^node1 sends 10\.244\.2\.\d+ via 192\.168\.1\.12, by the route to 10\.244\.2\.0\/26 \(proto bird\)$/)
  fails('the range is on the link', pods, check, ({ node1 }) => node1`ip route add 10.244.2.0/26 dev eth0`, /to be on eth0 itself/)
})

describe('learnedOnly', () => {
  const check = checks.learnedOnly(['node1', 'node2'], '10.244.0.0/16')
  passes('blocks', told, check)
  passes('what somebody typed was told by nobody', told, check, ({ node1 }) => node1`ip route add 172.17.0.0/16 via 192.168.1.12`)
  fails('a default', () => told({}, { more: 'route 0.0.0.0/0 via 192.168.1.13;' }), check, nothing, /^node1 has been told the way to default, by 192\.168\.1\.1\d \(proto bird\)$/)
  fails('a network of the node', () => told({}, { more: 'route 172.17.0.0/16 blackhole;' }), check, nothing, /^node1 has been told the way to 172\.17\.0\.0\/16/)
  fails('more than the pods', () => told({}, { more: 'route 10.0.0.0/8 blackhole;' }), check, nothing, /told the way to 10\.0\.0\.0\/8/)
})

describe('speaksBgpWith', () => {
  passes('one', told, checks.speaksBgpWith('node1', ['192.168.1.12']))
  passes('nobody', pods, checks.speaksBgpWith('node1', []))
  fails('nobody, where it was to be one', pods, checks.speaksBgpWith('node1', ['192.168.1.12']), nothing, /no connection from or to its port 179 is established/)
  fails('another', told, checks.speaksBgpWith('node1', ['192.168.1.13']), nothing, /does not speak BGP with 192\.168\.1\.13: it does with 192\.168\.1\.12/)
  fails('one, where it was to be nobody', told, checks.speaksBgpWith('node1', []), nothing, /^node1 speaks BGP with 192\.168\.1\.12$/)
})

describe('sendsNothingTo', () => {
  const check = checks.sendsNothingTo(['node1'], '10.244.2.0/26', 'node2')
  passes('a default elsewhere', pods, check)
  passes('no route', pods, check, ({ node1 }) => node1`ip route del default`)
  passes('what was told has been taken back', told, check, ({ node2 }) => node2`birdc down`)
  fails('what was told', told, check, nothing, /^node1 still sends 10\.244\.2\.\d+ via 192\.168\.1\.12, which is node2$/)
  fails('one half of it', pods, check, ({ node1 }) => node1`ip route add 10.244.2.32/27 via 192.168.1.12`, /which is node2/)
})

describe('unusedStay', () => {
  const check = checks.unusedStay({ node1: '10.244.1.0/26' })
  passes('in a hole', told, check)
  passes('nowhere at all', pods, check, ({ node1 }) => node1`ip route del default`)
  fails('by the default route', pods, check, nothing, /^node1 sends 10\.244\.1\.\d+, which nobody has, on to 192\.168\.1\.13$/)
  fails('the hole is not in the kernel', () => told({ kernel: 'source = RTS_BGP' }), check, nothing, /which nobody has, on to/)
  fails('onto the wire', pods, check, ({ node1 }) => node1`ip route add 10.244.1.0/26 dev eth0`, /which nobody has, out of eth0/)
})

describe('freshRoutedPod', () => {
  const check = checks.freshRoutedPod('node2', '10.244.2.0/26', { ...red, ...blue })
  passes('where blocks are told', told, check)
  fails('where one pod is told', () => told({}, { more: 'route 10.244.2.2/32 blackhole;', exports: 'net.len = 32' }), check, nothing, /does not reach a new pod on node2 with the address 10\.244\.2\.\d+/)
  fails('where nobody is told', pods, check, nothing, /^red does not reach a new pod on node2/)
})

describe('all of them', () => {
  const everything = [
    checks.gatewayAnswers(red, '169.254.1.1', EE), checks.learnedRoute('node1', '10.244.2.0/26', '192.168.1.12'), checks.learnedOnly(['node1', 'node2'], '10.244.0.0/16'),
    checks.speaksBgpWith('node1', ['192.168.1.12']), checks.unusedStay({ node1: '10.244.1.0/26', node2: '10.244.2.0/26' }), checks.freshRoutedPod('node2', '10.244.2.0/26', { ...red, ...blue }),
    checks.sendsNothingTo(['node1', 'node2'], '10.244.4.0/26', 'node3'), checks.routedTimes(red, blue, 1), checks.routedTimes(red, green, 2), checks.reachEachOther({ ...red, ...blue, ...green }, { keepingAddress: true }),
  ]

  for (const [title, make] of [['a right network', learned], ['a wrong one', pods], ['an empty one', emptyNetwork]] as const) {
    changeNothing(`change nothing on ${title}`, make, everything)
  }
})

describe('why a packet does not arrive where no bridge is', () => {
  const check = checks.reaches(red, green)
  fails('nobody answers for the gateway', told, check, ({ node1 }) => node1`sysctl -qw net.ipv4.conf.cali-red.proxy_arp=0; ip -n red neigh flush all`, /red asks on eth0 who has 169\.254\.1\.1, and nobody answers: nobody has it, and cali-red in node1 does not answer for others \(proxy_arp is 0\)/)
  fails('a proxy that knows no way there', told, check, ({ node1 }) => node1`ip route del default; ip -n red neigh flush all`, /node1 answers for others, but has no route to 169\.254\.1\.1 itself/)
  fails('beyond the gateway', told, check, ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0`, /node2 received it on eth0 and dropped it: net\.ipv4\.ip_forward is 0/)
  fails('the last metre', told, check, ({ node2 }) => node2`ip route del 10.244.2.2/32`, /node2 has the route `blackhole 10\.244\.2\.0\/26/)
})
