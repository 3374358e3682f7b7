// What the course asks of a kernel, and how each thing is tried. Data only: engine/features.ts does the trying.

import type { Role } from './topology.ts'

export interface Feature {
  /** One phrase. */
  readonly what: string
  /** What in the course wants it. Without it labs, or alternatives in them, are skipped. */
  readonly wanted: string
  /** Kernel modules that bring it, for `modprobe`. None: it cannot be loaded. */
  readonly modules: readonly string[]
  /**
   * For `sh -e`, as root of a node, in a network and a mount namespace made for it and thrown away after it.
   * May end by itself with a line `missing: …`, `refused: …` or `unknown: …` where the words of the tool would mislead.
   */
  readonly probe: string
  /** What the node that tries it has to be. */
  readonly role?: Role
}

/** `missing`: the kernel says that it has no such thing. `refused`: it has, and not for us. `unknown`: nothing was learned. */
export type FeatureStatus = 'ok' | 'missing' | 'refused' | 'unknown'

const link = (type: string, rest = ''): string => `ip link add hw0 ${rest === '' ? '' : `${rest} `}type ${type}\nip link set hw0 up`
const nft = (...lines: readonly string[]): string => `nft -f - <<'END'\n${lines.join('\n')}\nEND`
const filter = 'add table ip t\nadd chain ip t c { type filter hook forward priority 0 ; }'
const prerouting = 'add table ip t\nadd chain ip t c { type nat hook prerouting priority dstnat ; }'
const qdisc = (kind: string): string => `tc qdisc add dev lo ${kind}`

// What is tried is what a lab of eBPF begins with: a compiler of the node's, and its loader.
const bpf = `[ ! -e /run/no-loader ] || { cat /run/no-loader; exit 1; }
trap 'rm -rf /tmp/hw$$.? /sys/fs/bpf/hw$$' EXIT
printf '__attribute__((section("tc"))) int pass(void *packet) { return 0; }' >/tmp/hw$$.c
bpf-gcc -O2 -gbtf -c -o /tmp/hw$$.o /tmp/hw$$.c
bpf-load /tmp/hw$$.o`

const capture = `perl -e '
  socket(my $all, 17, 3, 0x0300) or do { print $!{EPERM} ? "refused" : $!{EAFNOSUPPORT} ? "missing" : "unknown", ": a packet socket: $!\\n"; exit 1 };'
ip link set lo up
timeout 20 tcpdump --immediate-mode -i lo -c 1 -n udp >/dev/null 2>/tmp/hw-capture.$$ & capturing=$!
# For as long as it may take to begin.
while kill -0 $capturing 2>/dev/null; do
  perl -e 'use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0); send($s, "x", 0, pack_sockaddr_in(9, inet_aton("127.0.0.1"))); select undef, undef, undef, 0.05'
done
wait $capturing && ended=0 || ended=$?
cat /tmp/hw-capture.$$ >&2
rm -f /tmp/hw-capture.$$
exit $ended`

/** Of the kubelet, this asks for what it looks for before it starts; of runc, a container. */
const containers = `for controller in cpu cpuset memory pids; do
  [ -e /sys/fs/cgroup/$controller/cgroup.procs ] || grep -qw $controller /sys/fs/cgroup/cgroup.controllers 2>/dev/null || { echo "refused: the node has no part of the controller $controller"; exit 1; }
done
mount -t tmpfs hw /mnt
mkdir /mnt/rootfs
cd /mnt
cp /usr/bin/busybox rootfs/
runc spec
jq '.process.args = ["/busybox", "true"] | .process.terminal = false' config.json >edited
mv edited config.json
runc run hw$$`

/** By their stable names: a lesson's `requires` and an alternative's name these. */
export const FEATURES: Readonly<Record<string, Feature>> = {
  netns: { what: 'network namespaces in a node', wanted: 'every lab', modules: [], probe: 'ip netns add hw$$\nip netns exec hw$$ true\nip netns del hw$$' },
  userns: { what: 'user namespaces in a node', wanted: 'rootless containers', modules: [], probe: 'unshare -U -r -n true' },
  veth: { what: 'pairs of virtual Ethernet ends', wanted: 'every lab', modules: ['veth'], probe: `${link('veth peer name hw1')}\nip link set hw1 up` },
  bridge: { what: 'software bridges', wanted: 'pods on one node, and every lab after it', modules: ['bridge'], probe: `${link('bridge')}\nip link add hw1 type veth peer name hw2\nip link set hw1 master hw0` },
  'bridge-vlan': { what: 'VLAN filtering of a bridge', wanted: 'bridges as switches', modules: ['bridge', '8021q'], probe: link('bridge vlan_filtering 1') },
  'br-netfilter': { what: 'iptables on bridged frames', wanted: 'Services on one bridge', modules: ['br_netfilter'], probe: `ip link add hw0 type bridge
[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || { echo "missing: no net.bridge.bridge-nf-call-iptables"; exit 1; }
for value in 1 0; do echo $value >/proc/sys/net/bridge/bridge-nf-call-iptables; [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = $value ]; done` },
  vxlan: { what: 'VXLAN tunnels', wanted: 'overlay networks (flannel, Cilium, Calico)', modules: ['vxlan'], probe: link('vxlan id 1 dstport 8472 nolearning') },
  geneve: { what: 'Geneve tunnels', wanted: 'an alternative of the overlay labs', modules: ['geneve'], probe: link('geneve id 1 remote 192.0.2.1') },
  gre: { what: 'GRE tunnels', wanted: 'an alternative of the overlay labs', modules: ['ip_gre'], probe: `ip link set lo up\n${link('gre local 127.0.0.1 remote 127.0.0.2')}` },
  ipip: { what: 'IP-in-IP tunnels', wanted: 'Calico, as it comes', modules: ['ipip'], probe: `ip link set lo up\n${link('ipip local 127.0.0.1 remote 127.0.0.2')}` },
  vlan: { what: '802.1Q interfaces', wanted: 'rails and tagged underlays', modules: ['8021q'], probe: `ip link add hw1 type veth peer name hw2\n${link('vlan id 5', 'link hw1')}` },
  macvlan: { what: 'several MAC addresses on one interface', wanted: 'secondary networks (Multus)', modules: ['macvlan'], probe: `ip link add hw1 type veth peer name hw2\nip link set hw1 up\n${link('macvlan mode bridge', 'link hw1')}` },
  ipvlan: { what: 'several addresses behind one MAC', wanted: 'secondary networks (Multus)', modules: ['ipvlan'], probe: `ip link add hw1 type veth peer name hw2\nip link set hw1 up\n${link('ipvlan mode l2', 'link hw1')}` },
  vrf: { what: 'routing domains as interfaces', wanted: 'an alternative of rail routing', modules: ['vrf'], probe: link('vrf table 10') },
  dummy: { what: 'interfaces that go nowhere', wanted: 'addresses of Services on a node', modules: ['dummy'], probe: link('dummy') },
  wireguard: { what: 'WireGuard in the kernel', wanted: 'encrypted overlays (otherwise wireguard-go, by `tun`)', modules: ['wireguard'], probe: 'ip link add hw0 type wireguard' },
  tun: { what: 'packets through a program', wanted: 'wireguard-go', modules: ['tun'], probe: `[ -c /dev/net/tun ] || { grep -qw tun /proc/misc 2>/dev/null && echo "refused: the node has no /dev/net/tun" || echo "missing: no /dev/net/tun"; exit 1; }
ip tuntap add dev hw0 mode tun\nip link set hw0 up` },
  ifb: { what: 'shaping of what comes in', wanted: 'the bandwidth plugin', modules: ['ifb'], probe: link('ifb') },
  bonding: { what: 'bonds', wanted: 'reading the routes of a real node', modules: ['bonding'], probe: 'ip link add hw0 type bond' },
  netkit: { what: 'netkit pairs', wanted: 'an alternative of the eBPF lab', modules: [], probe: link('netkit') },
  'policy-routing': { what: 'routing tables chosen by rules', wanted: 'rail routing', modules: [], probe: 'ip link set lo up\nip rule add from 10.51.0.10 table 101\nip route add blackhole default table 101\nip rule | grep -q "lookup 101"' },
  multipath: { what: 'routes over several next hops', wanted: 'load balancers by BGP', modules: [], probe: 'ip link add hw0 up type veth peer name hw1\nip link set hw1 up\nip addr add 10.0.0.1/24 dev hw0\nip route add 10.9.0.0/16 nexthop via 10.0.0.2 dev hw0 nexthop via 10.0.0.3 dev hw0' },
  nft: { what: 'nftables', wanted: 'egress, Services, policy', modules: ['nf_tables'], probe: nft(filter, 'add rule ip t c ct state established accept') },
  'nft-nat': { what: 'address translation by nftables', wanted: 'egress, Services', modules: ['nft_chain_nat', 'nft_nat', 'nft_masq'], probe: nft(prerouting, 'add rule ip t c ip daddr 10.96.0.42 tcp dport 80 dnat to 10.244.1.2:8080', 'add chain ip t p { type nat hook postrouting priority srcnat ; }', 'add rule ip t p masquerade') },
  'nft-set': { what: 'sets with timeouts in nftables', wanted: 'policy, session affinity', modules: ['nf_tables'], probe: nft(filter, 'add set ip t s { type ipv4_addr ; flags timeout ; timeout 10s ; }', 'add element ip t s { 10.0.0.1 }', 'add rule ip t c ip saddr @s accept') },
  'nft-map': { what: 'verdict maps in nftables', wanted: 'Services as kube-proxy makes them in nftables mode', modules: ['nf_tables'], probe: nft(filter, 'add chain ip t d', 'add map ip t m { type ipv4_addr . inet_proto . inet_service : verdict ; }', 'add element ip t m { 10.96.0.42 . tcp . 80 : goto d }', 'add rule ip t c ip daddr . meta l4proto . th dport vmap @m') },
  'nft-numgen': { what: 'random numbers in nftables', wanted: 'Services, loss as a fault', modules: ['nft_numgen'], probe: nft(filter, 'add rule ip t c numgen random mod 100 < 40 drop') },
  'nft-hash': { what: 'hashes in nftables', wanted: 'an alternative of the Services labs', modules: ['nft_hash'], probe: nft(filter, 'add rule ip t c jhash ip saddr mod 3 == 1 accept') },
  'nft-fib': { what: 'route look-ups in nftables', wanted: 'NodePorts', modules: ['nft_fib', 'nft_fib_ipv4'], probe: nft(prerouting, 'add rule ip t c fib daddr type local accept') },
  'nft-bridge': { what: 'nftables on a bridge', wanted: 'the source check of a cloud', modules: ['nf_tables'], probe: nft('add table bridge t', 'add chain bridge t c { type filter hook forward priority 0 ; }', 'add rule bridge t c ip saddr 10.0.0.1 drop') },
  'nft-trace': { what: 'the way of a packet through nftables', wanted: 'following one packet', modules: ['nf_tables'], probe: nft(filter, 'add rule ip t c meta nftrace set 1') },
  'iptables-nft': { what: 'iptables over nftables, with MASQUERADE', wanted: 'the path through docker0, egress, Services', modules: ['nft_compat', 'nft_chain_nat', 'xt_MASQUERADE'], probe: 'iptables-nft -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\niptables-nft -t nat -S | grep -q MASQUERADE' },
  'iptables-legacy': { what: 'iptables of its own, with MASQUERADE', wanted: 'rules that nft does not show', modules: ['ip_tables', 'iptable_nat', 'iptable_filter', 'xt_MASQUERADE'], probe: 'iptables-legacy -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\niptables-legacy -t nat -S | grep -q MASQUERADE' },
  'xt-statistic': { what: 'chance in iptables', wanted: 'Services as kube-proxy makes them in iptables mode', modules: ['xt_statistic'], probe: 'iptables-nft -A FORWARD -m statistic --mode random --probability 0.5 -j ACCEPT' },
  'xt-addrtype': { what: 'kinds of address in iptables', wanted: 'NodePorts', modules: ['xt_addrtype'], probe: 'iptables-nft -A INPUT -m addrtype --dst-type LOCAL -j ACCEPT' },
  'xt-comment': { what: 'comments in iptables', wanted: 'reading the rules of kube-proxy', modules: ['xt_comment'], probe: 'iptables-nft -A INPUT -m comment --comment hardway -j ACCEPT' },
  'xt-recent': { what: 'recent sources in iptables', wanted: 'session affinity', modules: ['xt_recent'], probe: 'iptables-nft -A INPUT -m recent --name hw --set -j ACCEPT' },
  'xt-physdev': { what: 'bridge ports in iptables', wanted: 'policy on one bridge', modules: ['xt_physdev'], probe: 'iptables-nft -A FORWARD -m physdev --physdev-is-bridged -j ACCEPT' },
  ipset: { what: 'sets for iptables', wanted: 'alternatives of egress and policy', modules: ['ip_set', 'ip_set_hash_net', 'xt_set'], probe: 'command -v ipset >/dev/null || exit 127\nipset create hw hash:net\niptables-nft -A FORWARD -m set --match-set hw src -j ACCEPT' },
  conntrack: { what: 'tracking of connections, and its table', wanted: 'egress, Services', modules: ['nf_conntrack', 'nf_conntrack_netlink'], probe: 'conntrack -L >/dev/null\nconntrack -I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 --timeout 10 >/dev/null\nconntrack -L 2>/dev/null | grep -q 10.0.0.2' },
  ipvs: { what: 'IP virtual servers', wanted: 'the ipvs mode of kube-proxy, which is going away', modules: ['ip_vs', 'ip_vs_rr'], probe: '[ -e /proc/net/ip_vs ] || { echo "missing: no /proc/net/ip_vs"; exit 1; }' },
  tbf: { what: 'a token bucket', wanted: 'the bandwidth plugin', modules: ['sch_tbf'], probe: qdisc('root tbf rate 1mbit burst 10k latency 50ms') },
  htb: { what: 'classes of bandwidth', wanted: 'the bandwidth plugin', modules: ['sch_htb'], probe: qdisc('root handle 1: htb default 1') },
  netem: { what: 'delay and loss', wanted: 'slow networks as a fault', modules: ['sch_netem'], probe: qdisc('root netem delay 10ms') },
  fq: { what: 'fair queues', wanted: 'pacing', modules: ['sch_fq'], probe: qdisc('root fq') },
  clsact: { what: 'hooks for programs on an interface', wanted: 'the eBPF labs', modules: ['sch_ingress'], probe: qdisc('clsact') },
  ingress: { what: 'the older hook for what comes in', wanted: 'the bandwidth plugin', modules: ['sch_ingress'], probe: qdisc('ingress') },
  bpf: { what: 'loading BPF programs', wanted: 'the eBPF labs, VLAN tags without a driver', modules: [], probe: bpf },
  capture: { what: 'seeing packets', wanted: 'every lab', modules: ['af_packet'], probe: capture },
  forwarding: { what: 'a node as a router', wanted: 'every lab with more than one node', modules: [], probe: 'sysctl -q -w net.ipv4.ip_forward=1' },
  containers: { what: 'containers in a node, by runc', wanted: 'container runtimes and kubelets', modules: [], role: 'kubelet', probe: containers },
  overlay: { what: 'layered file systems in a user namespace', wanted: 'containers in nodes', modules: ['overlay'], probe: `mount -t tmpfs hw /mnt
mkdir /mnt/l /mnt/u /mnt/w /mnt/m
echo x >/mnt/l/file
unshare -U -r -m mount -t overlay hw -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w,userxattr /mnt/m` },
}

/** What a probe's end says. The words are the kernel's and the tools'; a tool's own failing says nothing of the kernel. */
export function statusOf(exitCode: number | undefined, output: string): FeatureStatus {
  if (exitCode === 0) return 'ok'
  const said = /^(missing|refused|unknown): /m.exec(output)?.[1]
  if (said === 'missing' || said === 'refused' || said === 'unknown') return said
  if (exitCode === undefined || exitCode === 126 || exitCode === 127) return 'unknown'
  // The tool, not the kernel, is what lacks something here.
  if (/not found$|Couldn't load|Couldn't find|syntax error|unknown option|is unknown, try|Garbage|What is "|Temporary failure|Resource temporarily/im.test(output)) return 'unknown'
  if (/Operation not permitted|Permission denied|must be root/i.test(output)) return 'refused'
  if (MISSING.test(output)) return 'missing'
  return 'unknown'
}

const MISSING = new RegExp([
  // Link types and qdiscs, by the kernel's own messages and error numbers.
  'Unknown device type', 'Specified qdisc kind is unknown', 'Specified qdisc not found', 'Operation not supported', 'Protocol not supported',
  'Address family not supported', 'Function not implemented',
  // nft says only this when the kernel has no such expression or family.
  'Could not process rule: (No such file or directory|Operation not supported|Protocol not supported)',
  // iptables, either kind.
  'No chain/target/match by that name', 'missing kernel module', 'Table does not exist', 'does not exist \\(do you need to insmod',
  'unknown filesystem type', 'wrong fs type', 'No such device',
].join('|'), 'i')
