// 08 · VXLAN as flannel makes it: a route, a neighbour and a forwarding entry for each peer, and 50 bytes less.
import { arrivesUncut, freshPod, insideVxlan, knowsNextHop, largestPacket, reachEachOther, routedTimes, sameVxlan, sendsIntoVxlan } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Nodes } from 'hardway/lab'
import { podsOnBridge } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'router'
type Node = Nodes<Name>[Name]

const red = { red: '10.244.1.2' }
const blue = { blue: '10.244.1.3' }
const green = { green: '10.244.2.2' }
const teal = { teal: '10.244.2.3' }
const violet = { violet: '10.244.3.2' }
const kept = { keepingAddress: true }

const agreed = sameVxlan('node1', 'node2')
const there = { route: sendsIntoVxlan('node1', green.green), mac: knowsNextHop('node1', green.green, 'node2') }
const back = { route: sendsIntoVxlan('node2', red.red), mac: knowsNextHop('node2', red.red, 'node1') }
const four = reachEachOther({ ...red, ...blue, ...green, ...teal }, kept)
const wrapped = insideVxlan(red, green)
const othersToo = insideVxlan(teal, blue)
const twoRouters = routedTimes(red, green, 2)
const anyPod = freshPod('node2', '10.244.2.1', { ...red, ...blue })
const fits = largestPacket(red, green)
const othersFit = largestPacket(blue, teal)
const uncut = arrivesUncut(red, green)
const five = reachEachOther({ ...red, ...blue, ...green, ...teal, ...violet }, kept)
const betweenRacks = insideVxlan(violet, green)
const violetFits = { near: largestPacket(violet, red), far: largestPacket(violet, green) }
const fromTheNode = insideVxlan({ node1: '192.168.1.11' }, green)

/** What a node tells the others of itself. flannel's MAC is random, and it writes it into the node's annotations. */
interface Peer {
  readonly range: string
  readonly address: string
  readonly node: string
  readonly mac: string
  readonly pods: readonly string[]
}
const peers = {
  node1: { range: '10.244.1.0/24', address: '10.244.1.0', node: '192.168.1.11', mac: '0e:00:0a:f4:01:00', pods: ['red', 'blue'] },
  node2: { range: '10.244.2.0/24', address: '10.244.2.0', node: '192.168.2.12', mac: '0e:00:0a:f4:02:00', pods: ['green', 'teal'] },
  node3: { range: '10.244.3.0/24', address: '10.244.3.0', node: '192.168.1.13', mac: '0e:00:0a:f4:03:00', pods: ['violet'] },
} satisfies Partial<Record<Name, Peer>>

/** `ip -batch`: one process for several commands. */
const batch = (node: Node, ...lines: readonly string[]) => node`ip -batch - <<< ${lines.join('\n')}`

interface Tunnel {
  readonly name?: string
  readonly vni?: number
  readonly port?: number
  /** Without it the kernel does not know which MTU the wrapping has to fit into. */
  readonly dev?: boolean
}

const device = (node: Node, { node: local, mac, address }: Peer, { name = 'flannel.1', vni = 1, port = 8472, dev = true }: Tunnel = {}) => node`
  ip link del flannel.1 2>/dev/null || true
  ip link add ${name} address ${mac} type vxlan id ${vni} ${dev ? ['dev', 'eth0'] : []} local ${local} dstport ${port} nolearning
  ip addr add ${`${address}/32`} dev ${name}
  ip link set ${name} up`

/** The three entries, in the order in which flannel makes them. */
const tell = (node: Node, { range, address, node: dst, mac }: Peer, name = 'flannel.1') => node`
  ip neigh replace ${address} lladdr ${mac} dev ${name} nud permanent
  bridge fdb replace ${mac} dev ${name} dst ${dst}
  ip route replace ${range} via ${address} dev ${name} onlink`

/** All that the first four steps make, in another way. */
const rebuilt = async ({ node1, node2 }: Nodes<Name>, tunnel: Tunnel, node2s = tunnel) => {
  await Promise.all([device(node1, peers.node1, tunnel), device(node2, peers.node2, node2s)])
  await Promise.all([tell(node1, peers.node2, tunnel.name), tell(node2, peers.node1, node2s.name)])
}

/** A tunnel whose ends find each other, as on a wire: `add` makes it, and `vx` is its name. */
const asOnAWire = ({ node1, node2 }: Nodes<Name>, script: (own: Peer, other: Peer, number: number) => string) => Promise.all(
  ([[node1, peers.node1, peers.node2, 1], [node2, peers.node2, peers.node1, 2]] as const).map(([node, own, other, number]) => node`bash -ec ${`
    ip link del flannel.1
    ${script(own, other, number)}`}`))

const toldRouter = (router: Node) => router`
  ip route replace 10.244.1.0/24 via 192.168.1.11
  ip route replace 10.244.2.0/24 via 192.168.2.12`

const podsMtu = (node: Node, { pods }: Pick<Peer, 'pods'>, mtu: number) => batch(node, ...pods.map(name => `link set veth-${name} mtu ${mtu}`))
  .then(() => node`for pod in ${pods}; do ip -n $pod link set eth0 mtu ${mtu}; done`)
const allMtu = ({ node1, node2 }: Nodes<Name>, mtu: number) => Promise.all([podsMtu(node1, peers.node1, mtu), podsMtu(node2, peers.node2, mtu)])
const toldAgain = (...nodes: readonly Node[]) => Promise.all(nodes.map(node => node`nft delete table inet hardening`))

const thirdNode = async ({ node1, node2, node3 }: Nodes<Name>) => {
  await device(node3, peers.node3)
  await Promise.all([
    tell(node1, peers.node3), tell(node2, peers.node3),
    tell(node3, peers.node1).then(() => tell(node3, peers.node2)),
    podsMtu(node3, peers.node3, 1450),
  ])
}

/** A number, whatever is written around it. */
const numberIs = (right: (bench: Bench) => Promise<number>, wrong: Answer['wrong']): Answer => ({
  right: async bench => String(await right(bench)),
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    if (!/^\d+$/.test(value)) return fail(`${value} is no number`, node.evidence)
    return Number(value) === await right(bench) ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

/** Whose address it is. */
const addressIs = (right: (bench: Bench) => Promise<string>, wrong: Answer['wrong']): Answer => ({
  right,
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    if (!/^\d+(\.\d+){3}$/.test(value)) return fail(`${value} is no IPv4 address`, node.evidence)
    return value === await right(bench) ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, router }) => {
    await Promise.all([
      podsOnBridge(node1, '10.244.1.0/24', { ...red, ...blue }),
      podsOnBridge(node2, '10.244.2.0/24', { ...green, ...teal }),
      podsOnBridge(node3, '10.244.3.0/24', violet),
      router`sysctl -qw net.ipv4.ip_forward=1`,
      // Somebody has hardened the nodes once: the one ICMP message that a sender must not miss does not leave them.
      ...([[node1, '192.168.1.1'], [node2, '192.168.2.1'], [node3, '192.168.1.1']] as const).map(([node, gateway]) => node`
        sysctl -qw net.ipv4.ip_forward=1
        ip route add default via ${gateway}
        nft ${'add table inet hardening; add chain inet hardening out { type filter hook output priority 0; }; add rule inet hardening out icmp type destination-unreachable icmp code frag-needed drop'}`),
    ])
  },
  steps: {
    device: {
      checks: [agreed],
      hints: [
        'A tunnel has two ends, and both wrap and unwrap. What must be written on the wrapping so that the other end knows it for its own?',
        failing => failing.length === 0 ? 'It holds.' : 'An interface of type `vxlan` has a port and a network identifier: `ip -d link show type vxlan` on both nodes. Is it up?',
        'On node1: `ip link add flannel.1 address 0e:00:0a:f4:01:00 type vxlan id 1 dev eth0 local 192.168.1.11 dstport 8472 nolearning`, then `ip addr add 10.244.1.0/32 dev flannel.1` and `ip link set flannel.1 up`; on node2 the same with its own numbers',
      ],
      answers: { room: numberIs(roomOf, ['0', '8', '28', '36', '42', '1450']) },
      alternatives: {
        'the port of the standard, and a name of its own': ({ node1, node2 }) => Promise.all([
          device(node1, peers.node1, { name: 'vx0', vni: 42, port: 4789 }), device(node2, peers.node2, { name: 'overlay', vni: 42, port: 4789 }),
        ]),
        'one that is told the rest by each route': ({ node1, node2 }) => Promise.all([
          node1`ip link add vx up type vxlan external dstport 8472`, device(node2, peers.node2),
        ]),
        'a second tunnel beside it': async ({ node1, node2 }) => {
          await node1`ip link add other up type vxlan id 9 dev eth0 dstport 9000`
          await Promise.all([device(node1, peers.node1), device(node2, peers.node2)])
        },
      },
      mutants: {
        'one end only': { refusedBy: agreed.claim, instead: ({ node1 }) => device(node1, peers.node1) },
        'two identifiers': { refusedBy: agreed.claim, instead: ({ node1, node2 }) => Promise.all([device(node1, peers.node1), device(node2, peers.node2, { vni: 2 })]) },
        'two ports': { refusedBy: agreed.claim, instead: ({ node1, node2 }) => Promise.all([device(node1, peers.node1), device(node2, peers.node2, { port: 4789 })]) },
        'the ends in the pods': {
          refusedBy: agreed.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`ip -n red link add flannel.1 up type vxlan id 1 dev eth0 dstport 8472`,
            node2`ip -n green link add flannel.1 up type vxlan id 1 dev eth0 dstport 8472`,
          ]),
        },
        'a bridge of that name': { refusedBy: agreed.claim, instead: ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`ip link add flannel.1 up type bridge`)) },
        'the router in place of a node': { refusedBy: agreed.claim, instead: ({ node1, router }) => Promise.all([device(node1, peers.node1), device(router, { ...peers.node2, node: '192.168.1.1' })]) },
        'down again': { refusedBy: agreed.claim, after: ({ node2 }) => node2`ip link set flannel.1 down` },
      },
    },
    route: {
      checks: [there.route, back.route],
      hints: [
        'Which interface wraps, and which address does the other node have in the pod network?',
        failing => `${failing.map(claim => claim.split(' ')[0] ?? '').join(' and ') || 'A node'}: ask it, \`ip route get\`. A next hop that is on no range of the node's own is taken only with \`onlink\`.`,
        'On node1: `ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink`; on node2: `ip route add 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink`',
      ],
      alternatives: {
        'one wide route': ({ node1, node2 }) => Promise.all([node1, node2].map((node, index) =>
          node`ip route add 10.244.0.0/16 via ${[peers.node2, peers.node1][index]?.address ?? ''} dev flannel.1 onlink`)),
        'without a next hop': ({ node1, node2 }) => Promise.all([
          node1`ip route add 10.244.2.0/24 dev flannel.1`, node2`ip route add 10.244.1.0/24 dev flannel.1`,
        ]),
        'a next hop with a route of its own': ({ node1, node2 }) => Promise.all([
          batch(node1, 'route add 10.244.2.0/32 dev flannel.1', 'route add 10.244.2.0/24 via 10.244.2.0'),
          batch(node2, 'route add 10.244.1.0/32 dev flannel.1', 'route add 10.244.1.0/24 via 10.244.1.0'),
        ]),
        'a bridge around the tunnel': ({ node1, node2 }) => Promise.all(([[node1, peers.node2], [node2, peers.node1]] as const).map(([node, { range, address }]) => batch(node,
          'link add br-vx up type bridge forward_delay 0', 'link set flannel.1 master br-vx', `route add ${range} via ${address} dev br-vx onlink`))),
      },
      mutants: {
        'only there': { refusedBy: back.route.claim, instead: ({ node1 }) => node1`ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink` },
        // It works, and somebody else's router has to know every range of pods.
        'by the router, which is told': { refusedBy: there.route.claim, instead: ({ router }) => toldRouter(router) },
        'by the router, by name': {
          refusedBy: there.route.claim,
          instead: async ({ node1, node2, router }) => {
            await Promise.all([toldRouter(router), node1`ip route add 10.244.2.0/24 via 192.168.1.1`, node2`ip route add 10.244.1.0/24 via 192.168.2.1`])
          },
        },
        'a neighbour that is none': {
          refusedBy: there.route.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`ip route add 10.244.2.0/24 via 192.168.2.12 dev eth0 onlink`, node2`ip route add 10.244.1.0/24 via 192.168.1.11 dev eth0 onlink`,
          ]),
        },
        'only the next hop': {
          refusedBy: there.route.claim,
          instead: ({ node1, node2 }) => Promise.all([node1`ip route add 10.244.2.0/32 dev flannel.1`, node2`ip route add 10.244.1.0/32 dev flannel.1`]),
        },
        'a narrower route past it': { refusedBy: back.route.claim, after: ({ node2 }) => node2`ip route add 10.244.1.0/25 via 192.168.2.1` },
        'the tunnel goes, and its routes with it': { refusedBy: there.route.claim, after: ({ node1 }) => node1`ip link del flannel.1` },
      },
    },
    neighbour: {
      checks: [there.mac, back.mac],
      hints: [
        'The tunnel carries Ethernet frames. Which MAC address has the frame for 10.244.2.0, and who could tell node1?',
        'Nobody answers a question that is not carried. What is known beforehand can be entered: `ip neigh add`, with a state that never ends.',
        'On node1: `ip neigh replace 10.244.2.0 lladdr 0e:00:0a:f4:02:00 dev flannel.1 nud permanent`; on node2: `ip neigh replace 10.244.1.0 lladdr 0e:00:0a:f4:01:00 dev flannel.1 nud permanent`',
      ],
      alternatives: {
        'the older tool': ({ node1, node2 }) => Promise.all([
          node1`arp -i flannel.1 -s 10.244.2.0 0e:00:0a:f4:02:00`, node2`arp -i flannel.1 -s 10.244.1.0 0e:00:0a:f4:01:00`,
        ]),
        'the question is carried to the other end': ({ node1, node2 }) => Promise.all(([[node1, peers.node2], [node2, peers.node1]] as const).map(([node, { node: dst }]) =>
          node`bridge fdb append 00:00:00:00:00:00 dev flannel.1 dst ${dst}; bridge fdb append ${node === node1 ? peers.node2.mac : peers.node1.mac} dev flannel.1 dst ${dst}`)),
      },
      mutants: {
        'its own MAC': {
          refusedBy: there.mac.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`ip neigh replace 10.244.2.0 lladdr ${peers.node1.mac} dev flannel.1 nud permanent`, node2`ip neigh replace 10.244.1.0 lladdr ${peers.node1.mac} dev flannel.1 nud permanent`,
          ]),
        },
        'the MAC of the router, as on the wire': {
          refusedBy: there.mac.claim,
          instead: ({ node1, node2 }) => Promise.all(([[node1, '192.168.1.1', '10.244.2.0'], [node2, '192.168.2.1', '10.244.1.0']] as const).map(([node, router, next]) => node`
            ping -c 1 -W 2 ${router} >/dev/null
            ip neigh add ${next} lladdr $(ip -j neigh show ${router} | jq -r '.[0].lladdr') dev flannel.1 nud permanent`)),
        },
        'the MAC of the other node, as on the wire': {
          refusedBy: there.mac.claim,
          instead: async ({ node1, node2 }) => {
            const [one, other] = await Promise.all([node1, node2].map(node => node`cat /sys/class/net/eth0/address`))
            await Promise.all([
              node1`ip neigh add 10.244.2.0 lladdr ${other?.stdout.trim() ?? ''} dev flannel.1 nud permanent`,
              node2`ip neigh add 10.244.1.0 lladdr ${one?.stdout.trim() ?? ''} dev flannel.1 nud permanent`,
            ])
          },
        },
        'on the wrong interface': {
          refusedBy: there.mac.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`ip neigh replace 10.244.2.0 lladdr ${peers.node2.mac} dev eth0 nud permanent`, node2`ip neigh replace 10.244.1.0 lladdr ${peers.node1.mac} dev eth0 nud permanent`,
          ]),
        },
        'for the pod in place of the next hop': {
          refusedBy: back.mac.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`ip neigh replace 10.244.2.0 lladdr ${peers.node2.mac} dev flannel.1 nud permanent`, node2`ip neigh replace 10.244.1.2 lladdr ${peers.node1.mac} dev flannel.1 nud permanent`,
          ]),
        },
        'the other end is made anew, with another MAC': { refusedBy: there.mac.claim, after: ({ node2 }) => node2`ip link set flannel.1 address 0e:00:00:00:00:99` },
      },
    },
    fdb: {
      checks: [four, wrapped, othersToo, twoRouters, anyPod],
      hints: [
        'node1 knows the frame and its MAC address. To which machine does the wrapping go?',
        failing => failing.includes(wrapped.claim) && !failing.includes(four.claim)
          ? 'The pods reach each other, but not in the tunnel, or not in both directions. `ip route get` on both nodes; and look at what the router carries: `tcpdump -nn -i any` there.'
          : 'What the bridge of lab 02 learned, this one has to be told: `bridge fdb show dev flannel.1`. Follow a ping: does `ip -s link show flannel.1` count it as sent, or as dropped? And at the other end, as received?',
        'On node1: `bridge fdb append 0e:00:0a:f4:02:00 dev flannel.1 dst 192.168.2.12`; on node2: `bridge fdb append 0e:00:0a:f4:01:00 dev flannel.1 dst 192.168.1.11`',
      ],
      answers: { 'router-sees': addressIs(() => Promise.resolve(peers.node2.node), ['10.244.2.2', '10.244.2.0', '192.168.2.1', '192.168.1.1', '10.244.1.2']) },
      alternatives: {
        'the port of the standard everywhere': nodes => rebuilt(nodes, { name: 'vx0', vni: 4242, port: 4789 }),
        'a port that nobody has heard of': nodes => rebuilt(nodes, { name: 'vx0', vni: 16_777_215, port: 4000 }),
        'learning, and questions to everybody': nodes => asOnAWire(nodes, ({ node }, other, number) => `
          ip link add vx up type vxlan id 7 dev eth0 local ${node} dstport 8472
          ip addr add 10.99.0.${number}/24 dev vx
          bridge fdb append 00:00:00:00:00:00 dev vx dst ${other.node}
          ip route replace ${other.range} via 10.99.0.${3 - number}`),
        'two ends that know no others': nodes => asOnAWire(nodes, ({ node, address }, other) => `
          ip link add vx up type vxlan id 7 dev eth0 local ${node} remote ${other.node} dstport 8472
          ip addr add ${address} peer ${other.address} dev vx
          ip route replace ${other.range} via ${other.address}`),
        'each route says where its tunnel ends': nodes => asOnAWire(nodes, ({ mac, address }, other) => `
          ip link add vx address ${mac} up type vxlan external dstport 8472 nolearning
          ip addr add ${address}/32 dev vx
          ip neigh add ${other.address} lladdr ${other.mac} dev vx nud permanent
          ip route replace ${other.range} encap ip id 100 dst ${other.node} via ${other.address} dev vx onlink`),
        'the tunnel as a port of a bridge': nodes => asOnAWire(nodes, ({ node, address }, other) => `
          ip link add br-vx up type bridge forward_delay 0
          ip link add vx up master br-vx type vxlan id 7 dev eth0 local ${node} dstport 8472
          bridge fdb append 00:00:00:00:00:00 dev vx dst ${other.node}
          ip addr add ${address}/32 dev br-vx
          ip route replace ${other.range} via ${other.address} dev br-vx onlink`),
      },
      mutants: {
        'an entry on one side only': { refusedBy: four.claim, instead: ({ node1 }) => node1`bridge fdb append ${peers.node2.mac} dev flannel.1 dst ${peers.node2.node}` },
        'to the address inside the tunnel': {
          refusedBy: four.claim,
          instead: ({ node1, node2 }) => Promise.all([
            node1`bridge fdb append ${peers.node2.mac} dev flannel.1 dst ${peers.node2.address}`, node2`bridge fdb append ${peers.node1.mac} dev flannel.1 dst ${peers.node1.address}`,
          ]),
        },
        'past the tunnel, by a router that was told': {
          refusedBy: wrapped.claim,
          instead: async ({ node1, node2, router }) => {
            await Promise.all([toldRouter(router), node1`ip route replace 10.244.2.0/24 via 192.168.1.1`, node2`ip route replace 10.244.1.0/24 via 192.168.2.1`])
          },
        },
        'there in the tunnel, and home past it': {
          refusedBy: wrapped.claim,
          instead: async ({ node1, node2, router }) => {
            await Promise.all([toldRouter(router), node1`bridge fdb append ${peers.node2.mac} dev flannel.1 dst ${peers.node2.node}`, node2`ip route replace 10.244.1.0/24 via 192.168.2.1`])
          },
        },
        'one pod past it': {
          refusedBy: othersToo.claim,
          after: async ({ node1, router }) => {
            await Promise.all([toldRouter(router), node1`ip route add ${teal.teal} via 192.168.1.1`])
          },
        },
        'the router unwraps, and wraps again': {
          refusedBy: wrapped.claim,
          instead: async ({ node1, node2, router }) => {
            const hub = { address: '10.244.0.0', mac: '0e:00:0a:f4:00:00' }
            const by = (node: Node, { range }: Peer, dst: string) => tell(node, { ...hub, range, node: dst, pods: [] })
            await device(router, { ...peers.node1, ...hub, node: '0.0.0.0' }, { dev: false })
            await Promise.all([
              tell(router, peers.node1).then(() => tell(router, peers.node2)), by(node1, peers.node2, '192.168.1.1'), by(node2, peers.node1, '192.168.2.1'),
            ])
          },
        },
        'masquerade on the way into the tunnel': { refusedBy: four.claim, after: ({ node1 }) => node1`iptables -t nat -A POSTROUTING -s 10.244.1.0/24 -o flannel.1 -j MASQUERADE` },
        'all that leaves is masqueraded': { refusedBy: four.claim, after: ({ node2 }) => node2`iptables -t nat -A POSTROUTING -s 10.244.2.0/24 ! -o cni0 -j MASQUERADE` },
        'a route for each pod of today': {
          refusedBy: anyPod.claim,
          after: ({ node1 }) => batch(node1, 'route del 10.244.2.0/24', ...[green.green, teal.teal].map(pod => `route add ${pod} via 10.244.2.0 dev flannel.1 onlink`)),
        },
        // The ends of the tunnel as ports of the bridges: one layer 2, and nobody routes.
        'one wire for all pods': {
          refusedBy: twoRouters.claim,
          instead: nodes => asOnAWire(nodes, ({ node, pods }, other) => `
            ip link add vx up master cni0 type vxlan id 7 dev eth0 local ${node} dstport 8472
            bridge fdb append 00:00:00:00:00:00 dev vx dst ${other.node}
            for pod in ${pods.join(' ')}; do ip -n $pod route add ${other.range} dev eth0; done`),
        },
        'an end with another identifier': { refusedBy: four.claim, instead: nodes => rebuilt(nodes, {}, { vni: 2 }) },
        'an end on another port': { refusedBy: four.claim, instead: nodes => rebuilt(nodes, {}, { port: 4789 }) },
        'an entry for where node2 was': { refusedBy: four.claim, after: ({ node1 }) => node1`bridge fdb replace ${peers.node2.mac} dev flannel.1 dst 192.168.2.99` },
        'the MAC of an end that was': { refusedBy: four.claim, after: ({ node1 }) => node1`ip neigh replace 10.244.2.0 lladdr 0e:00:00:00:00:99 dev flannel.1 nud permanent; bridge fdb append 0e:00:00:00:00:99 dev flannel.1 dst ${peers.node2.node}` },
        'a firewall of the node that knows no port 8472': { refusedBy: four.claim, after: ({ node2 }) => node2`iptables -A INPUT -i eth0 -p udp --dport 8472 -j DROP` },
        'a firewall between the racks': { refusedBy: four.claim, after: ({ router }) => router`nft ${'add table ip racks; add chain ip racks between { type filter hook forward priority 0; }; add rule ip racks between udp dport 8472 drop'}` },
        'a node that is no router any more': { refusedBy: four.claim, after: ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0` },
      },
    },
    mtu: {
      checks: [fits, othersFit, uncut],
      hints: [
        'How large a packet does red think it may send, how large a one fits into the tunnel, and who ought to tell red?',
        failing => failing.includes(uncut.claim) && !failing.includes(fits.claim)
          ? 'Every packet may go, and yet it is cut on the wire: look at `tcpdump -nn -i eth0` on node1 during a large transfer. Whose MTU leaves no room for the wrapping?'
          : 'An interface never sends a packet larger than its MTU, and TCP tells the other side about it. Compare `ip link` in the pods with that of flannel.1. Each pod counts, on both nodes.',
        'On node1: `for pod in red blue; do ip -n $pod link set eth0 mtu 1450; ip link set veth-$pod mtu 1450; done`; on node2 the same for green and teal',
      ],
      answers: { largest: numberIs(largestPing, ['1472', '1450', '1423', '1430', '1400']) },
      alternatives: {
        'a lower one everywhere': nodes => allMtu(nodes, 1400),
        'in the route of each pod': ({ node1, node2 }) => Promise.all([
          node1`for pod in red blue; do ip -n $pod route change default via 10.244.1.1 mtu 1450; done`,
          node2`for pod in green teal; do ip -n $pod route change default via 10.244.2.1 mtu 1450; done`,
        ]),
        'ifconfig in the pods': ({ node1, node2 }) => Promise.all([
          node1`for pod in red blue; do ip netns exec $pod ifconfig eth0 mtu 1450; done`,
          node2`for pod in green teal; do ip netns exec $pod ifconfig eth0 mtu 1450; done`,
        ]),
        'and the message let through as well': async nodes => {
          await Promise.all([allMtu(nodes, 1450), toldAgain(nodes.node1, nodes.node2)])
        },
      },
      mutants: {
        'a tunnel that does not know what it has to fit into': { refusedBy: uncut.claim, instead: nodes => rebuilt(nodes, { dev: false }) },
        'a tunnel whose MTU was raised, with pods that believe it': {
          refusedBy: fits.claim,
          instead: async nodes => {
            await rebuilt(nodes, { dev: false })
            await allMtu(nodes, 1480)
          },
        },
        // Each connection has to find out anew, and what is no connection gives up.
        'the message let through again': { refusedBy: fits.claim, instead: ({ node1, node2 }) => toldAgain(node1, node2) },
        'TCP alone is told': {
          refusedBy: fits.claim,
          instead: ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`)),
        },
        'one rack only': { refusedBy: fits.claim, instead: ({ node1 }) => podsMtu(node1, peers.node1, 1450) },
        'one pod of each': { refusedBy: othersFit.claim, instead: ({ node1, node2 }) => Promise.all([podsMtu(node1, { pods: ['red'] }, 1450), podsMtu(node2, { pods: ['green'] }, 1450)]) },
        'the ends in the nodes, and not those in the pods': {
          refusedBy: fits.claim,
          instead: ({ node1, node2 }) => Promise.all([
            batch(node1, 'link set cni0 mtu 1450'), batch(node2, 'link set cni0 mtu 1450'),
          ]),
        },
        'no room for the inner Ethernet header': { refusedBy: fits.claim, instead: nodes => allMtu(nodes, 1464) },
        'two pods as they were, and nobody tells them': { refusedBy: uncut.claim, after: nodes => Promise.all([podsMtu(nodes.node1, { pods: ['red'] }, 1500), podsMtu(nodes.node2, { pods: ['green'] }, 1500)]) },
        'a narrower tunnel': { refusedBy: fits.claim, after: ({ node2 }) => node2`ip link set flannel.1 mtu 1400` },
        'a wire that is narrower than the others': { refusedBy: fits.claim, after: ({ router }) => router`ip link set eth1 mtu 1400` },
      },
    },
    'third-node': {
      checks: [five, betweenRacks, violetFits.near, violetFits.far],
      hints: [
        'Of each other node a node knows three things. Who has to be told what, when one joins?',
        failing => failing.includes(five.claim)
          ? 'node3 needs a tunnel end and three entries for each of two peers; node1 and node2 need three entries more. Which pair does the claim name? Ask both its nodes: `ip route get`, `ip neigh`, `bridge fdb show dev flannel.1`.'
          : 'Everybody answers. What else did the pods of the first two nodes need before large packets passed?',
        'The commands stand at the end of the section.',
      ],
      answers: { entries: numberIs(() => Promise.resolve(3 * 99), ['99', '100', '300', '9900', '29700']) },
      alternatives: {
        'plain routes to whoever is in the same rack': async ({ node1, node2, node3 }) => {
          await device(node3, peers.node3)
          await Promise.all([
            tell(node2, peers.node3), tell(node3, peers.node2), podsMtu(node3, peers.node3, 1450),
            node1`ip route add 10.244.3.0/24 via 192.168.1.13`, node3`ip route add 10.244.1.0/24 via 192.168.1.11`,
          ])
        },
        'in the order in which flannel does it': thirdNode,
      },
      mutants: {
        'only the newcomer is told': {
          refusedBy: five.claim,
          instead: async ({ node3 }) => {
            await device(node3, peers.node3)
            await tell(node3, peers.node1)
            await tell(node3, peers.node2)
            await podsMtu(node3, peers.node3, 1450)
          },
        },
        'the other rack is not told': {
          refusedBy: five.claim,
          instead: async ({ node1, node3 }) => {
            await device(node3, peers.node3)
            await Promise.all([tell(node1, peers.node3), tell(node3, peers.node1).then(() => tell(node3, peers.node2)), podsMtu(node3, peers.node3, 1450)])
          },
        },
        'to the other rack by the router': {
          refusedBy: betweenRacks.claim,
          instead: async nodes => {
            const { node1, node2, node3, router } = nodes
            await device(node3, peers.node3)
            await Promise.all([
              tell(node1, peers.node3), tell(node3, peers.node1), podsMtu(node3, peers.node3, 1450),
              node2`ip route add 10.244.3.0/24 via 192.168.2.1`, node3`ip route add 10.244.2.0/24 via 192.168.1.1`,
              router`ip route add 10.244.3.0/24 via 192.168.1.13; ip route add 10.244.2.0/24 via 192.168.2.12`,
            ])
          },
        },
        'a pod with the MTU of a cable': {
          refusedBy: violetFits.far.claim,
          instead: async nodes => {
            await thirdNode(nodes)
            await podsMtu(nodes.node3, peers.node3, 1500)
          },
        },
        'an entry for where node3 was before it moved': { refusedBy: five.claim, after: ({ node2 }) => node2`bridge fdb replace ${peers.node3.mac} dev flannel.1 dst 192.168.2.13` },
        'behind the address of its node': { refusedBy: five.claim, after: ({ node3 }) => node3`nft ${'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname "flannel.1" masquerade'}` },
      },
    },
    'own-address': {
      alreadyTrue: 'each tunnel end got an address from its node\'s range when it was made: this is what it is for',
      checks: [fromTheNode],
      hints: [
        'Which address does a machine with four of them send from, and who decides?',
        'The kernel takes an address of the interface by which the packet leaves: `ip route get 10.244.2.2` on node1 says which.',
        failing => failing.length === 0 ? 'It holds already.'
          : 'The end of the tunnel on node1 wants an address that the other nodes have a way to through the tunnel: `ip addr add 10.244.1.0/32 dev flannel.1`. `npx lab goto own-address` brings you there on fresh nodes.',
      ],
      answers: { source: addressIs(() => Promise.resolve(peers.node1.address), ['192.168.1.11', '10.244.1.1', '10.244.1.2', '10.244.2.0']) },
      mutants: {
        'a tunnel end without an address, and so without routes': { refusedBy: fromTheNode.claim, after: ({ node1 }) => node1`ip addr del 10.244.1.0/32 dev flannel.1` },
        'the routes made again, and no address': {
          refusedBy: fromTheNode.claim,
          after: async ({ node1 }) => {
            await node1`ip addr del 10.244.1.0/32 dev flannel.1`
            await Promise.all([tell(node1, peers.node2), tell(node1, peers.node3)])
          },
        },
        'a route that names another source': { refusedBy: fromTheNode.claim, after: ({ node1 }) => node1`ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink src 192.168.1.11` },
        'the tunnel shut for what the node itself sends': { refusedBy: fromTheNode.claim, after: ({ node1 }) => node1`iptables -A OUTPUT -o flannel.1 -j DROP` },
      },
    },
  },
})

/** What the tunnel lacks to the MTU of the interface that it goes by. */
async function roomOf(bench: Bench): Promise<number> {
  const own = (await bench.namespaces('node1')).find(namespace => namespace.own)
  const mtu = (wanted: (link: { readonly name: string; readonly kind: string | undefined }) => boolean): number => own?.links.find(wanted)?.mtu ?? NaN
  return mtu(link => link.name === 'eth0') - mtu(link => link.kind === 'vxlan')
}

/** What `ping -s` counts is neither the IP header nor its own. */
async function largestPing(bench: Bench): Promise<number> {
  const own = (await bench.namespaces('node1')).find(namespace => namespace.own)
  return (own?.links.find(link => link.kind === 'vxlan')?.mtu ?? NaN) - 20 - 8
}
