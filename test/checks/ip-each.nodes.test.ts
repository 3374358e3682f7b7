// `ip-each` makes of its lines what `ip` makes of them, in a process of its own for each namespace.
import { expect } from 'vitest'
import { emptyNetwork } from './network.ts'
import { test } from './on-nodes.ts'

const LINES = [
  'link add cni0 address 02:00:00:00:00:01 mtu 1450 up type bridge forward_delay 0 mcast_snooping 0',
  'addr add 10.244.1.1/24 dev cni0',
  'addr add 127.0.0.7/32 dev lo',
  'netns add red', 'netns add blue',
  'link add veth-red address 02:00:00:00:00:02 up type veth peer name eth0 address 02:00:00:00:00:03 netns red',
  'link set veth-red master cni0 mtu 1440',
  '-n red link set lo up', '-n red addr add 10.244.1.2/24 dev eth0', '-n red link set eth0 up', '-n red route add default via 10.244.1.1',
  'link add name cali mtu 1400 address ee:ee:ee:ee:ee:ee up type veth peer name eth0 mtu 1400 address 02:00:00:00:00:04 netns blue',
  '-n blue addr add 10.244.2.2 dev eth0', '-n blue link set eth0 up',
  'route add 10.244.2.2/32 dev cali', '-n blue route add 169.254.1.1 dev eth0 scope link', '-n blue route add default via 169.254.1.1',
  'route add local 10.96.0.0/12 dev lo', 'route add 10.245.0.0/16 via 192.168.1.99 dev eth0', 'route add 10.246.0.1 via 10.9.9.9 dev eth0 onlink',
]
/** All that is true of the networks, but the node's own name and address. */
const SEEN = 'for pod in "" "-n red" "-n blue"; do ip $pod -d -s0 link; ip $pod -4 -d addr; ip $pod -4 -d route show table all; done | sed -E "s/192.168.1.1[12]/NODE/g; s/(valid|preferred)_lft.*//; /eth0@.*link-netnsid 0/d"; ip netns; findmnt -rno TARGET,PROPAGATION /run/netns; stat -c "%a %n" /run/netns /run/netns/*'

test('networks of pods are the same by ip and by ip-each', async () => {
  const { node1, node2 } = await emptyNetwork()
  await node1`bash -ec ${LINES.map(line => `ip ${line}`).join('\n')}`
  await node2`/usr/local/lib/hardway/ip-each <<< ${LINES.join('\n')}`
  // What a link's kernel counts and what it is still deciding come a moment later.
  const seen = async (node: typeof node1): Promise<string> => (await node`bash -c ${SEEN}`).stdout.replaceAll(/(?<=^\d+: eth0)@if\d+|state \w+|(?:hello|tcn|topology_change|gc)_timer +[\d.]+|bridge_id \S+|designated_\w+ \S+|node[12]-eth0|link\/ether \S+ brd \S+ link-netnsid 0/gm, '')
  await expect.poll(async () => await seen(node2) === await seen(node1)).toBe(true).catch(() => {})
  expect(await seen(node2)).toBe(await seen(node1))
})

for (const [title, line, because] of [
  ['what is there already', 'netns add red', 'File exists'],
  ['an interface that is not there', 'addr add 10.1.1.1/24 dev eth7', 'eth7: No such device'],
  ['a route to nowhere', 'route add 10.1.0.0/16 via 10.77.7.7', 'Network is unreachable'],
  ['a range that is none', 'route add 10.1.0.1/16 via 192.168.1.12', 'Invalid argument'],
  ['a namespace that is not there', '-n green link set lo up', 'No such file or directory'],
  ['what ip-each does not know', 'rule add from 10.1.0.0/16 lookup 7', 'not known here: rule add'],
  ['a word for a link that it does not know', 'link set eth0 down', 'not known here: down'],
  ['a kind of link that it does not know', 'link add x type dummy', 'not known here: type dummy'],
  ['an option of a bridge that it does not know', 'link add x type bridge stp_state 1', 'not known here: stp_state'],
  ['a word for an address that it does not know', 'addr add 10.1.1.1/24 dev eth0 scope host', 'not known here: dev eth0 scope host'],
  ['a word for a route that it does not know', 'route add 10.1.0.0/16 via 192.168.1.12 metric 7', 'not known here: metric'],
  ['a scope that it does not know', 'route add 10.1.0.0/16 dev eth0 scope host', 'not known here: scope host'],
  ['an address that is none', 'addr add 10.1.1.300/24 dev eth0', '10.1.1.300: no address'],
  ['an MTU that is none', 'link set eth0 mtu many', 'many: no number'],
] as const) {
  test(`ip-each stops at ${title}, and says which line and why`, async () => {
    const { nodes: [node] } = await emptyNetwork()
    const result = await node?.exec(['bash', '-c', `/usr/local/lib/hardway/ip-each <<'END'\nnetns add red\n${line}\nnetns add late\nEND`])
    expect(result?.stderr).toBe(`ip ${line}: ${because}\n`)
    expect(result?.exitCode).not.toBe(0)
    expect((await node?.exec(['ip', 'netns']))?.stdout.trim()).toMatch(/^red\b[^\n]*$/)
  })
}
