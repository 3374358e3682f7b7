// Ports of nodes, on real ones: each check passes on a right network, and fails for each reason that it can name.
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { healthPort, loopbackPort, nodePortClosed, nodePortReaches, ownNodePortReaches, ownPort, scrapes } from '../../checks/index.ts'
import { green, red, routed, type Network } from './network.ts'
import { changeNothing, fails, inTurn, passes, test, type Deed } from './on-nodes.ts'

/** node3 is the outside: it has no route to any pod. */
const client = { node3: '192.168.1.13' }
const [node1, node2] = [{ node1: '192.168.1.11' }, { node2: '192.168.1.12' }]
const service = { port: 31175, pods: green, targetPort: 9491 }

async function outside(): Promise<Network> {
  const network = await routed()
  await network.node3`ip route del 10.244.1.0/24; ip route del 10.244.2.0/24`
  return network
}

type Place = 'node1' | 'node2'
const nft = (place: Place, chains: string): Deed => network => network[place]`nft ${`add table ip n; ${chains}`}`
const PRE = 'add chain ip n pre { type nat hook prerouting priority dstnat; }; add rule ip n pre'
const POST = 'add chain ip n post { type nat hook postrouting priority srcnat; }; add rule ip n post'
const to = 'tcp dport 31175 dnat to 10.244.2.2:9491'
const there = (place: Place, rule = `fib daddr type local ${to}`): Deed => nft(place, `${PRE} ${rule}`)
const back = (place: Place, rule = 'ct status dnat masquerade'): Deed => nft(place, `${POST} ${rule}`)
const right = inTurn(there('node1'), back('node1'), there('node2'), back('node2'))

const detached = (command: string, port: number, inside = '') => `setsid ${inside} ${command} </dev/null >/dev/null 2>&1 &
for try in $(seq 250); do [ -n "$(${inside} ss -Hltn sport = :${port})" ] && break; sleep 0.02; done`
const starts = (place: Place, script: string): Deed => network => network[place]`bash -ec ${script}`

describe('nodePortReaches', () => {
  const check = nodePortReaches(client, { ...node1, ...node2 }, service)
  const own = nodePortReaches(client, node2, service, { keepingAddress: true, times: 20 })
  test('it says who is reached by what', () => {
    expect(check.claim).toBe('node3 reaches green by port 31175 of node1 and node2')
    expect(own.claim).toBe('node3 reaches green by port 31175 of node2, 20 times of 20, and is seen as itself')
    expect(nodePortReaches({ ...client, ...node1 }, node2, { ...service, pods: { ...red, ...green } }, { keepingAddress: true }).claim).toBe('node3 and node1 reach red or green by port 31175 of node2, and are seen as themselves')
  })
  passes('by any node, with the answer by the same way', outside, check, right)
  passes('by the node of the pod, as itself', outside, own, there('node2'))
  fails('nobody has done anything', outside, check, async () => {}, /^node3 is refused on port 31175 of node1: node1 refused it: nobody listens on TCP port 31175 there \(and 1 more of 2: node3 → node2\)$/)
  fails('the answer goes past the node', outside, check, inTurn(there('node1'), there('node2')), /^what node3 asks of port 31175 of node1 comes to green from 192\.168\.1\.13, and node3 has no answer: green answers 192\.168\.1\.13, and so past node1, which alone knows what was asked$/)
  fails('the answer is sent to nobody', outside, check, inTurn(right, nft('node1', 'insert rule ip n post snat to 192.168.1.99')), /^what node3 asks of port 31175 of node1 comes to green from 192\.168\.1\.99, and node3 has no answer/)
  fails('the node itself answers', outside, check, starts('node1', detached('serve other 31175', 31175)), /^node1 answers node3 on port 31175 of node1/)
  fails('something answers that is no pod', outside, check, starts('node1', detached('socat TCP-LISTEN:31175,fork,reuseaddr SYSTEM:"read line; echo hello"', 31175)), /^something that says "hello\??" answers node3 on port 31175 of node1/)
  fails('it gets no further than the node', outside, check, inTurn(right, nft('node1', 'add chain ip n forward { type filter hook forward priority 0; }; add rule ip n forward tcp dport 9491 drop')), /^node3 has no answer on port 31175 of node1: .*drop/)
  fails('it is sent to a port where nobody listens', outside, check, inTurn(there('node1', 'fib daddr type local tcp dport 31175 dnat to 10.244.2.2:9492'), back('node1')), /^node3 is refused on port 31175 of node1: .*nobody listens on TCP port 9492/)
  fails('the pod sees the node', outside, own, inTurn(there('node2'), back('node2')), /^green sees 10\.244\.2\.1 in place of 192\.168\.1\.13, node3's own: node2 has the rule `ct status dnat masquerade` \(and 19 more of 20/)
  fails('one in two goes elsewhere', outside, own, there('node2', 'fib daddr type local tcp dport 31175 dnat to numgen random mod 2 map { 0 : 10.244.2.2 . 9491, 1 : 10.244.1.2 . 9491 }'), /^node3 is refused on port 31175 of node2|^node3 has no answer/)
  fails('the pod is not there', outside, nodePortReaches(client, node2, { ...service, pods: { late: '10.244.2.9' } }), there('node2'), /^no namespace has the address 10\.244\.2\.9 \(late\)$/)
  fails('by the node that each is on, one of them', outside, ownNodePortReaches([{ from: red, node: node1 }, { from: green, node: node2 }], service), inTurn(there('node1'), back('node1')), /^green is refused on port 31175 of node2/)
  passes('by the node that each is on', outside, ownNodePortReaches([{ from: red, node: node1 }, { from: client, node: node2 }], service), right)
})

describe('nodePortClosed', () => {
  const check = nodePortClosed(client, node1, service, node2)
  test('it says which is closed', () => expect(check.claim).toBe('port 31175 of node1 leads node3 nowhere, and that of node2 somewhere'))
  passes('nobody listens', outside, check, there('node2'))
  passes('what comes is dropped', outside, check, inTurn(there('node2'), nft('node1', 'add chain ip n in { type filter hook input priority 0; }; add rule ip n in tcp dport 31175 drop')))
  fails('it is sent on', outside, check, right, /^green answers node3 on port 31175 of node1$/)
  fails('it is sent on, and the answer goes astray', outside, check, inTurn(there('node1'), there('node2')), /^what node3 asks of port 31175 of node1 comes to green/)
  fails('the other is closed, too', outside, check, async () => {}, /^node3 is refused on port 31175 of node2/)
})

describe('ownPort', () => {
  const check = ownPort(red, { ...client, pink: '10.244.3.2' }, [{ port: 31175 }, { port: 31175, protocol: 'udp' }])
  const masquerade = back('node1', 'ip saddr 10.244.1.0/24 ip daddr 192.168.1.13 masquerade')
  const reaching: Deed = inTurn(masquerade, ({ node3 }) => node3`ip route add 10.244.1.0/24 via 192.168.1.11`)
  test('it says whose port it is', () => {
    expect(check.claim).toBe('red asks node3 and pink on port 31175 and UDP port 31175, and each answers itself')
    expect(ownPort({ ...red, ...green }, client, [{ port: 80 }]).claim).toBe('red and green ask node3 on port 80, and node3 itself answers')
  })
  passes('nothing is translated', outside, check, reaching)
  passes('only what is for the node is', outside, check, inTurn(reaching, there('node1')))
  fails('whatever passes is', outside, check, inTurn(reaching, there('node1', to)), /^red asks (node3|pink) on port 31175|^red is refused on port 31175 of (node3|pink)/)
  fails('what was for one comes to another who listens', outside, ownPort(red, { pink: '10.244.3.2', ...green }, [{ port: 81 }]), inTurn(reaching, there('node1', 'tcp dport 81 dnat to 10.244.2.2')), /^red asks pink on port 81, and green answers: what was for 10\.244\.3\.2 was sent elsewhere$/)
  fails('one has no answer', outside, check, inTurn(reaching, ({ node3 }) => node3`nft ${'add table ip f; add chain ip f in { type filter hook input priority 0; }; add rule ip f in udp dport 31175 drop'}`), /^red has no answer on port 31175 of node3/)
})

describe('loopbackPort', () => {
  const check = loopbackPort(node1, 'the agent', service)
  const agent = starts('node1', detached('serve agent 127.0.0.1:31175', 31175))
  const out = 'add chain ip n out { type nat hook output priority -100; }; add rule ip n out'
  test('it says who may answer', () => expect(check.claim).toBe('node1 asks 127.0.0.1:31175, and the agent or green answers'))
  passes('the agent', outside, check, agent)
  passes('the pod', outside, check, inTurn(nft('node1', `${out} ${to}`), back('node1'), ({ node1 }) => node1`sysctl -qw net.ipv4.conf.all.route_localnet=1`,
    ({ node2 }) => node2`bash -ec ${detached('serve exporter 9491', 9491, 'ip netns exec green')}`))
  fails('nobody', outside, check, async () => {}, /^node1 is refused on port 31175 of 127\.0\.0\.1/)
  fails('a martian is dropped', outside, check, inTurn(agent, nft('node1', `${out} ${to}`)), /^node1 has no answer on port 31175 of 127\.0\.0\.1/)
})

/** HTTP of few words. */
const health = (line: string, where = '') => [
  `cat >/usr/local/bin/answer <<'END'\n#!/bin/sh\nwhile read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done\nprintf '${line}\\r\\n\\r\\n'\nEND`,
  'chmod +x /usr/local/bin/answer', detached(`socat TCP-LISTEN:32080,fork,reuseaddr${where} EXEC:/usr/local/bin/answer`, 32080),
].join('\n')

describe('healthPort', () => {
  const check = healthPort(client, 32080, node2, node1)
  test('it says what is heard of whom', () => expect(check.claim).toBe('node3 hears 200 on port 32080 of node2, and 503 on that of node1'))
  const well = starts('node2', health('HTTP/1.0 200 OK'))
  passes('each says what is so', outside, check, inTurn(well, starts('node1', health('HTTP/1.0 503 No'))))
  fails('both are well', outside, check, inTurn(well, starts('node1', health('HTTP/1.0 200 OK'))), /^node1 says 200, and not 503$/)
  fails('one says something else', outside, check, inTurn(well, starts('node1', health('HTTP/1.0 404 No'))), /^node1 says 404, and not 503$/)
  fails('nobody listens', outside, check, well, /^node1 does not answer on port 32080: .*Could not connect/)
  fails('heard on the node alone', outside, check, inTurn(well, starts('node1', health('HTTP/1.0 503 No', ',bind=127.0.0.1'))), /^node1 does not answer on port 32080/)
  fails('no HTTP', outside, check, inTurn(well, starts('node1', health('well'))), /^node1 does not answer on port 32080/)
})

const EXPORTER = readFileSync(new URL('../../labs/16-nodeport/files/exporter', import.meta.url), 'utf8')

describe('scrapes', () => {
  const check = scrapes(client, green, 31175, { ...node1, ...node2 })
  const exporter: Deed = network => network.node2`bash -ec ${`cat >/usr/local/bin/exporter <<'END OF FILE'\n${EXPORTER}END OF FILE\nchmod +x /usr/local/bin/exporter\n${detached('exporter 9491', 9491, 'ip netns exec green')}`}`
  test('it says what is scraped', () => expect(check.claim).toBe('node3 scrapes the metrics of green by port 31175 of node1 and node2'))
  passes('by any node', outside, check, inTurn(right, exporter))
  passes('and the same program answers other checks', outside, nodePortReaches(client, { ...node1, ...node2 }, service, { times: 20 }), inTurn(right, exporter))
  fails('by one node only', outside, check, inTurn(there('node1'), back('node1'), exporter), /^by node2: Failed to connect to 192\.168\.1\.12 port 31175/)
  fails('no metrics', outside, check, inTurn(right, ({ node2 }) => node2`bash -ec ${detached('serve exporter 9491', 9491, 'ip netns exec green')}`), /^by node1: the answer does not say that it is metrics$/)
  fails('those of another', outside, check, inTurn(right, exporter, starts('node2', `nft flush chain ip n pre\n${detached('exporter 31175', 31175)}`)), /^by node2: these are the metrics of one in net:\[\d+\]$/)
})

changeNothing('looking changes nothing', outside, [
  nodePortReaches(client, { ...node1, ...node2 }, service, { times: 20 }), nodePortClosed(client, node1, service, node2), ownPort(red, client, [{ port: 31175 }, { port: 53, protocol: 'udp' }]),
  loopbackPort(node1, 'the agent', service), healthPort(client, 32080, node2, node1), scrapes(client, green, 31175, node2),
], inTurn(there('node1'), there('node2'), back('node2')))
