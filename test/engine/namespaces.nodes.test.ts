// The list of namespaces is made without ip, for time's sake. What it says has to be what ip says.
import { expect, vi } from 'vitest'
import { readLinks } from '../../checks/read/links.ts'
import type { Link } from '../../runner/core/bench.ts'
import { bridges, type Network } from '../checks/network.ts'
import { test } from '../checks/on-nodes.ts'

const EVERY_KIND = `
# Kernels need not have these.
ip link add link eth0 name eth0.7 type vlan id 7 2>/dev/null || true
ip link add tun up type ipip local 192.168.1.11 remote 192.168.1.12 2>/dev/null || true
ip link add none type dummy 2>/dev/null || true
ip link add mac0 link eth0 type macvlan mode bridge
ip link add link eth0 name mac1 netns red type macvlan mode bridge
ip link add vx up type vxlan id 5 dev eth0 remote 192.168.1.12 dstport 4789
ip link add one type veth peer name other
ip link set one up
ip link add name 'a"b\\c' type bridge
ip addr add 10.9.9.1 peer 10.9.9.2/32 dev one
ip addr add 10.9.9.3/24 dev cni0 label cni0:x
ip addr add 10.9.9.4/24 dev cni0
ip tuntap add tap0 mode tap
sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
for address in fd00::1 fd00:0:0:1::1 fd00:1:0:0:1::1 1:2:3:4:5:6:7:8 2001:db8::1:0:0:1 fe80::9; do ip -6 addr add $address/64 dev cni0 nodad; done
ip netns add empty
ip netns add many
for number in {1..200}; do echo "link add d$number type bridge"; done | ip -n many -batch -`

/** By place, as ip has them there. */
async function asIp(network: Network): Promise<Readonly<Record<string, readonly Link[]>>> {
  const namespaces = await network.bench().namespaces('node1')
  const all = await Promise.all(namespaces.map(async ({ place }) => [place.name, readLinks((await place.exec(['ip', '-j', '-d', 'addr'])).stdout)] as const))
  return Object.fromEntries(all)
}

test('links and addresses of each namespace are those that ip lists, of whichever kind, and as many as there may be', async () => {
  const network = await bridges()
  await network.node1`bash -ec ${EVERY_KIND}`
  // A carrier comes when it comes.
  const found = await vi.waitFor(async () => {
    const listed = Object.fromEntries((await network.bench().namespaces('node1')).map(({ place, links }) => [place.name, links]))
    expect(listed).toEqual(await asIp(network))
    return listed
  })
  expect(found['node1']?.map(({ name }) => name)).toEqual(expect.arrayContaining(['eth0', 'cni0', 'veth-red', 'mac0', 'vx', 'a"b\\c']))
  expect(found['node1/red']?.map(({ name, kind }) => `${name} ${kind ?? ''}`)).toContain('mac1 macvlan')
  expect(found['node1/many']?.length).toBeGreaterThan(200)
})

test('namespaces that nobody has named are listed, and what looks like one and is none is not', async () => {
  const network = await bridges()
  await network.node1`bash -ec ${'setsid unshare -n sleep 600 </dev/null >/dev/null 2>&1 & touch /run/netns/nothing; until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done'}`
  const names = (await network.bench().namespaces('node1')).map(({ place }) => place.name)
  expect(names.slice(0, 3)).toEqual(['node1', 'node1/blue', 'node1/red'])
  expect(names.slice(3)).toEqual([expect.stringMatching(/^node1\/net:\[\d+\]$/)])
})
