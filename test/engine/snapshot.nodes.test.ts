// What a proof would see if a look changed the nodes: each kind of thing, in the node's own network and in a pod's.
import { expect } from 'vitest'
import { differences, snapshots } from '../../runner/engine/proof.ts'
import { bridges } from '../checks/network.ts'
import { test } from '../checks/on-nodes.ts'

const changes = [
  ['a link', 'ip link add made type bridge', /has got ".*made: .* bridge/],
  ['an MTU', 'ip link set eth0 mtu 1400', /has got ".*eth0@.* mtu 1400/],
  ['an option of a port', 'bridge link set dev veth-red hairpin on', /has got ".*veth-red@.* hairpin on/],
  ['an address', 'ip addr add 10.9.9.1/32 dev eth0', /has got ".*inet 10\.9\.9\.1\/32/],
  ['an IPv6 address', 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && ip -6 addr add fd00::9/64 dev eth0 nodad', /has got ".*inet6 fd00::9\/64/],
  ['a route', 'ip route add 10.9.8.0/24 dev eth0', /has got "unicast 10\.9\.8\.0\/24 dev eth0/],
  ['a route in a table of its own', 'ip route add 10.9.7.0/24 dev eth0 table 77', /has got "unicast 10\.9\.7\.0\/24 .*table 77/],
  ['an IPv6 route', 'ip -6 route add blackhole fd99::/64', /has got "blackhole fd99::\/64/],
  ['a rule of routing', 'ip rule add from 10.9.9.9 lookup 77', /has got "\d+:\s+from 10\.9\.9\.9 lookup 77/],
  ['a neighbour that somebody wrote down', 'ip neigh replace 192.168.1.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent', /has got "192\.168\.1\.77 dev eth0 lladdr 02:00:00:00:00:77 PERMANENT/],
  ['a neighbour that is answered for', 'ip neigh add proxy 192.168.1.78 dev eth0', /has got "192\.168\.1\.78 dev eth0 +proxy/],
  ['an entry of a bridge', 'bridge fdb add 02:00:00:00:00:79 dev veth-red master static', /has got "02:00:00:00:00:79 dev veth-red .*static/],
  ['a filter', 'nft add table ip made', /has got "table ip made/],
  ['a sysctl', 'sysctl -qw net.ipv4.conf.eth0.rp_filter=2', /has got "ipv4\/conf\/eth0\/rp_filter:2/],
  ['forwarding', 'sysctl -qw net.ipv4.ip_forward=$((1 - $(sysctl -n net.ipv4.ip_forward)))', /has got "ipv4\/ip_forward:/],
  ['a time of neighbours', 'sysctl -qw net.ipv4.neigh.eth0.delay_first_probe_time=7', /has got "ipv4\/neigh\/eth0\/delay_first_probe_time:7/],
  ['a name', 'ip netns add made', /has got "made/],
  ['a program', 'setsid sleep 600 </dev/null >/dev/null 2>&1 &', /has got "sleep 600/],
  ['a route of a pod', 'ip -n red route add 10.9.6.0/24 dev eth0', /has got "unicast 10\.9\.6\.0\/24 dev eth0/],
  ['a sysctl for all', 'sysctl -qw net.ipv4.conf.all.arp_ignore=2', /has got "ipv4\/conf\/all\/arp_ignore:2/],
  // With nothing else of version 6 beside each.
  ['an IPv6 rule', 'ip -6 addr flush dev eth0 scope global; ip -6 route del blackhole fd99::/64; ip -6 rule add from fd01::/64 lookup 9', /has got ".*from fd01::\/64 lookup 9/],
  ['an IPv6 neighbour', 'ip -6 rule del from fd01::/64 lookup 9; ip -6 neigh add fd00::3 lladdr 02:00:00:00:00:01 dev eth0 nud permanent', /has got "fd00::3 dev eth0/],
  ['an IPv6 neighbour that is answered for', 'ip -6 neigh del fd00::3 dev eth0; ip -6 neigh add proxy fd00::4 dev eth0', /has got "fd00::4 dev eth0 +proxy/],
  ['an IPv6 way by a neighbour', 'ip -6 neigh del proxy fd00::4 dev eth0; ip -6 route add fd07::/64 via fe80::1 dev eth0', /has got "unicast fd07::\/64 via fe80::1/],
  ['a filter of a pod', 'ip netns exec red nft add table ip inside', /has got "table ip inside/],
  ['a sysctl of a pod', 'ip netns exec red sysctl -qw net.ipv4.conf.eth0.arp_ignore=8', /has got "ipv4\/conf\/eth0\/arp_ignore:8/],
] as const

test('whatever is made, changed or started on a node is seen, and nothing else', async () => {
  const network = await bridges()
  for (const [title, deed, seen] of changes) {
    const before = await snapshots(network.nodes)
    await network.node1`bash -ec ${deed}`
    // A program that is only about to be executed has no arguments yet.
    await expect.poll(async () => differences(before, await snapshots(network.nodes)), { message: title })
      .toContainEqual(expect.stringMatching(seen))
    expect(differences(before, await snapshots(network.nodes)).filter(line => !line.startsWith('node1 ')), title).toEqual([])
  }
})

test('packets, what is learnt of them, and what has just ended are no change', async () => {
  const network = await bridges()
  const before = await snapshots(network.nodes)
  await network.node1`bash -ec ${'ip netns exec red ping -c 2 -i 0.1 10.244.1.3; ping -c 1 192.168.1.12; (sleep 0.01 &); ip netns add brief; ip netns del brief'}`
  await expect.poll(async () => differences(before, await snapshots(network.nodes))).toEqual([])
})

test('the address of version 6 that an interface has by itself comes when it comes, and is no change', async () => {
  const network = await bridges()
  await network.node1`ip netns exec red sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0`
  const before = await snapshots(network.nodes)
  await network.node1`ip -n red addr add fe80::5/64 dev eth0`
  // Where it is asked for.
  await expect.poll(async () => (await network.node1`ip netns exec red bridge fdb`).stdout).toContain('33:33:ff:00:00:05 dev eth0 self permanent')
  expect(differences(before, await snapshots(network.nodes))).toEqual([])
})
