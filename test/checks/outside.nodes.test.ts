// Who is seen from outside, what is remembered, and who is kept out: each check passes on a right network, and fails for each reason that it
// can name.
import { describe, expect } from 'vitest'
import { arrivesFrom, cannotReach, freshPod, freshPodSeenAs, reaches, seenAs } from '../../checks/index.ts'
import { blue, bridges, emptyNetwork, green, red, routed, tunnelled, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

/** node3 is the outside: it has no route to any pod. */
const outside = { node3: '192.168.1.13' }
const node1 = { node1: '192.168.1.11' }

async function forwarding(): Promise<Network> {
  const network = await bridges()
  await network.node1`sysctl -qw net.ipv4.ip_forward=1`
  return network
}

const translating = (rules: string): Deed => ({ node1 }) => node1`nft ${`add table ip t; add chain ip t post { type nat hook postrouting priority srcnat; }; ${rules}`}`
const masquerade = (rest = ''): Deed => translating(`add rule ip t post ip saddr 10.244.1.0/24 oifname "eth0" masquerade ${rest}`)

describe('seenAs', () => {
  const check = seenAs({ ...red, ...blue }, outside, node1)
  const one = seenAs(red, outside, node1)
  test('it says who sees whom', () => {
    expect(check.claim).toBe("node3 sees node1's address, 192.168.1.11, when red and blue ask")
    expect(seenAs(red, outside, '192.168.1.11').claim).toBe('node3 sees 192.168.1.11 when red asks')
  })
  passes('by masquerade', forwarding, check, masquerade())
  passes('by masquerade that takes another port', forwarding, check, masquerade('random'))
  passes('a node is seen as it is', forwarding, seenAs(node1, outside, '192.168.1.11'))
  passes('by an address that is nobody\'s, and that a node answers for', forwarding, seenAs(red, outside, '192.168.1.99'),
    inTurn(translating('add rule ip t post ip saddr 10.244.1.0/24 snat to 192.168.1.99'), ({ node1 }) => node1`ip neigh add proxy 192.168.1.99 dev eth0; sysctl -qw net.ipv4.neigh.eth0.proxy_delay=0; ip route add 192.168.1.99 dev cni0; sysctl -qw net.ipv4.conf.eth0.proxy_arp=1`))
  fails('nobody translates, and the outside has no way back', forwarding, check, async () => {}, /the request arrives, the reply does not: .*node3 has no route to 10\.244\.1\.2/)
  fails('the request does not get there', bridges, check, masquerade(), /node1 .*net\.ipv4\.ip_forward is 0/)
  fails('one of them is not translated', forwarding, check, translating('add rule ip t post ip saddr 10.244.1.2 masquerade'), /blue does not reach node3/)
  fails('only TCP is', forwarding, check, masquerade('; add rule ip t post ip protocol udp return; insert rule ip t post ip protocol udp accept'), /red reaches node3 by TCP, but not by UDP/)
  fails('the outside was told a way back', forwarding, check, ({ node3 }) => node3`ip route add 10.244.1.0/24 via 192.168.1.11`, /^node3 sees 10\.244\.1\.2, red's own address: nobody has changed it, and node3 knows a way back to it, via 192\.168\.1\.11$/)
  fails('another address of the node', forwarding, check, inTurn(translating('add rule ip t post ip saddr 10.244.1.0/24 snat to 192.168.1.21'), ({ node1 }) => node1`ip addr add 192.168.1.21/24 dev eth0`),
    /^node3 sees 192\.168\.1\.21, an address of node1, instead of 192\.168\.1\.11: node1 has the rule `ip saddr 10\.244\.1\.0\/24 snat to 192\.168\.1\.21`$/)
  fails('an address that nobody has', forwarding, check, translating('add rule ip t post ip saddr 10.244.1.0/24 snat to 192.168.1.99'), /the request arrives, the reply does not: .*192\.168\.1\.99.*nobody has that address/)
  fails('the outside changes it for itself', forwarding, check, ({ node3 }) => node3`
    ip route add 10.244.1.0/24 via 192.168.1.11
    nft ${'add table ip lie; add chain ip lie in { type nat hook input priority 100; }; add rule ip lie in ip saddr 10.244.1.0/24 snat to 192.168.1.11'}`,
  /^the wire carries red's packets from 10\.244\.1\.2: only node3 itself takes them to be from 192\.168\.1\.11$/)
  fails('it asks from another address of its own', forwarding, one, inTurn(masquerade(), ({ node1 }) => node1`ip -n red addr add 10.244.1.9/24 dev eth0; ip -n red route replace default via 10.244.1.1 src 10.244.1.9`), /^red sends from 10\.244\.1\.9, not from 10\.244\.1\.2$/)
  fails('nobody asks', emptyNetwork, one, async () => {}, /no namespace has the address 10\.244\.1\.2 \(red\)/)
  fails('nothing is between them', forwarding, seenAs(red, red, node1), async () => {}, /are both in node1\/red: nothing is between them/)
})

describe('who changed it', () => {
  const check = reaches(red, green, { keepingAddress: true })
  const right = 'add rule ip t post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade'
  passes('what is not for a pod', routed, check, translating(right))
  fails('the rule that can have done it is named, and not the one before it', routed, check, translating(`${right}; add rule ip t post ip daddr 10.244.2.0/23 masquerade`), /^green sees 192\.168\.1\.11 instead of 10\.244\.1\.2, the address of red: node1 has the rule `ip daddr 10\.244\.2\.0\/23 masquerade`$/)
  fails('one in the older tables is found beside a right one', routed, check, inTurn(translating(right), ({ node1 }) => node1`iptables-legacy -t nat -A POSTROUTING -s 10.244.1.0/24 -j MASQUERADE`), /: node1 has the rule `-A POSTROUTING -s 10\.244\.1\.0\/24 -j MASQUERADE`$/)
  const back = (to: string): Deed => ({ node2 }) => node2`nft ${`add table ip b; add chain ip b post { type nat hook postrouting priority srcnat; }; add rule ip b post meta l4proto { tcp, udp } ip saddr 192.168.1.11 snat to ${to}`}`
  const hidden = translating('add rule ip t post ip daddr 10.244.2.0/24 masquerade random')
  fails('two rewritings that cancel out, with a port by chance', routed, check, inTurn(hidden, back('10.244.1.2')), /^on the wire between the nodes red appears as 192\.168\.1\.11 instead of 10\.244\.1\.2/)
  fails('two rewritings that cancel out, and no port is what it was', routed, check, inTurn(hidden, back('10.244.1.2:20000-30000 random')), /^on the wire between the nodes 192\.168\.1\.11 asks green, by a port that nobody has who asks it: node1 has the rule `.*masquerade random`/)
})

describe('freshPodSeenAs', () => {
  const check = freshPodSeenAs('node1', '10.244.1.1', outside, node1)
  test('it says who sees whom', () => {
    expect(check.claim).toBe("node3 sees node1's address, 192.168.1.11, when a new pod on node1 asks, without another command")
  })
  passes('by masquerade', forwarding, check, masquerade())
  fails('a rule for each pod of today', forwarding, check, translating('add rule ip t post ip saddr { 10.244.1.2, 10.244.1.3 } masquerade'),
    /^a new pod on node1 with the address 10\.244\.1\.\d+ does not reach node3 \(no answer\): what it sends arrives, from 10\.244\.1\.\d+, and the answer does not$/)
  fails('nothing gets out', bridges, check, masquerade(), /does not reach node3 \(no answer\)$/)
  fails('the outside was told a way back', forwarding, check, ({ node3 }) => node3`ip route add 10.244.1.0/24 via 192.168.1.11`, /^node3 sees 10\.244\.1\.\d+, the new pod's own address$/)
  fails('no gateway', emptyNetwork, check, async () => {}, /no bridge of node1 has the address 10\.244\.1\.1/)
})

describe('freshPod that keeps addresses', () => {
  const check = freshPod('node2', '10.244.2.1', { ...red, pink: '10.244.3.2' }, { keepingAddress: true })
  test('it says whom the new pod sees', () => {
    expect(check.claim).toBe("a new pod on node2 is reached by red and pink at once, without another command, and sees each one's own address")
  })
  test('a claim of nobody is none', () => {
    expect(() => freshPod('node2', '10.244.2.1', {})).toThrow('expected one end at least')
    expect(() => seenAs([], outside, node1)).toThrow('expected one end at least')
    expect(() => cannotReach(red, green, { though: {}, still: outside })).toThrow('expected one end at least')
  })
  passes('what is for pods is left alone', routed, check, translating('add rule ip t post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade'))
  fails('what is for the pods of today is', routed, check, translating('add rule ip t post ip saddr 10.244.0.0/16 ip daddr != { 10.244.1.2, 10.244.2.2, 10.244.3.2 } masquerade'),
    /^a new pod with the address 10\.244\.2\.\d+ on cni0 of node2 sees 192\.168\.1\.11 instead of 10\.244\.1\.2, the address of red: node1 has the rule `.*masquerade`$/)
})

describe('arrivesFrom', () => {
  const check = arrivesFrom(green, 9000, red)
  /** Ten times a second, from one socket, until the lab ends. */
  const talking: Deed = ({ node1, node2 }) => Promise.all([
    node2`setsid -f ip netns exec green socat -u UDP-RECV:9000 /dev/null </dev/null >/dev/null 2>&1`,
    node1`setsid -f ip netns exec red bash -c ${'exec 3<>/dev/udp/10.244.2.2/9000; while :; do echo hello >&3; sleep 0.1; done'} </dev/null >/dev/null 2>&1`,
  ])
  const translated: Deed = ({ node1 }) => node1`until conntrack -L -p udp --dport 9000 2>/dev/null | grep -q 'dst=192.168.1.11 '; do sleep 0.05; done`
  const lie: Deed = ({ node2 }) => node2`nft ${'add table ip lie; add chain ip lie pre { type filter hook prerouting priority 0; }; add rule ip lie pre udp dport 9000 ip saddr 192.168.1.11 ip saddr set 10.244.1.2'}`
  test('it says what arrives where', () => {
    expect(check.claim).toBe("what arrives at green on UDP port 9000 is from red's own address, 10.244.1.2")
  })
  passes('as it was sent', routed, check, talking)
  passes('between two pods of one node', routed, arrivesFrom(blue, 9000, red), ({ node1 }) => node1`setsid -f ip netns exec red bash -c ${'exec 3<>/dev/udp/10.244.1.3/9000; while :; do echo hello >&3; sleep 0.1; done'} </dev/null >/dev/null 2>&1`)
  passes('an answer that is for the node as long as it is on the wire', forwarding, arrivesFrom(red, 123, outside), inTurn(
    masquerade('random'),
    // socat ends at a refusal, so nobody asks before somebody listens.
    ({ node3 }) => node3`setsid -f socat UDP-LISTEN:123,fork,reuseaddr SYSTEM:cat </dev/null >/dev/null 2>&1; until ss -Huln sport = 123 | grep -q .; do sleep 0.01; done`,
    ({ node1 }) => node1`setsid -f ip netns exec red bash -c ${'while :; do echo what time; sleep 0.1; done | socat - UDP:192.168.1.13:123,sourceport=123,reuseaddr'} </dev/null >/dev/null 2>&1`,
  ))
  fails('a connection that was begun under another rule', routed, check, inTurn(masquerade(), talking, translated, ({ node1 }) => node1`nft replace rule ip t post handle 2 ip daddr 192.168.1.99 masquerade`),
    /^it is from 192\.168\.1\.11, an address of node1: node1 translates a connection that red has open, and expects the answer as src=10\.244\.2\.2 dst=192\.168\.1\.11 sport=9000 dport=\d+$/)
  fails('somebody else sends', routed, check, ({ node3 }) => node3`setsid -f ip netns exec pink bash -c ${'exec 3<>/dev/udp/10.244.2.2/9000; while :; do echo hello >&3; sleep 0.1; done'} </dev/null >/dev/null 2>&1`, /^it is from 10\.244\.3\.2, an address of pink: /)
  fails('nobody sends', routed, check, async () => {}, /^nothing arrived within 1\.5 s$/)
  fails('it ends on the way', routed, check, inTurn(talking, ({ node2 }) => node2`iptables -A FORWARD -p udp --dport 9000 -j DROP`), /^nothing arrived within 1\.5 s, though the wire carries packets from 10\.244\.1\.2$/)
  fails('only the receiver takes it for that', routed, check, inTurn(masquerade(), lie, talking),
    /^on the wire it is from 192\.168\.1\.11: only green itself takes it to be from 10\.244\.1\.2$/)
  fails('only the receiver takes it for that, and the sender says other things too', routed, check, inTurn(translating('add rule ip t post udp dport 9000 ip saddr 10.244.1.0/24 masquerade'), lie, talking,
    ({ node1 }) => node1`setsid -f ip netns exec red bash -c ${'exec 3<>/dev/udp/192.168.1.13/7777; while :; do echo more >&3; sleep 0.01; done'} </dev/null >/dev/null 2>&1`), /^on the wire it is from 192\.168\.1\.11: only green itself/)
  fails('nobody is there', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.2\.2 \(green\)/)
  test('what cannot be seen on the wire is not taken to agree', async () => {
    const network = await tunnelled(4789)
    await talking(network)
    const { node2 } = network
    await node2`ip netns exec green timeout 50 tcpdump -c 1 -i any --immediate-mode -Z root udp port 9000 2>/dev/null`
    // Whoever says something ten times a second may say nothing for a while, on a busy machine.
    await expect.poll(() => network.look(check)).toMatchObject({ status: 'unknown', because: expect.stringContaining('on the wire') as unknown })
  })
})

describe('cannotReach', () => {
  const pink = { pink: '10.244.3.2' }
  const kept = { though: { ...blue, ...green }, still: outside }
  const check = cannotReach(pink, red, kept)
  const drop = (rule: string): Deed => ({ node1 }) => node1`iptables ${['-A', 'FORWARD', ...rule.split(' ')]}`
  test('it says who is kept from whom', () => {
    expect(check.claim).toBe('pink does not reach red, though blue and green do, and pink still reaches node3')
    expect(cannotReach(green, red, { though: blue, still: outside, by: 'silence' }).claim).toBe('green hears nothing from red, though blue reaches it, and green still reaches node3')
    expect(cannotReach(green, red, { though: { ...blue, ...pink }, still: outside, by: 'refusal' }).claim).toBe('green is refused by red, though blue and pink reach it, and green still reaches node3')
  })
  passes('dropped', routed, check, drop('-s 10.244.3.2 -j DROP'))
  passes('dropped, and so silent', routed, cannotReach(pink, red, { ...kept, by: 'silence' }), drop('-s 10.244.3.2 -j DROP'))
  passes('rejected, and so refused', routed, cannotReach(pink, red, { ...kept, by: 'refusal' }), drop('-s 10.244.3.2 -j REJECT'))
  passes('no route, and so unreachable', routed, cannotReach(pink, red, { ...kept, by: 'unreachable' }), ({ node3 }) => node3`ip route del 10.244.1.0/24`)
  fails('nothing stops it', routed, check, async () => {}, /^pink reaches red by TCP and UDP$/)
  fails('only TCP is stopped', routed, check, drop('-s 10.244.3.2 -p tcp -j DROP'), /^pink reaches red by UDP$/)
  fails('only UDP is stopped', routed, check, drop('-s 10.244.3.2 -p udp -j DROP'), /^pink reaches red by TCP$/)
  fails('it arrives, and only the answer is stopped', routed, check, drop('-d 10.244.3.2 -j DROP'), /^pink's packets arrive at red, seen there as 10\.244\.3\.2: only the answers are lost$/)
  fails('somebody else answers', routed, check, ({ node1 }) => node1`
    setsid -f socat TCP-LISTEN:7777,fork,reuseaddr SYSTEM:'read line; echo not me' </dev/null >/dev/null 2>&1
    iptables -t nat -A PREROUTING -s 10.244.3.2 -p tcp -j REDIRECT --to-ports 7777
    iptables -A FORWARD -s 10.244.3.2 -j DROP`, /^somebody answers pink in place of red: "not me\??"$/)
  fails('nobody gets through', routed, check, ({ node1 }) => node1`ip link set veth-red down`, /^nothing shows that pink is kept from red: blue does not reach red /)
  fails('the client is down', routed, check, ({ node3 }) => node3`ip -n pink link set eth0 down`, /^nothing shows that pink is kept from red: pink does not reach node3 /)
  fails('dropped, where it should be refused', routed, cannotReach(pink, red, { ...kept, by: 'refusal' }), drop('-s 10.244.3.2 -j DROP'), /^pink does not reach red \(no answer\): that is not a refusal$/)
  fails('refused, where it should be silent', routed, cannotReach(pink, red, { ...kept, by: 'silence' }), drop('-s 10.244.3.2 -j REJECT'), /^pink does not reach red \(refused\): that is not silence$/)
  fails('silent by one and refused by the other', routed, cannotReach(pink, red, { ...kept, by: 'silence' }), inTurn(drop('-s 10.244.3.2 -p udp -j DROP'), drop('-s 10.244.3.2 -j REJECT')), /TCP: refused, UDP: no answer\): that is not silence$/)
  fails('nobody is there', emptyNetwork, check, async () => {}, /no namespace has the address 10\.244\.3\.2 \(pink\)/)
  fails('nothing is between them', routed, cannotReach(red, red, kept), async () => {}, /are both in node1\/red: nothing is between them/)
})

describe('looking from outside', () => {
  const everything = [
    seenAs({ ...red, ...blue }, outside, node1), freshPodSeenAs('node1', '10.244.1.1', outside, node1), arrivesFrom(green, 9000, red),
    cannotReach({ pink: '10.244.3.2' }, red, { though: blue, still: outside }),
  ]
  for (const [title, make, deed] of [['a network that translates', forwarding, masquerade()], ['a wrong one', routed, async () => {}], ['an empty one', emptyNetwork, async () => {}]] as const) {
    changeNothing(`changes nothing on ${title}`, make, everything, deed)
  }

  test('a missing probe is nobody\'s mistake', async () => {
    const network = await forwarding()
    await network.node1`rm /usr/local/lib/hardway/probe`
    for (const check of everything.filter(one => !one.claim.startsWith('what arrives'))) {
      expect(await network.look(check)).toMatchObject({ status: 'unknown' })
    }
  })

  test('a probe that says nothing of what it was asked is nobody\'s mistake', async () => {
    const network = await forwarding()
    await Promise.all([network.node1, network.node3].map(node => node`cd /usr/local/lib/hardway
      mv probe real
      printf '#!/bin/sh\n[ "$1" = ask ] && exit 0; exec /usr/local/lib/hardway/real "$@"\n' >probe
      chmod +x probe`))
    for (const check of everything.filter(one => !one.claim.startsWith('what arrives'))) {
      expect(await network.look(check)).toMatchObject({ status: 'unknown' })
    }
  })

  test('a missing tcpdump is nobody\'s mistake', async () => {
    const network = await routed()
    await network.node2`printf '#!/bin/sh\necho gone >&2; exit 1\n' >/usr/local/bin/tcpdump; chmod +x /usr/local/bin/tcpdump`
    expect(await network.look(arrivesFrom(green, 9000, red))).toMatchObject({ status: 'unknown', because: expect.stringContaining('did not get ready') as unknown })
  })
})
