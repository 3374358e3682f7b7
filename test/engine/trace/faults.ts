// The faults that `lab trace` is scored on: what was done to a network that was whole, and so what is true of it.
// Nothing here was taken from what the tracer says. Faults that the kernel under the tests may lack are left out:
// VLAN filtering of bridges, drops by tc, loss and delay by netem.
import type { CauseKind, Probe } from '../../../runner/core/trace.ts'
import { flannel, vtepMac, type NetworkName } from './networks.ts'

/** It gets there and back. */
export interface Arrives {
  readonly arrives: true
  /** What has to be remarked, if something is odd about it. */
  readonly note?: RegExp
}

/** It does not, or not to whom it was meant for, or nothing comes back. */
export interface Dies {
  /** What a right answer may call it, the best first. */
  readonly kind: readonly [CauseKind, ...CauseKind[]]
  /** Where it ended, or where it has to be mended: a right answer may name either. */
  readonly at: readonly [string, ...string[]]
  /** Has to be in the sentence: what only somebody knows who has found it. */
  readonly says: RegExp
  /** Default: on the way there. */
  readonly way?: 'back'
}

export interface Fault {
  readonly name: string
  readonly network: NetworkName
  /** Done in this order, each by bash in a place: a node, a namespace of it, or the fabric. */
  readonly deeds: Readonly<Record<string, string>>
  readonly probe: Probe
  readonly truth: Arrives | Dies
  /** What the server says to `hello`. Default: the same. */
  readonly answer?: string
  /** The tracer says that it does not know, and blames nobody: so far, and of few. */
  readonly unnamed?: true
}

const there: Probe = { from: 'node1/red', to: '10.244.2.2', protocol: 'icmp' }
const neighbours: Probe = { from: 'node1/red', to: '10.244.1.3', protocol: 'icmp' }
const web: Probe = { ...there, protocol: 'tcp', port: 8080 }
const vip: Probe = { from: 'node1/red', to: '10.96.0.10', protocol: 'tcp', port: 80 }
const abroad: Probe = { from: 'alpha/web', to: '10.1.5.20', protocol: 'icmp' }

/** Something that answers on a port until its namespace ends. Where no more comes, socat waits only half a second for what its program says, unless told otherwise. */
const listens = (what: string, port: number, says = 'EXEC:cat'): string => `
  setsid socat -t 30 ${what},reuseaddr,fork ${says} </dev/null >/dev/null 2>&1 &
  for _ in $(seq 1000); do [ -n "$(ss -Hltun sport = :${port})" ] && exit 0; sleep 0.02; done; exit 1`
/** It reads first: where nobody reads what socat hands on, socat ends, at times before it has handed back what was said. */
const SAYS_ANOTHER = "SYSTEM:'head -c 1 >/dev/null; echo something else'"
const tcpServer = (port: number, more = ''): string => listens(`TCP4-LISTEN:${port}${more}`, port)
/** One socket for all who ask: of UDP4-LISTEN whoever asks first takes it along, and nobody has the port until there is the next. */
const udpServer = (port: number): string => listens(`UDP4-RECVFROM:${port}`, port)
const nft = (...lines: readonly string[]): string => lines.map(line => `nft '${line}'`).join('\n')
const forget = 'ip -s -s neigh flush all >/dev/null 2>&1 || true'
const service = (target: string): string => `iptables -t nat -F PREROUTING
  iptables -t nat -A PREROUTING -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination ${target}`
/** As kube-proxy does: also for what the node asks itself, under an address and a port of its choice. */
const nodeService = `iptables -t nat -A OUTPUT -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.2:8080
  iptables -t nat -A OUTPUT -p udp -d 10.96.0.10 --dport 53 -j DNAT --to-destination 10.244.2.2:5353
  iptables -t nat -A POSTROUTING -d 10.244.2.2 -j MASQUERADE --random-fully
  ip route add 10.96.0.0/12 via 192.168.1.12`
/** What comes for this port of node1 is for a pod of node2. */
const nodePort = 'iptables -t nat -A PREROUTING -p tcp -m addrtype --dst-type LOCAL --dport 31175 -j DNAT --to-destination 10.244.2.2:8080'
const nodePortBack = 'iptables -t nat -A POSTROUTING -p tcp -d 10.244.2.2 --dport 8080 -j MASQUERADE'
const fromOutside: Probe = { from: 'node3', to: '192.168.1.11', protocol: 'tcp', port: 31175 }

/** As lab 15 has it: what is not in the map meets `otherwise`. */
const byMap = (otherwise: string): string => nft('add table ip svc', 'add chain ip svc one', 'add rule ip svc one meta l4proto tcp dnat to numgen random mod 1 map { 0 : 10.244.2.2 . 8080 }',
  'add map ip svc ports { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.10 . tcp . 80 : goto one }; }',
  'add chain ip svc pre { type nat hook prerouting priority dstnat; }', 'add rule ip svc pre ip daddr . meta l4proto . th dport vmap @ports', `add rule ip svc pre ${otherwise}`)

interface Told {
  readonly kind: CauseKind | Dies['kind']
  readonly at: string | Dies['at']
  readonly says: RegExp
}
const list = <T extends string>(one: T | readonly [T, ...T[]]): readonly [T, ...T[]] => typeof one === 'string' ? [one] : one
const dies = ({ kind, at, says }: Told): Dies => ({ kind: list(kind), at: list(at), says })
const noReply = (told: Told): Dies => ({ ...dies(told), way: 'back' })
const arrives: Arrives = { arrives: true }
const arrivesBut = (note: RegExp): Arrives => ({ arrives: true, note })

/** By name; the number is that of the table in which it was first written down. */
const stock: Readonly<Record<string, Omit<Fault, 'name'>>> = {
  // Nothing is wrong: a tracer that finds something is not to be believed.
  'whole: pods of two nodes': { network: 'routed', deeds: {}, probe: there, truth: arrives },
  'whole: pods of one node': { network: 'routed', deeds: {}, probe: neighbours, truth: arrives },
  'whole: by TCP': { network: 'routed', deeds: { 'node2/green': tcpServer(8080) }, probe: web, truth: arrives },
  'whole: by UDP': { network: 'routed', deeds: { 'node2/green': udpServer(5353) }, probe: { ...there, protocol: 'udp', port: 5353 }, truth: arrives },
  'whole: as large as the wire takes': { network: 'routed', deeds: {}, probe: { ...there, size: 1500 }, truth: arrives },
  'whole: from a node to a pod': { network: 'routed', deeds: {}, probe: { ...there, from: 'node1' }, truth: arrives },
  'whole: from a pod to a node': { network: 'routed', deeds: {}, probe: { ...there, to: '192.168.1.13' }, truth: arrives },
  'whole: nothing is called as usual': { network: 'elsewhere', deeds: {}, probe: abroad, truth: arrives },
  'whole: over VXLAN': { network: 'overlay', deeds: {}, probe: there, truth: arrives },
  'whole: over VXLAN, as large as it takes': { network: 'overlay', deeds: {}, probe: { ...there, size: 1450 }, truth: arrives },
  'whole: over a VXLAN of another number, port and name, that learns': {
    network: 'routed',
    deeds: {
      node1: 'ip link add tun0 mtu 1450 up type vxlan id 4711 dev eth0 remote 192.168.1.12 dstport 4789; ip addr add 10.99.0.1/30 dev tun0; ip route replace 10.244.2.0/24 via 10.99.0.2',
      node2: 'ip link add over mtu 1450 up type vxlan id 4711 dev eth0 remote 192.168.1.11 dstport 4789; ip addr add 10.99.0.2/30 dev over; ip route replace 10.244.1.0/24 via 10.99.0.1',
    },
    probe: there, truth: arrives,
  },
  'whole: through a service': { network: 'service', deeds: { 'node2/green': tcpServer(8080) }, probe: vip, truth: arrivesBut(/10\.244\.2\.2/) },
  'whole: through a service of nftables, by a verdict map': { network: 'routed', deeds: { node1: byMap('counter'), 'node2/green': tcpServer(8080) }, probe: vip, truth: arrivesBut(/10\.244\.2\.2/) },
  'whole: through a service, by UDP': { network: 'service', deeds: { 'node2/green': udpServer(5353) }, probe: { ...vip, protocol: 'udp', port: 53 }, truth: arrivesBut(/10\.244\.2\.2/) },
  'whole: a firewall that forwards pods, and nothing else': {
    network: 'routed',
    deeds: { node1: 'iptables -P FORWARD DROP; iptables -A FORWARD -s 10.244.0.0/16 -d 10.244.0.0/16 -j ACCEPT' },
    probe: there, truth: arrives,
  },
  'whole: a firewall of which TCP would know': { network: 'routed', deeds: { node1: 'iptables -A FORWARD -p tcp -j DROP' }, probe: there, truth: arrives },
  'whole: strict reverse path filtering, and one path': {
    network: 'routed', deeds: { node2: 'sysctl -qw net.ipv4.conf.all.rp_filter=1', node1: 'sysctl -qw net.ipv4.conf.all.rp_filter=1' }, probe: there, truth: arrives,
  },
  'whole: a pod with a narrower mask that still works': {
    network: 'routed', deeds: { 'node1/red': 'ip addr add 10.244.1.2/30 dev eth0; ip addr del 10.244.1.2/24 dev eth0; ip route replace default via 10.244.1.1' }, probe: there, truth: arrives,
  },
  'whole: a pod with a mask that is too wide, and a node that answers for the others': {
    network: 'routed',
    deeds: { 'node1/red': 'ip addr add 10.244.1.2/16 dev eth0; ip addr del 10.244.1.2/24 dev eth0; ip route replace default via 10.244.1.1', node1: 'sysctl -qw net.ipv4.conf.cni0.proxy_arp=1' },
    probe: there, truth: arrives,
  },
  'whole: a way round by a third node': { network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.13' }, probe: there, truth: arrives },
  'whole: a reply that comes round by a third node': { network: 'routed', deeds: { node2: 'ip route replace 10.244.1.0/24 via 192.168.1.13' }, probe: there, truth: arrives },
  'whole: a table of its own for pods, and the main one wrong': {
    network: 'routed',
    deeds: { node1: 'ip rule add from 10.244.1.0/24 lookup 77; ip route add 10.244.2.0/24 via 192.168.1.12 table 77; ip route replace blackhole 10.244.2.0/24' },
    probe: there, truth: arrives,
  },

  // Forwarding.
  'the first node does not forward': { network: 'routed', deeds: { node1: 'sysctl -qw net.ipv4.ip_forward=0' }, probe: there, truth: dies({ kind: 'forwarding-off', at: 'node1', says: /node1.*forward/s }) },
  'the second node does not forward': { network: 'routed', deeds: { node2: 'sysctl -qw net.ipv4.ip_forward=0' }, probe: there, truth: dies({ kind: 'forwarding-off', at: 'node2', says: /node2.*forward/s }) },
  'no forwarding from one interface': { network: 'routed', deeds: { node2: 'sysctl -qw net.ipv4.conf.eth0.forwarding=0' }, probe: there, truth: dies({ kind: 'forwarding-off', at: 'node2', says: /eth0.*forwarding|forwarding.*eth0/s }) },
  'no forwarding from the bridge, where only the reply comes from': {
    network: 'routed', deeds: { node2: 'sysctl -qw net.ipv4.conf.cni0.forwarding=0' }, probe: there, truth: noReply({ kind: 'forwarding-off', at: 'node2', says: /cni0.*forwarding|forwarding.*cni0/s }),
  },
  'no forwarding, and nothing is called as usual': { network: 'elsewhere', deeds: { beta: 'sysctl -qw net.ipv4.ip_forward=0' }, probe: abroad, truth: dies({ kind: 'forwarding-off', at: 'beta', says: /beta.*forward/s }) },
  'a next hop that is no router': {
    network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.13', node3: 'sysctl -qw net.ipv4.ip_forward=0' }, probe: there,
    truth: dies({ kind: 'forwarding-off', at: 'node3', says: /node3.*forward/s }),
  },
  'a pod taken for a router': {
    network: 'routed', deeds: { 'node1/red': 'ip route replace default via 10.244.1.3' }, probe: there, truth: dies({ kind: 'forwarding-off', at: 'node1/blue', says: /blue.*forward/s }),
  },

  // Routes.
  'no route out': { network: 'routed', deeds: { node1: 'ip route del 10.244.2.0/24' }, probe: there, truth: dies({ kind: 'no-route', at: 'node1', says: /node1.*no route.*10\.244\.2/s }) },
  'no route out, and nothing is called as usual': { network: 'elsewhere', deeds: { alpha: 'ip route del 10.1.4.0/22' }, probe: abroad, truth: dies({ kind: 'no-route', at: 'alpha', says: /alpha.*no route/s }) },
  'no route back': { network: 'routed', deeds: { node2: 'ip route del 10.244.1.0/24' }, probe: there, truth: noReply({ kind: 'no-route', at: 'node2', says: /node2.*no route.*10\.244\.1/s }) },
  'a next hop that nobody is': { network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.99' }, probe: there, truth: dies({ kind: ['nobody-has-next-hop', 'nobody-has-address'], at: 'node1', says: /192\.168\.1\.99/ }) },
  'a next hop that nobody is, on the way back': {
    network: 'routed', deeds: { node2: 'ip route replace 10.244.1.0/24 via 192.168.1.99' }, probe: there, truth: noReply({ kind: ['nobody-has-next-hop', 'nobody-has-address'], at: 'node2', says: /192\.168\.1\.99/ }),
  },
  'a next hop that has no route': {
    network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.13', node3: 'ip route del 10.244.2.0/24' }, probe: there,
    truth: dies({ kind: 'no-route', at: 'node3', says: /node3.*no route/s }),
  },
  'a loop': {
    network: 'routed', deeds: { node1: 'ip route add 10.244.7.0/24 via 192.168.1.12', node2: 'ip route add 10.244.7.0/24 via 192.168.1.11' }, probe: { ...there, to: '10.244.7.9' },
    truth: dies({ kind: 'loop', at: ['node1', 'node2'], says: /node1.*node2|node2.*node1/s }),
  },
  'a loop of three': {
    network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.13', node3: 'ip route replace 10.244.2.0/24 via 192.168.1.11' }, probe: there,
    truth: dies({ kind: 'loop', at: ['node1', 'node3'], says: /node1.*node3|node3.*node1/s }),
  },
  'a loop of the reply': {
    network: 'routed', deeds: { node2: 'ip route replace 10.244.1.0/24 via 192.168.1.13', node3: 'ip route replace 10.244.1.0/24 via 192.168.1.12' }, probe: there,
    truth: noReply({ kind: 'loop', at: ['node2', 'node3'], says: /node2.*node3|node3.*node2/s }),
  },
  'the wire taken for the next hop': { network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 dev eth0' }, probe: there, truth: dies({ kind: ['wrong-mask', 'not-asked-for'], at: 'node1', says: /node1.*10\.244\.2\.2/s }) },
  'a blackhole': { network: 'routed', deeds: { node1: 'ip route replace blackhole 10.244.2.0/24' }, probe: there, truth: dies({ kind: 'route-says-no', at: 'node1', says: /node1.*blackhole/s }) },
  'a blackhole for a part': { network: 'routed', deeds: { node1: 'ip route add blackhole 10.244.2.0/29' }, probe: there, truth: dies({ kind: 'route-says-no', at: 'node1', says: /blackhole.*10\.244\.2\.0\/29/s }) },
  'an unreachable route': { network: 'routed', deeds: { node1: 'ip route replace unreachable 10.244.2.0/24' }, probe: there, truth: dies({ kind: 'route-says-no', at: 'node1', says: /node1.*unreachable/s }) },
  'a prohibited route': { network: 'routed', deeds: { node2: 'ip route add prohibit 10.244.2.2/32' }, probe: there, truth: dies({ kind: 'route-says-no', at: 'node2', says: /node2.*prohibit/s }) },
  'a blackhole for the reply': { network: 'routed', deeds: { node2: 'ip route replace blackhole 10.244.1.0/24' }, probe: there, truth: noReply({ kind: 'route-says-no', at: 'node2', says: /node2.*blackhole/s }) },
  'a blackhole in a table that a rule names': {
    network: 'routed', deeds: { node1: 'ip rule add from 10.244.1.2 lookup 100; ip route add blackhole default table 100' }, probe: there,
    truth: dies({ kind: 'route-says-no', at: 'node1', says: /blackhole.*100|100.*blackhole/s }),
  },
  'a rule that prohibits': { network: 'routed', deeds: { node1: 'ip rule add from 10.244.1.2 prohibit' }, probe: there, truth: dies({ kind: 'route-says-no', at: 'node1', says: /prohibit/ }) },
  'a rule that prohibits the reply': { network: 'routed', deeds: { node2: 'ip rule add to 10.244.1.0/24 prohibit' }, probe: there, truth: noReply({ kind: 'route-says-no', at: 'node2', says: /prohibit/ }) },
  'a pod without a way out': { network: 'routed', deeds: { 'node1/red': 'ip route del default' }, probe: there, truth: dies({ kind: 'no-route', at: 'node1/red', says: /red.*no (default )?route/s }) },
  'a pod without a way back': { network: 'routed', deeds: { 'node2/green': 'ip route del default' }, probe: there, truth: noReply({ kind: 'no-route', at: 'node2/green', says: /green.*no (default )?route/s }) },
  'a pod whose gateway nobody is': { network: 'routed', deeds: { 'node1/red': 'ip route replace default via 10.244.1.9' }, probe: there, truth: dies({ kind: ['nobody-has-next-hop', 'nobody-has-address'], at: 'node1/red', says: /10\.244\.1\.9\b/ }) },
  'a pod whose gateway nobody is, on the way back': { network: 'routed', deeds: { 'node2/green': 'ip route replace default via 10.244.2.9' }, probe: there, truth: noReply({ kind: ['nobody-has-next-hop', 'nobody-has-address'], at: 'node2/green', says: /10\.244\.2\.9\b/ }) },
  'a sender with an address that nobody routes': {
    network: 'routed', deeds: { 'node1/red': 'ip addr add 10.77.0.9/32 dev lo; ip route replace default via 10.244.1.1 src 10.77.0.9' }, probe: there,
    truth: noReply({ kind: 'no-route', at: 'node2', says: /node2.*no route.*10\.77\.0\.9/s }),
  },
  'a second bridge with a narrower range': {
    network: 'routed', deeds: { node2: `ip link add cni1 up type bridge; ip addr add 10.244.2.1/25 dev cni1; ip link add v8 up type veth peer name v9; ip link set v9 up; ip link set v8 master cni1` }, probe: there,
    truth: dies({ kind: ['wrong-mask', 'not-attached', 'not-asked-for'], at: 'node2', says: /cni1/ }),
  },

  // Links, addresses, bridges.
  'the sender is unplugged': { network: 'routed', deeds: { node1: 'ip link set veth-red down' }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: ['node1', 'node1/red'], says: /veth-red.*down|down.*veth-red/s }) },
  'the receiver is unplugged': { network: 'routed', deeds: { node2: `ip link set veth-green down; ${forget}` }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: ['node2', 'node2/green'], says: /veth-green.*down|down.*veth-green/s }) },
  'the receiver has shut its door': { network: 'routed', deeds: { 'node2/green': 'ip link set eth0 down', node2: forget }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'node2/green', says: /green.*eth0.*down|eth0.*green.*down/s }) },
  'the sender has shut its door': { network: 'routed', deeds: { 'node1/red': 'ip link set eth0 down' }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'node1/red', says: /red.*eth0.*down|eth0.*red.*down/s }) },
  'the sender is no port of the bridge': { network: 'routed', deeds: { node1: `ip link set veth-red nomaster; ${forget}` }, probe: there, truth: noReply({ kind: 'not-attached', at: 'node1', says: /veth-red/ }) },
  'the receiver is no port of the bridge': { network: 'routed', deeds: { node2: `ip link set veth-green nomaster; ${forget}` }, probe: there, truth: dies({ kind: 'not-attached', at: 'node2', says: /veth-green/ }) },
  'the receiver is no port, and nothing is called as usual': { network: 'elsewhere', deeds: { beta: `ip link set veth-api nomaster; ${forget}` }, probe: abroad, truth: dies({ kind: 'not-attached', at: 'beta', says: /veth-api.*lxcbr1|lxcbr1.*veth-api/s }) },
  'the receiver is a port of another bridge': { network: 'routed', deeds: { node2: `ip link add cni9 up type bridge; ip link set veth-green master cni9; ${forget}` }, probe: there, truth: dies({ kind: 'not-attached', at: 'node2', says: /veth-green.*cni9|cni9.*veth-green/s }) },
  'the first bridge is down': { network: 'routed', deeds: { node1: 'ip link set cni0 down', 'node1/red': forget }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'node1', says: /cni0.*down/s }) },
  'the second bridge is down': { network: 'routed', deeds: { node2: 'ip link set cni0 down' }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'node2', says: /cni0.*down/s }) },
  'the bridge is down, and nothing is called as usual': { network: 'elsewhere', deeds: { beta: 'ip link set lxcbr1 down' }, probe: abroad, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'beta', says: /lxcbr1.*down/s }) },
  'the first bridge has no address': { network: 'routed', deeds: { node1: 'ip addr flush dev cni0', 'node1/red': forget }, probe: there, truth: dies({ kind: ['no-address', 'nobody-has-next-hop', 'nobody-has-address'], at: ['node1/red', 'node1'], says: /10\.244\.1\.1\b/ }) },
  'the second bridge has no address': { network: 'routed', deeds: { node2: 'ip addr flush dev cni0' }, probe: there, truth: dies({ kind: ['no-address', 'no-route'], at: 'node2', says: /cni0.*no address|no address.*10\.244\.2/s }) },
  'a node without its address': { network: 'routed', deeds: { node2: 'ip addr flush dev eth0', node1: forget }, probe: there, truth: dies({ kind: ['nobody-has-next-hop', 'nobody-has-address', 'no-address'], at: ['node1', 'node2'], says: /192\.168\.1\.12/ }) },
  'a node that left the wire': { network: 'routed', deeds: { node2: 'ip link set eth0 down', node1: forget }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: 'node2', says: /node2.*eth0.*down|eth0.*node2.*down/s }) },
  'a wire that was cut': { network: 'routed', deeds: { fabric: 'ip link set node2-eth0 down', node1: forget }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: ['fabric', 'node2'], says: /node2-eth0|eth0.*(down|carrier)/s }) },
  'the sender takes everything for its neighbours': {
    network: 'routed', deeds: { 'node1/red': 'ip addr add 10.244.1.2/16 dev eth0; ip addr del 10.244.1.2/24 dev eth0; ip route replace default via 10.244.1.1' }, probe: there,
    truth: dies({ kind: 'wrong-mask', at: 'node1/red', says: /\/16/ }),
  },
  'the receiver takes everything for its neighbours': {
    network: 'routed', deeds: { 'node2/green': 'ip addr add 10.244.2.2/16 dev eth0; ip addr del 10.244.2.2/24 dev eth0; ip route replace default via 10.244.2.1' }, probe: there,
    truth: noReply({ kind: 'wrong-mask', at: 'node2/green', says: /\/16/ }),
  },
  'the receiver takes everything for its neighbours, with another mask': {
    network: 'elsewhere', deeds: { 'beta/api': 'ip addr add 10.1.5.20/13 dev eth0; ip addr del 10.1.5.20/23 dev eth0; ip route replace default via 10.1.4.1' }, probe: abroad,
    truth: noReply({ kind: 'wrong-mask', at: 'beta/api', says: /\/13/ }),
  },
  'the receiver has another address': { network: 'routed', deeds: { 'node2/green': 'ip addr flush dev eth0; ip addr add 10.244.2.7/24 dev eth0; ip route replace default via 10.244.2.1', node2: forget }, probe: there, truth: dies({ kind: ['nobody-has-next-hop', 'nobody-has-address'], at: 'node2', says: /10\.244\.2\.2\b/ }) },
  'two have the address, and the wrong one is asked': {
    network: 'routed',
    deeds: {
      'node2/green': tcpServer(8080),
      'node2/teal': 'ip addr add 10.244.2.2/24 dev eth0',
      node2: 'ip neigh replace 10.244.2.2 dev cni0 nud permanent lladdr $(ip netns exec teal cat /sys/class/net/eth0/address)',
    },
    probe: web, truth: dies({ kind: 'duplicate-address', at: ['node2/teal', 'node2/green', 'node2'], says: /teal/ }),
  },
  'two have the address, and one of them answers': { network: 'routed', deeds: { 'node2/teal': 'ip addr add 10.244.2.2/24 dev eth0', node2: forget }, probe: there, truth: arrivesBut(/10\.244\.2\.2.*teal|teal.*10\.244\.2\.2/s) },
  'a node has the address of a pod elsewhere': { network: 'routed', deeds: { node1: 'ip addr add 10.244.2.2/32 dev lo', 'node2/green': tcpServer(8080) }, probe: web, truth: dies({ kind: 'duplicate-address', at: ['node1', 'node2/green'], says: /node1/ }) },
  'ports kept apart': { network: 'routed', deeds: { node1: 'bridge link set dev veth-red isolated on; bridge link set dev veth-blue isolated on', 'node1/red': forget, 'node1/blue': forget }, probe: neighbours, truth: dies({ kind: 'isolated-ports', at: 'node1', says: /isolated/ }) },
  'ports kept apart that knew each other': { network: 'routed', deeds: { 'node1/red': 'ping -qc1 -W20 10.244.1.3 >/dev/null', node1: 'bridge link set dev veth-red isolated on; bridge link set dev veth-blue isolated on' }, probe: neighbours, truth: dies({ kind: 'isolated-ports', at: 'node1', says: /isolated/ }) },
  'a port that is disabled': { network: 'routed', deeds: { node2: `bridge link set dev veth-green state 0; ${forget}` }, probe: there, truth: dies({ kind: 'port-not-forwarding', at: 'node2', says: /veth-green.*disabled/s }) },
  'a port that still listens before it forwards': {
    network: 'routed', deeds: { node2: `ip link set cni0 type bridge stp_state 1 forward_delay 3000; ip link set veth-green down; ip link set veth-green up; ${forget}`, 'node2/green': 'ip route replace default via 10.244.2.1' }, probe: there,
    truth: dies({ kind: 'port-not-forwarding', at: 'node2', says: /veth-green.*(listening|learning)/s }),
  },
  'a port that broadcasts do not reach': { network: 'routed', deeds: { node1: 'bridge link set dev veth-blue bcast_flood off', 'node1/red': forget, 'node1/blue': forget }, probe: neighbours, truth: dies({ kind: 'port-not-forwarding', at: 'node1', says: /bcast_flood|broadcast/ }) },
  'a forwarding entry that leads to the wrong port': {
    network: 'routed', deeds: { node2: 'bridge fdb replace $(ip netns exec green cat /sys/class/net/eth0/address) dev veth-teal master static sticky' }, probe: there,
    truth: dies({ kind: ['wrong-mac', 'not-asked-for', 'port-not-forwarding'], at: ['node2', 'node2/teal'], says: /veth-teal/ }),
  },
  'a pod that does not do ARP': { network: 'routed', deeds: { 'node2/green': 'ip link set eth0 arp off', node2: forget }, probe: there, truth: dies({ kind: ['not-asked-for', 'link-down'], at: 'node2/green', says: /green.*ARP/is }) },
  'a pod that ignores ARP': { network: 'routed', deeds: { 'node2/green': 'sysctl -qw net.ipv4.conf.all.arp_ignore=8', node2: forget }, probe: there, truth: dies({ kind: ['not-asked-for', 'link-down'], at: 'node2/green', says: /arp_ignore/ }) },

  // Neighbours.
  'a wrong MAC for the receiver': { network: 'routed', deeds: { node2: 'ip neigh replace 10.244.2.2 dev cni0 lladdr 02:00:00:00:00:99 nud permanent' }, probe: there, truth: dies({ kind: 'wrong-mac', at: ['node2', 'node2/green'], says: /02:00:00:00:00:99/ }) },
  'a wrong MAC for the next hop': { network: 'routed', deeds: { node1: 'ip neigh replace 192.168.1.12 dev eth0 lladdr 02:00:00:00:00:98 nud permanent' }, probe: there, truth: dies({ kind: 'wrong-mac', at: ['node1', 'node2'], says: /02:00:00:00:00:98/ }) },
  'a wrong MAC for the gateway': { network: 'routed', deeds: { 'node1/red': 'ip neigh replace 10.244.1.1 dev eth0 lladdr 02:00:00:00:00:97 nud permanent' }, probe: there, truth: dies({ kind: 'wrong-mac', at: ['node1/red', 'node1'], says: /02:00:00:00:00:97/ }) },
  'a wrong MAC for the gateway, on the way back': { network: 'routed', deeds: { 'node2/green': 'ip neigh replace 10.244.2.1 dev eth0 lladdr 02:00:00:00:00:96 nud permanent' }, probe: there, truth: noReply({ kind: 'wrong-mac', at: ['node2/green', 'node2'], says: /02:00:00:00:00:96/ }) },
  'the MAC of another pod, which is no router': {
    network: 'routed', deeds: { node2: 'ip neigh replace 10.244.2.2 dev cni0 nud permanent lladdr $(ip netns exec teal cat /sys/class/net/eth0/address)' }, probe: there,
    truth: dies({ kind: 'wrong-mac', at: ['node2', 'node2/teal'], says: /teal/ }),
  },
  'the MAC of another pod, which passes it on': {
    network: 'routed', deeds: { 'node2/teal': 'sysctl -qw net.ipv4.ip_forward=1', node2: 'ip neigh replace 10.244.2.2 dev cni0 nud permanent lladdr $(ip netns exec teal cat /sys/class/net/eth0/address)' }, probe: there,
    truth: arrivesBut(/teal/),
  },

  // Filters.
  'a policy that drops, by iptables': { network: 'routed', deeds: { node1: 'iptables -P FORWARD DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD.*policy|policy.*FORWARD/s }) },
  'a policy that drops, by the older iptables': { network: 'routed', deeds: { node1: 'iptables-legacy -P FORWARD DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD.*policy|policy.*FORWARD/s }) },
  'a rule that drops, by iptables': { network: 'routed', deeds: { node1: 'iptables -A FORWARD -d 10.244.2.0/24 -j DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD.*10\.244\.2\.0\/24|10\.244\.2\.0\/24.*FORWARD/s }) },
  'a rule that drops, by the older iptables': { network: 'routed', deeds: { node2: 'iptables-legacy -A FORWARD -s 10.244.1.2/32 -j DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }) },
  'a rule that rejects': { network: 'routed', deeds: { node1: 'iptables -A FORWARD -d 10.244.2.0/24 -j REJECT' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD/ }) },
  'a rule that rejects, by the older iptables': { network: 'routed', deeds: { node2: 'iptables-legacy -A FORWARD -d 10.244.2.0/24 -j REJECT' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }) },
  'a rule that rejects in the name of the receiver': {
    network: 'routed', deeds: { 'node2/green': tcpServer(8080), node1: 'iptables -A FORWARD -p tcp --dport 8080 -j REJECT --reject-with tcp-reset' }, probe: web,
    truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD/ }),
  },
  'a rule of the receiver that rejects': {
    network: 'routed', deeds: { 'node2/green': `iptables -A INPUT -p tcp --dport 8080 -j REJECT --reject-with tcp-reset; ${tcpServer(8080)}` }, probe: web, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2/green', says: /INPUT/ }),
  },
  'a rule in a chain that another jumps to': {
    network: 'routed', deeds: { node2: 'iptables -N KUBE-ROUTER-POD; iptables -A FORWARD -o cni0 -j KUBE-ROUTER-POD; iptables -A KUBE-ROUTER-POD -p icmp -j DROP' }, probe: there,
    truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /KUBE-ROUTER-POD/ }),
  },
  'a policy that drops, by nft': { network: 'routed', deeds: { node1: nft('add table inet walls', 'add chain inet walls through { type filter hook forward priority 0; policy drop; }') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /through/ }) },
  'a rule that drops, by nft': { network: 'routed', deeds: { node2: nft('add table ip walls', 'add chain ip walls through { type filter hook forward priority 10; }', 'add rule ip walls through ip daddr 10.244.2.0/24 drop') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /through/ }) },
  'a rule that drops at once, by nft': { network: 'routed', deeds: { node2: nft('add table ip walls', 'add chain ip walls gate { type filter hook prerouting priority raw; }', 'add rule ip walls gate iifname "eth0" ip saddr 10.244.1.0/24 drop') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /gate/ }) },
  'a rule that drops at the very last, by nft': { network: 'routed', deeds: { node1: nft('add table ip walls', 'add chain ip walls exit { type filter hook postrouting priority 200; }', 'add rule ip walls exit oifname "eth0" ip protocol icmp drop') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /exit/ }) },
  'a drop at the door of an interface': { network: 'routed', deeds: { node2: nft('add table netdev walls', 'add chain netdev walls door { type filter hook ingress device "eth0" priority 0; }', 'add rule netdev walls door ip daddr 10.244.2.2 drop') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /door/ }) },
  'a drop in a bridge': { network: 'routed', deeds: { node1: nft('add table bridge walls', 'add chain bridge walls across { type filter hook forward priority 0; }', 'add rule bridge walls across ether type ip drop') }, probe: neighbours, truth: dies({ kind: ['bridge-filtered', 'filtered'], at: 'node1', says: /across/ }) },
  'a set of those who are not let through': {
    network: 'routed', deeds: { node2: nft('add table ip walls', 'add set ip walls guests { type ipv4_addr; elements = { 10.244.1.2 }; }', 'add chain ip walls through { type filter hook forward priority 0; }', 'add rule ip walls through ip saddr @guests drop') }, probe: there,
    truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /through/ }),
  },
  'a receiver that lets nothing in': { network: 'routed', deeds: { 'node2/green': nft('add table inet own', 'add chain inet own arriving { type filter hook input priority 0; policy drop; }') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2/green', says: /arriving/ }) },
  'a receiver that lets nothing out': { network: 'routed', deeds: { 'node2/green': 'iptables -P OUTPUT DROP' }, probe: there, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node2/green', says: /OUTPUT/ }) },
  'a sender that lets nothing out': { network: 'routed', deeds: { 'node1/red': 'iptables -P OUTPUT DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1/red', says: /OUTPUT/ }) },
  'a sender that lets nothing in': { network: 'routed', deeds: { 'node1/red': 'iptables -P INPUT DROP' }, probe: there, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node1/red', says: /INPUT/ }) },
  'a rule that drops the reply': { network: 'routed', deeds: { node2: 'iptables -A FORWARD -s 10.244.2.0/24 -p icmp --icmp-type echo-reply -j DROP' }, probe: there, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }) },
  'a node that lets nothing come home': { network: 'routed', deeds: { node1: 'iptables -A FORWARD -i eth0 -j DROP' }, probe: there, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD/ }) },
  'a rule that drops the answer to a connection': {
    network: 'routed', deeds: { 'node2/green': tcpServer(8080), node2: 'iptables -A FORWARD -p tcp --tcp-flags SYN,ACK SYN,ACK -j DROP' }, probe: web, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }),
  },
  'a policy that drops, and nothing is called as usual': { network: 'elsewhere', deeds: { alpha: nft('add table inet fw', 'add chain inet fw transit { type filter hook forward priority -5; policy drop; }') }, probe: abroad, truth: dies({ kind: ['filtered', 'rejected'], at: 'alpha', says: /transit/ }) },
  'bridged frames sent through iptables': { network: 'routed', deeds: { node1: 'sysctl -qw net.bridge.bridge-nf-call-iptables=1; iptables -P FORWARD DROP' }, probe: neighbours, truth: dies({ kind: 'bridge-netfilter', at: 'node1', says: /bridge-nf-call-iptables/ }) },
  'bridged frames sent through the older iptables': { network: 'routed', deeds: { node1: 'sysctl -qw net.bridge.bridge-nf-call-iptables=1; iptables-legacy -P FORWARD DROP' }, probe: neighbours, truth: dies({ kind: 'bridge-netfilter', at: 'node1', says: /bridge-nf-call-iptables/ }) },
  'a filter that only bridged frames could meet': { network: 'routed', deeds: { node1: 'sysctl -qw net.bridge.bridge-nf-call-iptables=0; iptables -P FORWARD DROP' }, probe: neighbours, truth: arrives },
  // What a network policy becomes on a node.
  'a policy that forgets answers': {
    network: 'routed', deeds: { 'node2/green': tcpServer(8080), node1: nft('add table ip netpol', 'add chain ip netpol guarded { type filter hook forward priority 0; }', 'add rule ip netpol guarded ip daddr 10.244.1.2 drop') }, probe: web,
    truth: noReply({ kind: ['filtered', 'rejected'], at: 'node1', says: /guarded/ }),
  },
  'a policy between pods of one bridge': {
    network: 'routed', deeds: { node1: `sysctl -qw net.bridge.bridge-nf-call-iptables=1\n${nft('add table ip netpol', 'add chain ip netpol ingress', 'add rule ip netpol ingress drop', 'add chain ip netpol guarded { type filter hook forward priority 0; }',
      'add rule ip netpol guarded ct state established,related accept', 'add rule ip netpol guarded ip daddr 10.244.1.3 jump ingress')}` }, probe: neighbours,
    truth: dies({ kind: ['bridge-netfilter', 'filtered'], at: 'node1', says: /ingress|bridge-nf-call-iptables/ }),
  },
  'a policy that names the port of the Service': {
    network: 'service', deeds: { node1: `${service('10.244.2.2:8080')}\n${nft('add table ip netpol', 'add chain ip netpol guarded { type filter hook forward priority 0; }', 'add rule ip netpol guarded ct state established accept',
      'add rule ip netpol guarded ip saddr 10.244.1.2 tcp dport 80 accept', 'add rule ip netpol guarded ip saddr 10.244.1.2 drop')}`, 'node2/green': tcpServer(8080) }, probe: vip,
    truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /guarded/ }),
  },
  'ARP is filtered': { network: 'routed', deeds: { 'node2/green': nft('add table arp own', 'add chain arp own asking { type filter hook input priority 0; policy drop; }'), node2: forget }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2/green', says: /asking/ }) },

  // Reverse paths.
  'strict reverse path filtering, and another way back': {
    network: 'routed', deeds: { node2: 'ip link add old0 up type veth peer name old1; ip link set old1 up; ip route replace 10.244.1.0/24 dev old0; sysctl -qw net.ipv4.conf.eth0.rp_filter=1' }, probe: there,
    truth: dies({ kind: 'reverse-path-filter', at: 'node2', says: /rp_filter.*eth0|eth0.*rp_filter/s }),
  },
  'strict reverse path filtering for all, and a tunnel back': {
    network: 'overlay', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.12', node2: 'sysctl -qw net.ipv4.conf.all.rp_filter=1' }, probe: there, truth: dies({ kind: 'reverse-path-filter', at: 'node2', says: /rp_filter/ }),
  },
  'strict reverse path filtering of the reply': {
    network: 'overlay', deeds: { node2: 'ip route replace 10.244.1.0/24 via 192.168.1.11', node1: 'sysctl -qw net.ipv4.conf.all.rp_filter=1' }, probe: there, truth: noReply({ kind: 'reverse-path-filter', at: 'node1', says: /rp_filter/ }),
  },
  'asymmetric, and nobody minds': { network: 'overlay', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.12' }, probe: there, truth: arrives },

  // Rewriting.
  'hidden behind the node': { network: 'routed', deeds: { node1: 'iptables -t nat -A POSTROUTING -s 10.244.1.0/24 ! -o cni0 -j MASQUERADE' }, probe: there, truth: arrivesBut(/192\.168\.1\.11/) },
  'hidden behind the node, by nft': { network: 'routed', deeds: { node1: nft('add table ip hide', 'add chain ip hide behind { type nat hook postrouting priority 100; }', 'add rule ip hide behind oifname "eth0" masquerade') }, probe: { ...there, protocol: 'udp', port: 5353 }, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /5353/ }) },
  'hidden behind an address that nobody has': { network: 'routed', deeds: { node1: 'iptables -t nat -A POSTROUTING -s 10.244.1.0/24 -o eth0 -j SNAT --to-source 192.168.1.77'}, probe: there, truth: noReply({ kind: ['rewritten-to-nobody', 'nobody-has-next-hop', 'nobody-has-address'], at: ['node2', 'node1'], says: /192\.168\.1\.77/ }) },
  'a service of nftables, at a port that it refuses': {
    network: 'routed', deeds: { node1: byMap('ip daddr 10.96.0.10 reject'), 'node2/green': tcpServer(8080) }, probe: { ...vip, port: 81 }, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /10\.96\.0\.10.*reject/s }),
  },
  'a service of nftables that is refused before it is translated': {
    network: 'routed', deeds: { node1: `${byMap('counter')}; ${nft('add chain ip svc early { type filter hook prerouting priority raw; }', 'add rule ip svc early ip daddr 10.96.0.0/12 reject')}`, 'node2/green': tcpServer(8080) },
    probe: vip, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /10\.96\.0\.0\/12.*reject/s }),
  },
  'a service of nftables whose map has lost it': {
    network: 'routed', deeds: { node1: `${byMap('counter')}; ${nft('flush map ip svc ports')}`, 'node2/green': tcpServer(8080) }, probe: vip, truth: dies({ kind: 'no-route', at: 'node1', says: /no route.*10\.96\.0\.10/s }),
  },
  'whole: through a service, asked by the node itself': { network: 'service', deeds: { node1: nodeService, 'node2/green': tcpServer(8080) }, probe: { ...vip, from: 'node1' }, truth: arrivesBut(/10\.244\.2\.2/) },
  'whole: a server that says something else, by UDP': {
    network: 'service', deeds: { 'node2/green': listens('UDP4-RECVFROM:5353', 5353, SAYS_ANOTHER) }, answer: 'something else',
    probe: { ...vip, protocol: 'udp', port: 53 }, truth: arrivesBut(/10\.244\.2\.2/),
  },
  'a service that a node asks itself, and whose pod is cut off': {
    network: 'service', deeds: { node1: nodeService, node2: 'iptables -A FORWARD -d 10.244.2.2 -j DROP', 'node2/green': tcpServer(8080) },
    probe: { ...vip, from: 'node1' }, truth: dies({ kind: 'filtered', at: 'node2', says: /10\.244\.2\.2 drop/ }),
  },
  'a service that a node asks itself by UDP, and lets no answer in': {
    network: 'service', deeds: { node1: `${nodeService}; iptables -A INPUT -p udp --sport 5353 -j DROP`, 'node2/green': udpServer(5353) },
    probe: { ...vip, from: 'node1', protocol: 'udp', port: 53 }, truth: noReply({ kind: 'filtered', at: 'node1', says: /5353 drop/ }),
  },
  'a service whose pod is gone': { network: 'service', deeds: { node1: service('10.244.2.9:8080') }, probe: vip, truth: dies({ kind: 'rewritten-to-nobody', at: ['node2', 'node1'], says: /10\.244\.2\.9/ }) },
  'a service whose pod is gone, by nft': {
    network: 'routed', deeds: { node1: nft('add table ip svc', 'add chain ip svc pre { type nat hook prerouting priority -100; }', 'add rule ip svc pre ip daddr 10.96.0.10 tcp dport 80 dnat to 10.244.2.9:8080') }, probe: vip,
    truth: dies({ kind: 'rewritten-to-nobody', at: ['node2', 'node1'], says: /10\.244\.2\.9/ }),
  },
  'a name server that UDP does not reach': {
    network: 'service', deeds: { 'node2/green': udpServer(5353), node2: 'iptables -A FORWARD -p udp --dport 5353 -j DROP' }, probe: { ...vip, protocol: 'udp', port: 53 },
    truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }),
  },
  'a name server whose TCP nobody translates': {
    network: 'service', deeds: { 'node2/green': udpServer(5353) }, probe: { ...vip, port: 53 }, truth: dies({ kind: 'no-route', at: 'node1', says: /no route.*10\.96\.0\.10/s }),
  },
  'a name server that has ended': { network: 'service', deeds: {}, probe: { ...vip, protocol: 'udp', port: 53 }, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /5353/ }) },
  'a service without a rule': { network: 'service', deeds: { node1: 'iptables -t nat -F PREROUTING' }, probe: vip, truth: dies({ kind: 'no-route', at: 'node1', says: /no route.*10\.96\.0\.10/s }) },
  'a service asked on another port': { network: 'service', deeds: { 'node2/green': tcpServer(8080) }, probe: { ...vip, port: 81 }, truth: dies({ kind: 'no-route', at: 'node1', says: /no route.*10\.96\.0\.10/s }) },
  'a service that leads to a port where nobody listens': { network: 'service', deeds: { 'node2/green': tcpServer(9999) }, probe: vip, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /8080/ }) },
  'a service that leads home, unmasked': { network: 'service', deeds: { node1: service('10.244.1.2:8080'), 'node1/red': tcpServer(8080) }, probe: vip, truth: dies({ kind: 'own-source', at: ['node1', 'node1/red'], says: /own (address|packet|source)|masquerade/ }) },
  'a service next door, whose answers pass the node by': {
    network: 'service', deeds: { node1: service('10.244.1.3:8080'), 'node1/blue': tcpServer(8080) }, probe: vip,
    truth: noReply({ kind: 'reply-not-rewritten', at: ['node1', 'node1/blue', 'node1/red'], says: /10\.244\.1\.3/ }),
  },
  'whole: a service next door, with frames sent through iptables': {
    network: 'service', deeds: { node1: `${service('10.244.1.3:8080')}; sysctl -qw net.bridge.bridge-nf-call-iptables=1`, 'node1/blue': tcpServer(8080) }, probe: vip, truth: arrives,
  },
  'a service that leads home by the port it came from': {
    network: 'service', deeds: { node1: `${service('10.244.1.2:8080')}; iptables -t nat -A POSTROUTING -s 10.244.1.2 -d 10.244.1.2 -j MASQUERADE; sysctl -qw net.bridge.bridge-nf-call-iptables=1`, 'node1/red': tcpServer(8080) }, probe: vip,
    truth: dies({ kind: 'hairpin-off', at: 'node1', says: /hairpin/ }),
  },
  // A node looks for a route before any rule is asked; which one it is does not matter.
  'a service that a node asks, and has no route to': {
    network: 'service', deeds: { node1: 'iptables -t nat -A OUTPUT -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.2:8080', 'node2/green': tcpServer(8080) }, probe: { ...vip, from: 'node1' },
    truth: dies({ kind: 'no-route', at: 'node1', says: /no route.*10\.96\.0\.10/s }),
  },
  'whole: a service that a node asks': {
    network: 'service', deeds: { node1: 'iptables -t nat -A OUTPUT -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.2:8080; ip route add 10.96.0.0/12 dev cni0', 'node2/green': tcpServer(8080) }, probe: { ...vip, from: 'node1' },
    truth: arrives,
  },
  'a service without endpoints, that says so': {
    network: 'service', deeds: { node1: 'iptables -t nat -F PREROUTING; ip route add default via 192.168.1.13; iptables -A FORWARD -d 10.96.0.10 -p tcp --dport 80 -j REJECT' }, probe: vip,
    truth: dies({ kind: ['rejected', 'filtered'], at: 'node1', says: /10\.96\.0\.10/ }),
  },
  'a service whose packets are not tracked': {
    network: 'service', deeds: { node1: 'ip route add default via 192.168.1.13; iptables -t raw -A PREROUTING -d 10.96.0.10 -j NOTRACK', 'node2/green': tcpServer(8080) }, probe: vip,
    truth: dies({ kind: 'no-route', at: ['node3', 'node1'], says: /10\.96\.0\.10/ }),
  },
  'a port that a node takes for itself': { network: 'routed', deeds: { 'node2/green': tcpServer(8080), node2: 'iptables -t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 9999' }, probe: web, truth: dies({ kind: 'nobody-listens', at: 'node2', says: /9999/ }) },

  // Ports of nodes.
  'whole: a port of a node': { network: 'routed', deeds: { 'node2/green': tcpServer(8080), node1: `${nodePort}; ${nodePortBack}` }, probe: fromOutside, truth: arrivesBut(/10\.244\.2\.2/) },
  'a port of a node, and the answer goes past it': {
    network: 'routed', deeds: { 'node2/green': tcpServer(8080), node1: nodePort }, probe: fromOutside,
    truth: noReply({ kind: 'reply-not-rewritten', at: ['node1', 'node3', 'node2'], says: /10\.244\.2\.2/ }),
  },
  'a port of a node that is dropped, as nobody is there': {
    network: 'routed', deeds: { node1: nft('add table ip n', 'add chain ip n in { type filter hook input priority 0; }', 'add rule ip n in tcp dport 31175 drop') }, probe: fromOutside,
    truth: dies({ kind: 'filtered', at: 'node1', says: /drop/ }),
  },
  'a port of a node, and a firewall between the wire and the pods': {
    network: 'routed',
    deeds: { 'node2/green': tcpServer(8080), node1: `${nodePort}; ${nodePortBack}; ${nft('add table ip f', 'add chain ip f forward { type filter hook forward priority 0; policy drop; }')}` },
    probe: fromOutside, truth: dies({ kind: 'filtered', at: 'node1', says: /policy|drop/ }),
  },
  'a port of a node that does not forward': {
    network: 'routed', deeds: { 'node2/green': tcpServer(8080), node1: `${nodePort}; ${nodePortBack}; sysctl -qw net.ipv4.ip_forward=0` }, probe: fromOutside,
    truth: dies({ kind: 'forwarding-off', at: 'node1', says: /node1.*rewrote.*forward/s }),
  },

  // Those who are asked.
  'a receiver that ignores pings': { network: 'routed', deeds: { 'node2/green': 'sysctl -qw net.ipv4.icmp_echo_ignore_all=1' }, probe: there, truth: dies({ kind: 'ignores-ping', at: 'node2/green', says: /icmp_echo_ignore_all/ }) },
  'nobody listens': { network: 'routed', deeds: {}, probe: web, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /8080/ }) },
  'nobody listens, by UDP': { network: 'routed', deeds: {}, probe: { ...there, protocol: 'udp', port: 5353 }, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /5353/ }) },
  'it listens to itself only': { network: 'routed', deeds: { 'node2/green': tcpServer(8080, ',bind=127.0.0.1') }, probe: web, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'node2/green', says: /127\.0\.0\.1/ }) },
  'it listens on another port': { network: 'elsewhere', deeds: { 'beta/api': tcpServer(8081) }, probe: { ...abroad, protocol: 'tcp', port: 8080 }, truth: dies({ kind: ['nobody-listens', 'listens-elsewhere'], at: 'beta/api', says: /8080/ }) },

  // Sizes.
  'a smaller wire, and nobody may say so': { network: 'routed', deeds: { node1: 'ip link set eth0 mtu 1400; iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big-untold', at: 'node1', says: /1400|too big|fragment/ }) },
  'a smaller wire': { network: 'routed', deeds: { node1: 'ip link set eth0 mtu 1400' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big', at: 'node1', says: /1400/ }) },
  'a route that says less': { network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.12 mtu 1300' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big', at: 'node1', says: /1300/ }) },
  'a smaller wire for small packets': { network: 'routed', deeds: { node1: 'ip link set eth0 mtu 1400' }, probe: there, truth: arrives },
  'a port of the wire that takes less': { network: 'routed', deeds: { fabric: 'ip link set node2-eth0 mtu 1400' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big-for-layer2', at: ['fabric', 'node1'], says: /1400/ }) },
  'a receiver that takes less': { network: 'routed', deeds: { 'node2/green': 'ip link set eth0 mtu 1400' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big-for-layer2', at: ['node2/green', 'node2'], says: /1400/ }) },
  'a packet too large for the tunnel': { network: 'overlay', deeds: {}, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big', at: 'node1', says: /1450/ }) },

  // The overlay.
  'no forwarding entry for the tunnel': { network: 'overlay', deeds: { node1: `bridge fdb del ${vtepMac(2)} dev flannel.1` }, probe: there, truth: dies({ kind: 'tunnel-no-peer', at: 'node1', says: /02:00:00:00:00:02/ }) },
  'no forwarding entry for the tunnel, on the way back': { network: 'overlay', deeds: { node2: `bridge fdb del ${vtepMac(1)} dev flannel.1` }, probe: there, truth: noReply({ kind: 'tunnel-no-peer', at: 'node2', says: /02:00:00:00:00:01/ }) },
  'a forwarding entry for a node that is not': { network: 'overlay', deeds: { node1: `bridge fdb replace ${vtepMac(2)} dev flannel.1 dst 192.168.1.99` }, probe: there, truth: dies({ kind: 'tunnel-wrong-peer', at: 'node1', says: /192\.168\.1\.99/ }) },
  'a forwarding entry for another node': { network: 'overlay', deeds: { node1: `bridge fdb replace ${vtepMac(2)} dev flannel.1 dst 192.168.1.13` }, probe: there, truth: dies({ kind: ['tunnel-wrong-peer', 'wrong-mac'], at: ['node1', 'node3'], says: /02:00:00:00:00:02|192\.168\.1\.13/ }) },
  'no neighbour at the end of the tunnel': { network: 'overlay', deeds: { node1: 'ip neigh del 10.244.2.0 dev flannel.1' }, probe: there, truth: dies({ kind: 'tunnel-no-peer', at: 'node1', says: /10\.244\.2\.0/ }) },
  'a neighbour with the wrong MAC at the end of the tunnel': {
    network: 'overlay', deeds: { node1: `ip neigh replace 10.244.2.0 lladdr ${vtepMac(7)} dev flannel.1 nud permanent; bridge fdb append ${vtepMac(7)} dev flannel.1 dst 192.168.1.12` }, probe: there,
    truth: dies({ kind: 'wrong-mac', at: ['node1', 'node2'], says: /02:00:00:00:00:07/ }),
  },
  'another network identifier': { network: 'overlay', deeds: { node2: `ip link del flannel.1; ${flannel(2, { id: 2 })}` }, probe: there, truth: dies({ kind: 'tunnel-wrong-id', at: ['node2', 'node1'], says: /VNI.*\b2\b|\b2\b.*VNI/is }) },
  'another port for the tunnel': { network: 'overlay', deeds: { node2: `ip link del flannel.1; ${flannel(2, { port: 4789 })}` }, probe: there, truth: dies({ kind: 'tunnel-wrong-port', at: ['node2', 'node1'], says: /8472/ }) },
  'a tunnel that is down at the other end': { network: 'overlay', deeds: { node2: 'ip link set flannel.1 down' }, probe: there, truth: dies({ kind: ['tunnel-down', 'link-down'], at: 'node2', says: /flannel\.1.*down|down.*flannel\.1/s }) },
  'no tunnel at the other end': { network: 'overlay', deeds: { node2: 'ip link del flannel.1' }, probe: there, truth: dies({ kind: ['tunnel-down', 'tunnel-wrong-port'], at: ['node2', 'node1'], says: /8472|vxlan/i }) },
  'a tunnel that the other end does not let in': { network: 'overlay', deeds: { node2: 'iptables -A INPUT -p udp --dport 8472 -j DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /INPUT/ }) },
  'a tunnel, and no forwarding behind it': { network: 'overlay', deeds: { node2: 'sysctl -qw net.ipv4.ip_forward=0' }, probe: there, truth: dies({ kind: 'forwarding-off', at: 'node2', says: /node2.*forward/s }) },
  'a tunnel, and no route into it': { network: 'overlay', deeds: { node1: 'ip route del 10.244.2.0/24' }, probe: there, truth: dies({ kind: 'no-route', at: 'node1', says: /no route/ }) },
  'a tunnel, and a filter before it': { network: 'overlay', deeds: { node1: 'iptables -A FORWARD -o flannel.1 -j DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD/ }) },
  'a tunnel whose wire was cut': { network: 'overlay', deeds: { fabric: 'ip link set node2-eth0 down', node1: forget }, probe: there, truth: dies({ kind: ['link-down', 'no-carrier', 'bridge-down'], at: ['fabric', 'node2'], says: /node2-eth0|eth0.*(down|carrier)/s }) },

  // Written after the tracer, to see whether it knows faults or only those above. Of these it named 21 of 24 right at first, 2 wrong.
  'strict reverse path filtering, and nothing is called as usual': { network: 'elsewhere', deeds: { beta: 'ip link add q0 up type veth peer name q1; ip link set q1 up; ip route add 10.1.2.0/24 dev q0; sysctl -qw net.ipv4.conf.all.rp_filter=1' }, probe: abroad, truth: dies({ kind: 'reverse-path-filter', at: 'beta', says: /rp_filter/ }) },
  'a wrong MAC for the gateway, and nothing is called as usual': { network: 'elsewhere', deeds: { 'alpha/web': 'ip neigh replace 10.1.3.254 dev eth0 lladdr 06:00:00:00:00:01 nud permanent' }, probe: abroad, truth: dies({ kind: 'wrong-mac', at: ['alpha/web', 'alpha'], says: /06:00:00:00:00:01/ }) },
  'ports kept apart, and nothing is called as usual': { network: 'elsewhere', deeds: { alpha: 'bridge link set dev veth-web isolated on; bridge link set dev veth-db isolated on', 'alpha/web': forget, 'alpha/db': forget }, probe: { ...abroad, to: '10.1.0.9' }, truth: dies({ kind: 'isolated-ports', at: 'alpha', says: /isolated/ }) },
  'a node that lets nothing in for itself': { network: 'routed', deeds: { node3: 'iptables -P INPUT DROP' }, probe: { ...there, to: '192.168.1.13' }, truth: dies({ kind: ['filtered', 'rejected'], at: 'node3', says: /INPUT/ }) },
  'a node that lets nothing out of itself': { network: 'routed', deeds: { node1: 'iptables -A OUTPUT -d 10.244.2.0/24 -j DROP' }, probe: { ...there, from: 'node1' }, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /OUTPUT/ }) },
  'no route back to pods, and it is a node that asks': { network: 'routed', deeds: { node2: 'ip route del 10.244.1.0/24' }, probe: { ...there, from: 'node1' }, truth: arrives },
  'the far gateway itself has no way back': { network: 'routed', deeds: { node2: 'ip route del 10.244.1.0/24' }, probe: { ...there, to: '10.244.2.1' }, truth: noReply({ kind: 'no-route', at: 'node2', says: /node2.*no route/s }) },
  'UDP to one port is dropped': { network: 'routed', deeds: { 'node2/green': udpServer(5353), node2: 'iptables -A FORWARD -p udp --dport 5353 -j DROP' }, probe: { ...there, protocol: 'udp', port: 5353 }, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }) },
  'UDP is answered with a prohibition': { network: 'routed', deeds: { 'node2/green': udpServer(5353), node1: 'iptables -A FORWARD -p udp -j REJECT --reject-with icmp-admin-prohibited' }, probe: { ...there, protocol: 'udp', port: 5353 }, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /FORWARD/ }) },
  'a forwarding entry for another node, on the way back': { network: 'overlay', deeds: { node2: `bridge fdb replace ${vtepMac(1)} dev flannel.1 dst 192.168.1.13` }, probe: there, truth: noReply({ kind: ['tunnel-wrong-peer', 'wrong-mac'], at: ['node2', 'node3'], says: /02:00:00:00:00:01|192\.168\.1\.13/ }) },
  'a tunnel that is not let out': { network: 'overlay', deeds: { node1: 'iptables -A OUTPUT -p udp --dport 8472 -j DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node1', says: /OUTPUT/ }) },
  'a tunnel that is down where it begins': { network: 'overlay', deeds: { node1: 'ip link set flannel.1 down' }, probe: there, truth: dies({ kind: ['tunnel-down', 'link-down', 'no-route'], at: 'node1', says: /flannel\.1.*down|down.*flannel\.1/s }) },
  'the first port of the wire takes less': { network: 'routed', deeds: { fabric: 'ip link set node1-eth0 mtu 1400' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big-for-layer2', at: ['fabric', 'node1'], says: /1400/ }) },
  'a bridge that takes less': { network: 'routed', deeds: { node2: 'ip link set cni0 mtu 1400' }, probe: { ...there, size: 1468 }, truth: dies({ kind: 'too-big', at: 'node2', says: /1400/ }) },
  'a way round that a rule chooses': { network: 'routed', deeds: { node1: 'ip rule add iif cni0 lookup 50; ip route add default via 192.168.1.13 table 50' }, probe: there, truth: arrives },
  'forwarding by interface, and the one switch off': { network: 'routed', deeds: { node1: 'sysctl -qw net.ipv4.ip_forward=0; sysctl -qw net.ipv4.conf.cni0.forwarding=1 net.ipv4.conf.eth0.forwarding=1' }, probe: there, truth: arrives },
  'nft refuses, and says so': { network: 'routed', deeds: { node2: nft('add table inet walls', 'add chain inet walls through { type filter hook forward priority 0; }', 'add rule inet walls through ip daddr 10.244.2.2 reject with icmp type host-prohibited') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /through/ }) },
  'a map of verdicts': { network: 'routed', deeds: { node2: nft('add table ip walls', 'add chain ip walls no', 'add rule ip walls no drop', 'add chain ip walls through { type filter hook forward priority 0; }', 'add rule ip walls through ip saddr vmap { 10.244.1.2 : jump no }') }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node2', says: /chain no\b/ }) },
  'what is established is dropped': { network: 'routed', deeds: { node2: 'iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j DROP' }, probe: there, truth: noReply({ kind: ['filtered', 'rejected'], at: 'node2', says: /FORWARD/ }) },
  'a service of the older iptables, whose pod is gone': { network: 'routed', deeds: { node1: 'iptables-legacy -t nat -A PREROUTING -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.9:8080' }, probe: vip, truth: dies({ kind: 'rewritten-to-nobody', at: ['node2', 'node1'], says: /10\.244\.2\.9/ }) },
  'hidden at the last moment': { network: 'routed', deeds: { node2: 'iptables -t nat -A POSTROUTING -o cni0 -j MASQUERADE' }, probe: there, truth: arrivesBut(/10\.244\.2\.1\b/) },
  'a third node on the way forwards nothing': { network: 'routed', deeds: { node1: 'ip route replace 10.244.2.0/24 via 192.168.1.13', node3: 'iptables -P FORWARD DROP' }, probe: there, truth: dies({ kind: ['filtered', 'rejected'], at: 'node3', says: /FORWARD/ }) },
  'two of the same address on two nodes': { network: 'routed', deeds: { 'node3/violet': 'ip addr add 10.244.1.2/32 dev lo' }, probe: there, truth: arrives },
  'a bridge on which nobody is asked for a MAC': { network: 'routed', deeds: { node2: 'ip link set cni0 arp off' }, probe: there, truth: dies({ kind: 'not-asked-for', at: 'node2', says: /ARP.*cni0/ }) },

  // Addresses for the outside, on the wire and told of.
  'an address for the outside, and nobody answers for it': {
    network: 'routed', deeds: {}, probe: { ...vip, to: '192.168.1.240' }, truth: dies({ kind: ['nobody-has-address', 'nobody-has-next-hop'], at: 'node1', says: /192\.168\.1\.240/ }),
  },
  // Who asks remembers the node that had it; the wire of that one is cut, and another has it now.
  'an address for the outside that moved, and nobody said so': {
    network: 'routed',
    deeds: {
      'node2/green': tcpServer(8080), node3: 'ip addr add 192.168.1.240/32 dev eth0; iptables -t nat -A PREROUTING -d 192.168.1.240 -p tcp --dport 80 -j DNAT --to-destination 10.244.3.2:8080; iptables -t nat -A POSTROUTING -j MASQUERADE',
      node1: 'ping -qc1 -W20 192.168.1.12 >/dev/null; ip neigh replace 192.168.1.240 dev eth0 nud reachable lladdr $(ip neigh show 192.168.1.12 | grep -o ..:..:..:..:..:..)', fabric: 'ip link set node2-eth0 down',
    },
    probe: { ...vip, to: '192.168.1.240' }, truth: dies({ kind: ['wrong-mac', 'link-down', 'no-carrier'], at: ['node1', 'fabric', 'node2'], says: /node2/ }),
  },
  'an address for the outside that a node is told to have, and does not know': {
    network: 'routed', deeds: { node1: 'ip route add 203.0.113.240 via 192.168.1.12', node2: 'ip route add default via 192.168.1.11' }, probe: { ...vip, to: '203.0.113.240' },
    truth: dies({ kind: 'loop', at: ['node1', 'node2'], says: /node1.*node2|node2.*node1/s }),
  },
  'whole: an address for the outside, by several ways': {
    network: 'routed',
    deeds: {
      'node2/green': tcpServer(8080), node1: 'ip route add 203.0.113.240 nexthop via 192.168.1.12 nexthop via 192.168.1.13',
      node2: 'iptables -t nat -A PREROUTING -d 203.0.113.240 -p tcp --dport 80 -j DNAT --to-destination 10.244.2.2:8080; iptables -t nat -A POSTROUTING -j MASQUERADE',
      node3: 'iptables -t nat -A PREROUTING -d 203.0.113.240 -p tcp --dport 80 -j DNAT --to-destination 10.244.2.2:8080; iptables -t nat -A POSTROUTING -j MASQUERADE',
    },
    probe: { ...vip, to: '203.0.113.240' }, truth: arrivesBut(/10\.244\.2\.2/),
  },
}

export const faults: readonly Fault[] = Object.entries(stock).map(([name, fault]) => ({ name, ...fault }))
