// What a proof compares before and after each look. Whatever a check could leave behind in a network has to be in it, and nothing that
// changes by itself.
import { expect, vi } from 'vitest'
import { bridges } from '../checks/network.ts'
import { test } from '../checks/on-nodes.ts'

/** What is done, and what is then to be read there that was not before. */
const DONE: readonly (readonly [command: string, said: RegExp])[] = [
  ['ip link set cni0 mtu 1400', /cni0: .*mtu 1400/],
  ['ip -n red addr add 10.9.9.9/24 dev eth0', /inet 10\.9\.9\.9\/24/],
  ['ip route add 10.9.0.0/16 dev cni0 table 7', /^unicast 10\.9\.0\.0\/16 dev cni0 table 7/],
  ['ip rule add from 10.9.9.9 lookup 7', /from 10\.9\.9\.9 lookup 7/],
  ['ip -n blue neigh add 10.244.1.77 lladdr 02:00:00:00:00:01 dev eth0 nud permanent', /^10\.244\.1\.77 dev eth0/],
  ['ip neigh add proxy 10.244.1.78 dev cni0', /^10\.244\.1\.78 dev cni0 +proxy/],
  ['bridge fdb add 02:00:00:00:00:07 dev veth-red master static', /^fdb 02:00:00:00:00:07 dev \d+ static/],
  ['nft add table ip mine', /^table ip mine/],
  ['ip netns exec red nft add table inet mine', /^table inet mine/],
  ['sysctl -qw net.ipv4.ip_forward=1', /^ipv4\/ip_forward:1/],
  ['sysctl -qw net.ipv4.conf.all.arp_ignore=2', /^ipv4\/conf\/all\/arp_ignore:2/],
  ['sysctl -qw net.ipv4.conf.cni0.rp_filter=2', /^ipv4\/conf of \d+, rp_filter:2/],
  ['ip netns exec red sysctl -qw net.ipv4.conf.eth0.proxy_arp=1', /^ipv4\/conf of \d+, proxy_arp:1/],
  ['sysctl -qw net.ipv4.neigh.cni0.gc_stale_time=7', /^ipv4\/neigh of \d+ .*6=581b0000/],
  ['ip netns add another', /^another$/],
  ['setsid sleep 611 </dev/null >/dev/null 2>&1 &', /^sleep 611$/],
  // From here on somebody has set something of version 6.
  ['sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0; ip -6 addr add fd00::9/64 dev cni0 nodad', /inet6 fd00::9\/64/],
  ['ip -6 route add fd07::/64 via fe80::1 dev cni0', /^unicast fd07::\/64 via fe80::1/],
  ['ip -6 addr del fd00::9/64 dev cni0; ip -6 route del fd07::/64; ip -6 rule add from fd01::/64 lookup 9', /from fd01::\/64 lookup 9/],
  ['ip -6 rule del from fd01::/64 lookup 9; ip -6 neigh add fd00::3 lladdr 02:00:00:00:00:01 dev cni0 nud permanent', /^fd00::3 dev cni0/],
  ['ip -6 neigh del fd00::3 dev cni0; ip -6 neigh add proxy fd00::4 dev cni0', /^fd00::4 dev cni0 +proxy/],
]

test('every change of a network is in its snapshot, and without one two of them are the same', async () => {
  const network = await bridges()
  const snapshot = async (): Promise<readonly string[]> => {
    const { stdout, stderr } = await network.node1`/usr/local/lib/hardway/snapshot`
    expect(stderr).toBe('')
    return stdout.split('\n')
  }
  // A carrier comes when it comes.
  let before = await vi.waitFor(async () => {
    const [one, two] = [await snapshot(), await snapshot()]
    expect(two).toEqual(one)
    return two
  }, { timeout: 10_000 })
  for (const [command, said] of DONE) {
    await network.node1`bash -ec ${command}`
    const after = await vi.waitFor(async () => {
      const now = await snapshot()
      expect(now.filter(line => !before.includes(line)), command).toContainEqual(expect.stringMatching(said))
      return now
    }, { timeout: 5_000 })
    before = after
  }
})
