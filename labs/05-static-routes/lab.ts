// 05 · Static routes: one kernel route per peer is all that a flat pod network needs.
import { forwards, freshPod, noOverlap, plainOnTheWire, reachEachOther, reaches, routedTimes, routeVia } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Nodes } from 'hardway/lab'
import { podsOnBridge } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'node4' | 'router'
type Node = Nodes<Name>[Name]

const red = { red: '10.244.1.2' }
const green = { green: '10.244.2.2' }
const amber = { amber: '10.244.4.2' }
const pods = { ...red, blue: '10.244.1.3', ...green, teal: '10.244.2.3', violet: '10.244.3.2' }
const kept = { keepingAddress: true }

const own = reaches(red, green, kept)
const everyone = reachEachOther(pods, kept)
const plain = plainOnTheWire(red, green)
const twoRouters = routedTimes(red, green, 2)
const anyPod = freshPod('node1', '10.244.1.1', { ...green, violet: pods.violet })
const onNode3 = freshPod('node3', '10.244.3.1', { ...red, ...green })
const onNode4 = freshPod('node4', '10.244.4.1', { ...red, ...green })
const three = { there: routedTimes(red, amber, 3), back: routedTimes(amber, red, 3) }
const newcomer = reachEachOther({ ...red, ...green, violet: pods.violet, ...amber }, kept)
const apart = noOverlap({ nodes: ['node1', 'node2', 'node3', 'node4'], pods: '10.244.0.0/16', services: '10.96.0.0/12' })
const withLate = reachEachOther({ ...red, teal: pods.teal, violet: pods.violet, ...amber, late: 'node2/late' }, kept)

/** The range is the learner's to choose; that it is another one is the exercise. */
const secondRange: Check = {
  claim: 'late on node2 has an address of another range than 10.244.2.0/24',
  look: async bench => {
    const namespaces = await bench.namespaces('node2')
    const late = namespaces.find(namespace => namespace.named === 'late')
    const [node] = namespaces
    if (node === undefined) return unknown('node2 shows no network namespace')
    if (late === undefined) return fail('node2 has no network namespace late', node.evidence)
    const addresses = late.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses)
    if (addresses.length === 0) return fail('late has no address', late.evidence)
    const old = addresses.find(address => address.startsWith('10.244.2.'))
    return old === undefined ? pass(late.evidence) : fail(`late has ${old}, and 10.244.2.0/24 is full`, late.evidence)
  },
}

/** `ip -batch`: one process for several commands. */
const batch = (node: Node, ...lines: readonly string[]) => node`ip -batch - <<< ${lines.join('\n')}`
const forwardOn = (...nodes: readonly Node[]) => Promise.all(nodes.map(node => node`sysctl -qw net.ipv4.ip_forward=1`))

const routerTold = ({ router }: Nodes<Name>) => router`ip route add 10.244.4.0/24 via 192.168.1.14`
const nodesTold = ({ node1, node2, node3, node4 }: Nodes<Name>, destination = 'default') =>
  Promise.all([node1, node2, node3, node4].map(node => node`ip route add ${destination} via 192.168.1.1`))

/** The pod `late`, on the bridge that the node has. */
const late = (node: Node, address: string, gateway: string, bridge = 'cni0') => node`
  ip netns add late
  ip link add veth-late up type veth peer name eth0 netns late
  ip link set veth-late master ${bridge}
  ip -n late -batch - <<END
link set lo up
addr add ${address} dev eth0
link set eth0 up
route add default via ${gateway}
END`

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

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, node4, router }) => {
    await Promise.all([
      podsOnBridge(node1, '10.244.1.0/24', { red: '10.244.1.2', blue: '10.244.1.3' }),
      podsOnBridge(node2, '10.244.2.0/24', { green: '10.244.2.2', teal: '10.244.2.3' }),
      podsOnBridge(node3, '10.244.3.0/24', { violet: '10.244.3.2' }),
      podsOnBridge(node4, '10.244.4.0/24', { amber: '10.244.4.2' }),
      // What whoever runs the data centre has done already. Redirects are the kernel's default, and looked at.
      router`
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.eth0.send_redirects=1
        ip -batch - <<END
route add 10.244.1.0/24 via 192.168.1.11
route add 10.244.2.0/24 via 192.168.1.12
route add 10.244.3.0/24 via 192.168.1.13
END`,
    ])
  },
  steps: {
    forward: {
      checks: [forwards('node1'), forwards('node2'), forwards('node3')],
      hints: [
        'The packet reached node1 and never left it. Which counter of node1 moved, and what does it count?',
        failing => `One switch in the kernel makes a host a router, and it is off on ${failing.map(claim => claim.split(' ')[0] ?? '').join(', ') || 'a node'}. \`sysctl -a -r forward\` lists all that have to do with it.`,
        'On node1, node2 and node3: `sysctl -w net.ipv4.ip_forward=1`',
      ],
      alternatives: {
        'a file that lasts': ({ node1, node2, node3 }) => Promise.all([node1, node2, node3].map(node =>
          node`echo net.ipv4.ip_forward=1 > /etc/sysctl.d/90-router.conf && sysctl -qp /etc/sysctl.d/90-router.conf`)),
        'interface by interface': ({ node1, node2, node3 }) => Promise.all([node1, node2, node3].map(node =>
          node`sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.cni0.forwarding=1`)),
      },
      mutants: {
        'only where the packet starts': { refusedBy: 'node2 forwards packets that are not for itself', instead: ({ node1 }) => forwardOn(node1) },
        'in the pods instead': {
          refusedBy: 'node1 forwards packets that are not for itself',
          instead: ({ node1, node2, node3 }) => Promise.all([
            node1`for pod in red blue; do ip netns exec $pod sysctl -qw net.ipv4.ip_forward=1; done`,
            node2`for pod in green teal; do ip netns exec $pod sysctl -qw net.ipv4.ip_forward=1; done`,
            node3`ip netns exec violet sysctl -qw net.ipv4.ip_forward=1`,
          ]),
        },
        'for interfaces to come only': {
          refusedBy: 'node3 forwards packets that are not for itself',
          instead: ({ node1, node2, node3 }) => Promise.all([forwardOn(node1, node2), node3`sysctl -qw net.ipv4.conf.default.forwarding=1`]),
        },
        'off again on one interface': { refusedBy: 'node2 forwards packets that are not for itself', after: ({ node2 }) => node2`sysctl -qw net.ipv4.conf.eth0.forwarding=0` },
      },
    },
    'route-out': {
      checks: [routeVia('node1', '10.244.2.2', '192.168.1.12'), routeVia('node1', '10.244.3.2', '192.168.1.13'), twoRouters],
      hints: [
        'Who on this wire knows where 10.244.2.2 is, and by which address can node1 reach them?',
        failing => failing.includes(twoRouters.claim) && failing.length === 1
          ? 'node1 knows the way now. Does node2 do its part? What did you turn on in the first step, and is it on still?'
          : 'Ask node1 what it would do: `ip route get 10.244.2.2`. A route names a range, and the neighbour that takes packets for it.',
        'On node1: `ip route add 10.244.2.0/24 via 192.168.1.12` and `ip route add 10.244.3.0/24 via 192.168.1.13`',
      ],
      answers: {
        mac: {
          right: async bench => await macOf(bench, 'node3'),
          wrong: ['192.168.1.13', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'],
          grade: async (bench, value) => {
            const given = value.toLowerCase()
            const namespaces = await Promise.all((['node1', 'node2', 'node3'] as const).map(name => bench.namespaces(name)))
            const [node1] = namespaces[0] ?? []
            if (node1 === undefined) return unknown('node1 shows no network namespace')
            if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(given)) return fail('a MAC address is six pairs of hexadecimal digits', node1.evidence)
            for (const namespace of namespaces.flat()) {
              const link = namespace.links.find(one => one.mac === given)
              if (link === undefined) continue
              if (namespace.node === 'node3' && namespace.own && link.name === 'eth0') return pass(namespace.evidence)
              return fail(`that is ${link.name} of ${namespace.place.name}`, namespace.evidence)
            }
            return fail('nobody here has that MAC address', node1.evidence)
          },
        },
      },
      alternatives: {
        'onlink': ({ node1 }) => batch(node1, 'route add 10.244.2.0/24 via 192.168.1.12 dev eth0 onlink', 'route add 10.244.3.0/24 via 192.168.1.13 dev eth0 onlink'),
        'next hops that have a number': ({ node1 }) => batch(node1,
          'nexthop add id 12 via 192.168.1.12 dev eth0', 'nexthop add id 13 via 192.168.1.13 dev eth0',
          'route add 10.244.2.0/24 nhid 12', 'route add 10.244.3.0/24 nhid 13'),
        'the older tool': ({ node1 }) => node1`
          route add -net 10.244.2.0 netmask 255.255.255.0 gw 192.168.1.12
          route add -net 10.244.3.0 netmask 255.255.255.0 gw 192.168.1.13`,
        'a wide route beneath a narrow one': ({ node1 }) => batch(node1, 'route add 10.244.0.0/16 via 192.168.1.13', 'route add 10.244.2.0/24 via 192.168.1.12'),
      },
      mutants: {
        'the wrong neighbour': {
          refusedBy: 'node1 sends 10.244.2.2 via 192.168.1.12',
          instead: ({ node1 }) => batch(node1, 'route add 10.244.2.0/24 via 192.168.1.13', 'route add 10.244.3.0/24 via 192.168.1.12'),
        },
        'a next hop that nobody is': {
          refusedBy: 'node1 sends 10.244.3.2 via 192.168.1.13',
          instead: ({ node1 }) => batch(node1, 'route add 10.244.2.0/24 via 192.168.1.12', 'route add 10.244.3.0/24 via 192.168.1.99'),
        },
        'the pods told, and not the node': {
          refusedBy: 'node1 sends 10.244.2.2 via 192.168.1.12',
          instead: ({ node1 }) => node1`for pod in red blue; do ip -n $pod route add 10.244.2.0/23 via 10.244.1.1; done`,
        },
        'onto the wire, where nobody answers': {
          refusedBy: 'node1 sends 10.244.2.2 via 192.168.1.12',
          instead: ({ node1 }) => batch(node1, 'route add 10.244.2.0/24 dev eth0', 'route add 10.244.3.0/24 dev eth0'),
        },
        'a narrower route to somebody else': {
          refusedBy: 'node1 sends 10.244.2.2 via 192.168.1.12',
          after: ({ node1 }) => node1`ip route add 10.244.2.0/25 via 192.168.1.13`,
        },
        'a blackhole': {
          refusedBy: 'node1 sends 10.244.3.2 via 192.168.1.13',
          after: ({ node1 }) => node1`ip route add blackhole 10.244.3.0/28`,
        },
        'the next hop is no router any more': { refusedBy: twoRouters.claim, after: ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0` },
      },
    },
    'route-back': {
      checks: [
        routeVia('node2', '10.244.1.2', '192.168.1.11'), routeVia('node2', '10.244.3.2', '192.168.1.13'),
        routeVia('node3', '10.244.1.2', '192.168.1.11'), routeVia('node3', '10.244.2.2', '192.168.1.12'),
        own, everyone, anyPod, twoRouters, plain,
      ],
      hints: [
        failing => failing.includes(twoRouters.claim) || failing.includes(plain.claim)
          ? 'Every node knows a way, but it is not the plain one. What else have you made on the nodes that could carry packets?'
          : 'green got the request and answered. Who has to carry the answer, and what does that node know of 10.244.1.0/24?',
        failing => failing.includes(own.claim) && !failing.some(claim => claim.includes(' sends '))
          ? 'The routes are there. What else on the way may drop a packet or change its source? `nft list ruleset`, `iptables -t nat -S`, `sysctl -a -r rp_filter`.'
          : 'Each node needs what node1 has: a route for every other node\'s range, and none for its own. Two on node2, two on node3.',
        'On node2: `ip route add 10.244.1.0/24 via 192.168.1.11` and `ip route add 10.244.3.0/24 via 192.168.1.13`; on node3: `ip route add 10.244.1.0/24 via 192.168.1.11` and `ip route add 10.244.2.0/24 via 192.168.1.12`',
      ],
      answers: {
        'hundred-nodes': numberIs(() => Promise.resolve(100 * 99), ['100', '200', '10000', '4950', '99']),
      },
      alternatives: {
        'wide routes and narrow ones': ({ node2, node3 }) => Promise.all([
          batch(node2, 'route add 10.244.0.0/16 via 192.168.1.11', 'route add 10.244.3.0/24 via 192.168.1.13'),
          batch(node3, 'route add 10.244.0.0/16 via 192.168.1.11', 'route add 10.244.2.0/24 via 192.168.1.12'),
        ]),
        // A proxy waits up to 0.8 s before it answers, in case the real owner does; Calico sets that to 0 as well.
        'no next hop, and proxy ARP': async ({ node1, node2, node3 }) => {
          await Promise.all([node1, node2, node3].map(node => node`sysctl -qw net.ipv4.conf.eth0.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0`))
          await Promise.all([
            batch(node2, 'route add 10.244.1.0/24 dev eth0', 'route add 10.244.3.0/24 dev eth0'),
            batch(node3, 'route add 10.244.1.0/24 dev eth0', 'route add 10.244.2.0/24 dev eth0'),
          ])
        },
        'a table of its own': {
          requires: ['policy-routing'],
          instead: ({ node2, node3 }) => Promise.all([
            batch(node2, 'rule add to 10.244.0.0/16 lookup 100', 'route add 10.244.1.0/24 via 192.168.1.11 table 100', 'route add 10.244.3.0/24 via 192.168.1.13 table 100'),
            batch(node3, 'rule add to 10.244.0.0/16 lookup 100', 'route add 10.244.1.0/24 via 192.168.1.11 table 100', 'route add 10.244.2.0/24 via 192.168.1.12 table 100'),
          ]),
        },
      },
      mutants: {
        'masquerade in place of a way back': {
          refusedBy: own.claim,
          instead: ({ node1 }) => node1`iptables -t nat -A POSTROUTING -s 10.244.1.0/24 -o eth0 -j MASQUERADE`,
        },
        'masquerade beside the routes': {
          refusedBy: everyone.claim,
          after: ({ node1, node2, node3 }) => Promise.all([node1, node2, node3].map(node =>
            node`nft ${'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname "eth0" masquerade'}`)),
        },
        'only one of the two goes home': {
          refusedBy: everyone.claim,
          instead: ({ node2 }) => batch(node2, 'route add 10.244.1.0/24 via 192.168.1.11', 'route add 10.244.3.0/24 via 192.168.1.13'),
        },
        'one route for each pod of today': {
          refusedBy: anyPod.claim,
          instead: ({ node2, node3 }) => Promise.all([
            batch(node2, 'route add 10.244.1.2 via 192.168.1.11', 'route add 10.244.1.3 via 192.168.1.11', 'route add 10.244.3.2 via 192.168.1.13'),
            batch(node3, 'route add 10.244.1.2 via 192.168.1.11', 'route add 10.244.1.3 via 192.168.1.11', 'route add 10.244.2.2 via 192.168.1.12', 'route add 10.244.2.3 via 192.168.1.12'),
          ]),
        },
        // One layer 2 for all: the wire is a port of every bridge, and pods take everything to be on their link.
        'the wire put into the bridges': {
          refusedBy: twoRouters.claim,
          instead: async nodes => {
            const { node1, node2, node3 } = nodes
            const stretch = (node: Node, address: string, names: string, others: readonly (readonly [string, string])[]) => batch(node,
              `addr del ${address}/24 dev eth0`, `addr add ${address}/24 dev cni0`, 'link set eth0 master cni0',
              ...others.map(([range, via]) => `route replace ${range} via ${via}`),
            ).then(() => node`for pod in $(echo ${names}); do ip -n $pod route add 10.244.0.0/16 dev eth0; done`)
            await Promise.all([
              stretch(node1, '192.168.1.11', 'red blue', [['10.244.2.0/24', '192.168.1.12'], ['10.244.3.0/24', '192.168.1.13']]),
              stretch(node2, '192.168.1.12', 'green teal', [['10.244.1.0/24', '192.168.1.11'], ['10.244.3.0/24', '192.168.1.13']]),
              stretch(node3, '192.168.1.13', 'violet', [['10.244.1.0/24', '192.168.1.11'], ['10.244.2.0/24', '192.168.1.12']]),
            ])
          },
        },
        'a tunnel': {
          refusedBy: plain.claim,
          instead: ({ node1, node2, node3 }) => Promise.all(([[node1, 1], [node2, 2], [node3, 3]] as const).map(([node, own]) => {
            const others = [1, 2, 3].filter(other => other !== own)
            const mac = (number: number) => `02:00:00:00:00:0${number}`
            return node`
              ip link add flannel.1 address ${mac(own)} up type vxlan id 1 dev eth0 local ${`192.168.1.1${own}`} dstport 8472 nolearning
              ip addr add ${`10.244.${own}.0/32`} dev flannel.1
              ip -batch - <<< ${others.flatMap(other => [
                `neigh add 10.244.${other}.0 lladdr ${mac(other)} dev flannel.1 nud permanent`,
                `route replace 10.244.${other}.0/24 via 10.244.${other}.0 dev flannel.1 onlink`,
              ]).join('\n')}
              bridge -batch - <<< ${others.map(other => `fdb append ${mac(other)} dev flannel.1 dst 192.168.1.1${other}`).join('\n')}`
          })),
        },
        'a wrong next hop for the way back': {
          refusedBy: 'node2 sends 10.244.1.2 via 192.168.1.11',
          after: ({ node2 }) => node2`ip route replace 10.244.1.0/24 via 192.168.1.13`,
        },
        'a way back into nothing': {
          refusedBy: 'node3 sends 10.244.2.2 via 192.168.1.12',
          after: ({ node3 }) => node3`ip route replace blackhole 10.244.2.0/24`,
        },
        'a host again after a restart': { refusedBy: everyone.claim, after: ({ node3 }) => node3`sysctl -qw net.ipv4.ip_forward=0` },
        'a firewall that forwards nothing': { refusedBy: own.claim, after: ({ node2 }) => node2`iptables -P FORWARD DROP` },
        'a firewall of another make': {
          refusedBy: everyone.claim,
          after: ({ node3 }) => node3`nft ${'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }'}`,
        },
        // What pods send is marked, and the mark has a table that knows the way. The kernel's question "would I answer
        // by this interface?" carries no mark, and finds an interface that was forgotten: strict filtering goes by that.
        'strict about where packets come from': {
          refusedBy: own.claim,
          after: ({ node2 }) => node2`
            nft ${'add table ip marks; add chain ip marks pre { type filter hook prerouting priority mangle; }; add rule ip marks pre iifname "cni0" meta mark set 1'}
            ip link add old0 up type veth peer name old1
            ip link set old1 up
            ip -batch - <<END
rule add fwmark 1 lookup 100
route add 10.244.1.0/24 via 192.168.1.11 table 100
route replace 10.244.1.0/24 dev old0
END
            sysctl -qw net.ipv4.conf.eth0.rp_filter=1`,
        },
      },
    },
    router: {
      checks: [
        routeVia('router', '10.244.4.2', '192.168.1.14'), routeVia('node1', '10.244.4.2', '192.168.1.1'), routeVia('node4', '10.244.1.2', '192.168.1.1'),
        newcomer, three.there, three.back,
      ],
      hints: [
        'Who has to know where 10.244.4.0/24 is, and who only has to know somebody who does?',
        failing => failing.includes(newcomer.claim)
          ? 'Follow one packet from red to amber and its answer back: at each machine, `ip route get` the next address. The newcomer is a fresh Linux machine: what did the other three need first?'
          : 'A route to everything that no narrower route covers is called `default`. It is the router that knows more than its neighbours.',
        'On node4: `sysctl -w net.ipv4.ip_forward=1`; on all four nodes: `ip route add default via 192.168.1.1`; on router: `ip route add 10.244.4.0/24 via 192.168.1.14`',
      ],
      answers: {
        // The request goes to the router, which node1 asks; the answer goes straight onto the wire that node4 shares with node1.
        'routers-back': numberIs(async bench => 64 - await ttlOnNode1(bench), ['0', '2', '3', '63']),
      },
      alternatives: {
        'a route for pods in place of a default': async nodes => {
          await Promise.all([forwardOn(nodes.node4), routerTold(nodes), nodesTold(nodes, '10.244.0.0/16')])
        },
        'a default in two halves': async nodes => {
          await Promise.all([forwardOn(nodes.node4), routerTold(nodes), nodesTold(nodes, '0.0.0.0/1').then(() => nodesTold(nodes, '128.0.0.0/1'))])
        },
      },
      mutants: {
        'everybody told, and the router passed by': {
          refusedBy: three.there.claim,
          instead: async nodes => {
            const { node1, node2, node3, node4 } = nodes
            await Promise.all([
              forwardOn(node4), ...[node1, node2, node3].map(node => node`ip route add 10.244.4.0/24 via 192.168.1.14`),
              batch(node4, ...[1, 2, 3].map(number => `route add 10.244.${number}.0/24 via 192.168.1.1${number}`)),
            ])
          },
        },
        'a short cut home': {
          refusedBy: three.back.claim,
          after: ({ node4 }) => node4`ip route add 10.244.1.0/24 via 192.168.1.11`,
        },
        'a newcomer without a way home': {
          refusedBy: 'node4 sends 10.244.1.2 via 192.168.1.1',
          instead: async nodes => {
            await Promise.all([forwardOn(nodes.node4), routerTold(nodes), ...[nodes.node1, nodes.node2, nodes.node3].map(node => node`ip route add default via 192.168.1.1`)])
          },
        },
        'a newcomer that is no router': {
          refusedBy: newcomer.claim,
          instead: async nodes => {
            await Promise.all([routerTold(nodes), nodesTold(nodes)])
          },
        },
        'a loop': {
          refusedBy: 'router sends 10.244.4.2 via 192.168.1.14',
          after: ({ router }) => batch(router, 'route del 10.244.4.0/24', 'route add default via 192.168.1.11'),
        },
        'a router that has had enough': {
          refusedBy: newcomer.claim,
          after: ({ router }) => router`iptables -P FORWARD DROP`,
        },
      },
    },
    'second-range': {
      checks: [secondRange, apart, withLate],
      hints: [
        'Write down every range that is taken: nodes, pods of each node, services. Which of 10.244.3.128/25, 10.100.0.0/24 and 10.244.5.0/24 shares no address with any of them?',
        failing => failing.includes(secondRange.claim)
          ? 'Lab 02 is all that the pod needs: a namespace, a veth into cni0, an address, a default route. Its gateway must be on the same link and in the same range, and an interface may have several addresses.'
          : failing.includes(apart.claim)
            ? 'Two ranges share addresses. The narrower one wins wherever both are known, today without harm. Whose address will be the first to be lost?'
            : 'late is there. Which machine is asked for its range by everyone who does not know better, and what does it answer? `ip route get` there.',
        'On node2: `ip addr add 10.244.5.1/24 dev cni0`, then the pod as in lab 02 with 10.244.5.2/24 and a default route via 10.244.5.1. On router: `ip route add 10.244.5.0/24 via 192.168.1.12`',
      ],
      alternatives: {
        'every node told, and the router for the newcomer': async ({ node1, node2, node3, router }) => {
          await node2`ip addr add 10.244.200.1/24 dev cni0`
          await late(node2, '10.244.200.7/24', '10.244.200.1')
          await Promise.all([node1, node3, router].map(node => node`ip route add 10.244.200.0/24 via 192.168.1.12`))
        },
        'a second bridge': async ({ node2, router }) => {
          await node2`ip link add cni1 up type bridge forward_delay 0; ip addr add 10.244.64.1/18 dev cni1`
          await late(node2, '10.244.70.2/18', '10.244.64.1', 'cni1')
          await router`ip route add 10.244.64.0/18 via 192.168.1.12`
        },
      },
      mutants: {
        'one more from the range that is full': {
          refusedBy: secondRange.claim,
          instead: ({ node2 }) => late(node2, '10.244.2.4/24', '10.244.2.1'),
        },
        // It all works, until node3 gives away its 128th address.
        'half of the range of another node': {
          refusedBy: apart.claim,
          instead: async ({ node1, node2, node3, router }) => {
            await node2`ip addr add 10.244.3.129/25 dev cni0`
            await late(node2, '10.244.3.130/25', '10.244.3.129')
            await Promise.all([node1, node3, router].map(node => node`ip route add 10.244.3.128/25 via 192.168.1.12`))
          },
        },
        'a range that services have': {
          refusedBy: apart.claim,
          instead: async ({ node2, router }) => {
            await node2`ip addr add 10.100.0.1/24 dev cni0`
            await late(node2, '10.100.0.2/24', '10.100.0.1')
            await router`ip route add 10.100.0.0/24 via 192.168.1.12`
          },
        },
        'nobody told': {
          refusedBy: withLate.claim,
          instead: async ({ node2 }) => {
            await node2`ip addr add 10.244.5.1/24 dev cni0`
            await late(node2, '10.244.5.2/24', '10.244.5.1')
          },
        },
        'the same range given away twice': {
          refusedBy: apart.claim,
          after: ({ node3 }) => node3`ip addr add 10.244.5.1/24 dev cni0`,
        },
        'a pod without a default route': { refusedBy: withLate.claim, after: ({ node2 }) => node2`ip -n late route del default` },
      },
    },
    'next-pod': {
      alreadyTrue: 'routes name ranges: where they are right, a pod that comes needs none of its own',
      checks: [onNode3, onNode4],
      hints: [
        'Which of the routes that you typed names a pod?',
        'Ask the machines on the way what they would do with an address that nobody has yet: `ip route get 10.244.3.77` on node1, `ip route get 10.244.4.77` there and on router.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'A claim that failed says which pod could not reach the new one. It holds again when each range has its route: `npx lab goto next-pod` brings you there on fresh nodes.',
      ],
      answers: { ranges: numberIs(rangesOf, ['0', '1', '4', '5', '6']) },
      mutants: {
        'a route for the pod that is there': {
          refusedBy: onNode3.claim,
          after: ({ node1 }) => batch(node1, 'route del 10.244.3.0/24', 'route del default', 'route add 10.244.3.2/32 via 192.168.1.13'),
        },
        'a router that knows one pod of the newcomer': {
          refusedBy: onNode4.claim,
          after: ({ router }) => batch(router, 'route del 10.244.4.0/24', 'route add 10.244.4.2/32 via 192.168.1.14'),
        },
        'a bridge that keeps new ports apart': {
          refusedBy: onNode3.claim,
          after: ({ node3 }) => node3`nft ${'add table bridge shut; add chain bridge shut in { type filter hook prerouting priority 0; }; add rule bridge shut in iifname != { "veth-violet", "eth0" } ether type { ip, arp } drop'}`,
        },
      },
    },
  },
})

/** The ranges of pods that node1 has a next hop for. */
async function rangesOf(bench: Bench): Promise<number> {
  const { stdout } = await bench.place('node1').exec(['ip', '-4', 'route', 'show', 'root', '10.244.0.0/16'])
  return stdout.split('\n').filter(line => line.includes(' via ')).length
}

async function macOf(bench: Bench, node: string): Promise<string> {
  const own = (await bench.namespaces(node)).find(namespace => namespace.own)
  return own?.links.find(link => link.name === 'eth0')?.mac ?? ''
}

/** What is left of amber's answer to node1. */
async function ttlOnNode1(bench: Bench): Promise<number> {
  const { stdout } = await bench.place('node1').exec(['ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', '10.244.4.2'])
  const ttl = /ttl=(\d+)/.exec(stdout)?.[1]
  if (ttl === undefined) throw new Error('node1 gets no answer from amber')
  return Number(ttl)
}
