// What a Service does: each claim holds of a right one, whatever its rules are called, and fails for each reason that it can name.
import { describe, expect } from 'vitest'
import { BACKENDS, BEAT, CLIENTS, LEAVING, RENDEZVOUS, servicePods } from '../../fixtures/networks/index.ts'
import { serviceAnswers, serviceHairpin, serviceLeavesOut, serviceLetsGo, serviceOnlyAt, serviceRefuses, serviceShares, serviceUsesAll } from '../../checks/index.ts'
import { emptyNetwork, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

const VIP = '10.96.0.42'
const { red, green, violet } = CLIENTS
const service = { at: `${VIP}:29500`, backends: BACKENDS, targetPort: RENDEZVOUS }
const beat = { at: '10.96.0.43:5140', protocol: 'udp', backends: { b3: BACKENDS.b3 }, targetPort: BEAT } as const
const nodes = { node1: '192.168.1.11', node3: '192.168.1.13' }
const AT = `-d ${VIP} -p tcp --dport 29500`
const chance = (probability: string): string => `-m statistic --mode random --probability ${probability}`

const onEach = (script: string): Deed => network => Promise.all([network.node1, network.node2, network.node3].map(node => node`bash -ec ${script}`))
const on = (name: 'node1' | 'node2' | 'node3', script: string): Deed => network => network[name]`bash -ec ${script}`
const EVEN = [chance('0.3333'), chance('0.5'), '']
const rules = (chances: readonly string[] = EVEN, addresses: readonly string[] = Object.values(BACKENDS)): string => `iptables-restore --noflush <<'END'
*nat
:S - [0:0]
${addresses.map((address, index) => `-A S -p tcp ${chances[index] ?? ''} -j DNAT --to-destination ${address}:${RENDEZVOUS}`).join('\n')}
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING ${AT} -j S
-A OUTPUT ${AT} -j S
COMMIT
END`

async function pods(): Promise<Network> {
  const network = await emptyNetwork()
  await servicePods(network, { bridgedFramesToo: true })
  await onEach('ip route add default via 192.168.1.200')(network)
  return network
}
async function whole(): Promise<Network> {
  const network = await pods()
  await onEach(rules())(network)
  return network
}
const itself = 'for a in 1.2 1.3 2.2; do iptables -t nat -A POSTROUTING -s 10.244.$a -d 10.244.$a -j MASQUERADE; done'
const ports = inTurn(on('node1', 'bridge link set dev veth-b1 hairpin on; bridge link set dev veth-b2 hairpin on'), on('node2', 'bridge link set dev veth-b3 hairpin on'))

describe('serviceAnswers', () => {
  const check = serviceAnswers({ red, violet }, service)
  const fromNodes = serviceAnswers(nodes, service)
  test('it says who is answered, by whom', () => {
    expect(check.claim).toBe('red and violet are answered at 10.96.0.42:29500, always, by b1, b2 or b3, which sees who asks')
    expect(serviceAnswers({ red }, beat).claim).toBe('red is answered at 10.96.0.43:5140/udp, always, by b3, which sees who asks')
  })
  test('a Service has an address and a port', () => {
    expect(() => serviceAnswers({ red }, { ...service, at: VIP })).toThrow('expected an address and a port, for example 10.96.0.42:29500, and got 10.96.0.42')
  })
  passes('three backends by chance', whole, check)
  passes('nodes, which ask by an address of theirs', whole, fromNodes)
  fails('nobody has heard of the address', pods, check, async () => {}, /^red is not answered at 10\.96\.0\.42:29500 \(no answer\)/)
  fails('chances that do not sum up', whole, check, onEach(rules([chance('0.33'), chance('0.33'), chance('0.33')])), /^of (24|64) times that (red|violet) asks at 10\.96\.0\.42:29500, \d+ are not answered \((no answer|no route to host)( and (no answer|no route to host))?\); the rest by b1 \(\d+\), b2 \(\d+\) and b3 \(\d+\)/)
  fails('one backend of three has moved away', whole, check, onEach(rules(EVEN, [BACKENDS.b1, '10.244.1.99', BACKENDS.b3])), /^of (24|64) times .* are not answered \(.*\); the rest by b1 \(\d+\) and b3 \(\d+\), none by b2/)
  fails('an answer that passes the node by', whole, check, on('node1', 'sysctl -qw net.bridge.bridge-nf-call-iptables=0'), /b[12] hears it, and its answer does not come back/)
  fails('somebody hides the client', whole, check, onEach('iptables -t nat -A POSTROUTING -j MASQUERADE'), /^b[123] sees 10\.244\.1\.1, an address of node1, when red asks, whose address is 10\.244\.1\.4: node1 has the rule|^b3 sees 192\.168\.1\.11, an address of node1, when red asks/)
  fails('somebody else answers', whole, check, inTurn(onEach(rules([''], [LEAVING.old])), on('node3', `setsid ip netns exec old serve old ${RENDEZVOUS} </dev/null >/dev/null 2>&1 & for _ in $(seq 200); do [ -n "$(ip netns exec old ss -Hnlt sport = :${RENDEZVOUS})" ] && exit 0; sleep 0.02; done`)), /^old answers red at 10\.96\.0\.42:29500, and not b1, b2 or b3$/)
  fails('a node without a route', whole, fromNodes, onEach('ip route del default'), /^node1 is not answered at 10\.96\.0\.42:29500 \(network is unreachable\)/)
  fails('a node whose own packets nobody changes', whole, fromNodes, onEach('iptables -t nat -F OUTPUT'), /^node1 is not answered at 10\.96\.0\.42:29500/)
})

describe('serviceShares', () => {
  const check = serviceShares({ red, green, violet }, service)
  test('it says who gets what', () => {
    expect(check.claim).toBe('b1, b2 and b3 each get a third of what red, green and violet ask at 10.96.0.42:29500')
    expect(serviceShares({ red }, beat).claim).toBe('b3 gets all of what red asks at 10.96.0.43:5140/udp')
  })
  passes('thirds', whole, check)
  passes('in turn', whole, check, onEach(rules(['-m statistic --mode nth --every 3 --packet 0', '-m statistic --mode nth --every 2 --packet 0', ''])))
  test('its evidence has the figures', async () => {
    const network = await whole()
    const verdict = await network.settles(check, 'pass')
    expect(verdict.evidence[0]?.stdout).toMatch(/^red, green and violet: b1 \d+, b2 \d+ and b3 \d+ of (?:600, 135 to 269 each\nred: .* of 200, 31 to 106|1500, 392 to 612 each\nred: .* of 500, 108 to 229) each\n[^]*one of these 24 bounds is passed less than once in 1,000,000 looks/)
  })
  fails('a third, a third and the rest', whole, check, onEach(rules([chance('0.3333'), chance('0.3333'), ''])), /^of (1500|500|600|200) times that .* asks?, b[23] is sent \d+, where \d+ to \d+ could be chance: b1 \d+, b2 \d+ and b3 \d+$/)
  fails('the rest first', whole, check, onEach(rules(['', '', ''])), /, b1 is sent 600, where 135 to 269 could be chance/)
  fails('one node does as it likes', whole, check, on('node3', rules([chance('0.9'), chance('0.5'), ''])), /could be chance/)
  fails('some are not answered', whole, check, onEach(rules([chance('0.33'), chance('0.33'), chance('0.33')])), /are not answered/)
})

describe('serviceHairpin', () => {
  const check = serviceHairpin(service)
  test('it says who is answered by whom', () => {
    expect(check.claim).toBe('b1, b2 and b3 are answered at 10.96.0.42:29500, always, also by themselves')
  })
  passes('both halves', whole, check, inTurn(onEach(itself), ports))
  fails('no half', whole, check, async () => {}, /^of (24|64) times that (b[123]) asks .*, \d+ are not answered \(no answer\); the rest by b[12] \(\d+\) and b[23] \(\d+\), none by \2.*; node[12] has hairpin off at veth-\2, \2's port of cni0$/)
  fails('the port alone', whole, check, ports, /none by (b[123]).*; node[12] has hairpin on at veth-\1/)
  fails('the source alone', whole, check, onEach(itself), /none by (b[123]).*; node[12] has hairpin off at veth-\1/)
  fails('everything hidden', whole, check, inTurn(onEach('iptables -t nat -A POSTROUTING -j MASQUERADE'), ports), /^b[123] sees .* when b1 asks, whose address is 10\.244\.1\.2/)
  fails('one that is never sent to itself', whole, check, inTurn(onEach(itself), ports, on('node1', `iptables -t nat -I PREROUTING -s ${BACKENDS.b1} ${AT} -j DNAT --to-destination ${BACKENDS.b3}:${RENDEZVOUS}`)), /^of 64 times that b1 asks at 10\.96\.0\.42:29500, it is never sent to itself$/)
})

describe('serviceUsesAll', () => {
  const check = serviceUsesAll({ red }, service)
  test('it says who is led where', () => {
    expect(check.claim).toBe('red is led to b1, to b2 and to b3 at 10.96.0.42:29500')
  })
  passes('all of them, if not evenly', pods, check, onEach(rules([chance('0.6'), chance('0.6'), ''])))
  fails('one that is left out', pods, check, onEach(rules(['-s 10.244.3.0/24', chance('0.5'), ''])), /^of 64 times that red asks at 10\.96\.0\.42:29500, it is never led to b1$/)
  fails('one that does not answer', whole, check, on('node2', 'ip -n b3 link set eth0 down'), /are not answered \(no answer\); the rest by b1/)
})

describe('serviceOnlyAt', () => {
  const check = serviceOnlyAt({ red }, service)
  test('it says what leads nowhere', () => {
    expect(check.claim).toBe('no other port of 10.96.0.42 leads red to anybody')
  })
  passes('one port', whole, check)
  fails('every port', whole, check, onEach(`iptables -t nat -A PREROUTING -d ${VIP} -p tcp -j DNAT --to-destination ${BACKENDS.b3}:${RENDEZVOUS}`), /^at port 29400 of 10\.96\.0\.42 red comes to b3, and the Service has only port 29500$/)
  fails('nobody at all', pods, check, async () => {}, /^red is not answered at 10\.96\.0\.42:29500 either \(no answer\)$/)
})

describe('serviceRefuses', () => {
  const check = serviceRefuses({ red, ...nodes }, { at: '10.96.0.44:9100' }, service)
  const reject = (rest = ''): Deed => onEach(`for c in FORWARD OUTPUT; do iptables -A $c -d 10.96.0.44 -p tcp --dport 9100 -j ${rest || 'REJECT'}; done`)
  test('it says who is refused, and is not everywhere', () => {
    expect(check.claim).toBe('red, node1 and node3 are refused at 10.96.0.44:9100 at once, and answered at 10.96.0.42:29500')
  })
  passes('by a message', whole, check, reject())
  passes('by a reset', whole, check, reject('REJECT --reject-with tcp-reset'))
  fails('by silence', whole, check, reject('DROP'), /^red is not refused at 10\.96\.0\.44:9100: no answer$/)
  fails('by another word', whole, check, reject('REJECT --reject-with icmp-host-unreachable'), /^red is not refused at 10\.96\.0\.44:9100: no route to host$/)
  fails('not for nodes', whole, check, onEach('iptables -A FORWARD -d 10.96.0.44 -p tcp --dport 9100 -j REJECT'), /^node1 is not refused/)
  fails('everything', whole, check, onEach('iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset'), /^red is not answered at 10\.96\.0\.42:29500 either \((refused|no answer)\)$/)
})

describe('serviceLeavesOut and serviceLetsGo', () => {
  const none = serviceLeavesOut({ red, ...nodes }, beat, LEAVING)
  const letGo = serviceLetsGo(beat, LEAVING)
  const TALK = `use Socket; my $to = pack_sockaddr_in 5140, inet_aton '10.96.0.43'; my @all = map { socket my $s, AF_INET, SOCK_DGRAM, 0; $s } 1 .. 30; send $_, 'x', 0, $to for @all; exit if fork;
    open $_, '+<', '/dev/null' for \\*STDIN, \\*STDOUT, \\*STDERR; for (1 .. 600) { select undef, undef, undef, 0.1; send $_, 'x', 0, $to for @all }`
  const talks = on('node1', `ip netns exec red perl -e "${TALK.replaceAll('$', '\\$')}"`)
  const beats = (old: boolean): Deed => onEach(`iptables-restore --noflush <<'END'
*nat
:B - [0:0]
${old ? `-A B -p udp ${chance('0.5')} -j DNAT --to-destination ${LEAVING.old}:${BEAT}` : ''}
-A B -p udp -j DNAT --to-destination ${BACKENDS.b3}:${BEAT}
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 10.96.0.43 -p udp --dport 5140 -j B
-A OUTPUT -d 10.96.0.43 -p udp --dport 5140 -j B
COMMIT
END`)
  const forget = on('node1', 'conntrack -D -p udp --orig-dst 10.96.0.43 >/dev/null 2>&1')
  test('they say who gets nothing', () => {
    expect(none.claim).toBe('old, which answers at 10.244.3.3:5140, gets nothing of what red, node1 and node3 ask at 10.96.0.43:5140/udp')
    expect(letGo.claim).toBe('those who have been talking at 10.96.0.43:5140/udp all along are heard by b3, and none of them by old')
  })
  passes('nothing new', pods, none, beats(false))
  fails('half of it', pods, none, beats(true), /^of 64 times that red asks at 10\.96\.0\.43:5140\/udp, \d+ are sent to old$/)
  fails('it is not there to be sent to', pods, none, inTurn(beats(false), on('node3', 'ip -n old link set eth0 down')), /^old does not answer red at 10\.244\.3\.3:5140 \(.*\): nobody could see what is sent to it$/)
  passes('talkers of now', pods, letGo, inTurn(beats(false), talks))
  passes('talkers of before, forgotten', pods, letGo, inTurn(beats(true), talks, beats(false), forget))
  fails('talkers of before', pods, letGo, inTurn(beats(true), talks, beats(false)), /^old still hears 10\.244\.1\.4:\d+ and \d+ more: node1 remembers the connection, `udp 17 .*dst=10\.96\.0\.43 .*src=10\.244\.3\.3 /)
  fails('nobody talks', pods, letGo, beats(false), /^within 3 s b3 hears nobody who goes on talking$/)
})

describe('all of them', () => {
  changeNothing('leave the nodes as they were', whole, [
    serviceAnswers({ red, violet, ...nodes }, service), serviceShares({ red, green, violet }, service), serviceHairpin(service), serviceOnlyAt({ red }, service),
    serviceRefuses({ red }, { at: '10.96.0.44:9100' }, service), serviceLeavesOut({ red }, beat, LEAVING), serviceLetsGo(beat, LEAVING),
  ])
})
