// 10 · Pods without a bridge: a route for each on its own node, and for all others what nodes tell each other by BGP.
import { freshRoutedPod, gatewayAnswers, learnedOnly, learnedRoute, reachEachOther, reaches, routedTimes, sendsNothingTo, speaksBgpWith, unusedStay } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Nodes } from 'hardway/lab'
import { podsOnRoutes } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'node4' | 'router'
type All = Nodes<Name>
type Node = All[Name]
type Number = 1 | 2 | 3 | 4

const THREE = [1, 2, 3] as const
const GATEWAY = '169.254.1.1'
const EE = 'ee:ee:ee:ee:ee:ee'

const red = { red: '10.244.1.2' }
const blue = { blue: '10.244.1.3' }
const green = { green: '10.244.2.2' }
const violet = { violet: '10.244.3.2' }
const amber = { amber: '10.244.4.2' }
const kept = { keepingAddress: true }

const asksNobody = [gatewayAnswers(red, GATEWAY, EE), gatewayAnswers(blue, GATEWAY, EE)] as const
const routed = routedTimes(red, blue, 1)
const onNode1 = reachEachOther({ ...red, ...blue, node1: '192.168.1.11' })

const learned = (at: Number, of: Number) => learnedRoute(`node${at}`, `10.244.${of}.0/26`, `192.168.1.1${of}`)
const everybodyLearned = THREE.flatMap(at => THREE.filter(of => of !== at).map(of => learned(at, of)))
const everyone = reachEachOther({ ...red, ...blue, ...green, ...violet }, kept)
const twoRouters = routedTimes(red, green, 2)
const onlyPods = learnedOnly(['node1', 'node2', 'node3'], '10.244.0.0/16')
const stay = unusedStay({ node1: '10.244.1.0/26', node2: '10.244.2.0/26', node3: '10.244.3.0/26' })

const silent = speaksBgpWith('node4', [])
const forgotten = sendsNothingTo(['node1', 'node2', 'node3'], '10.244.4.0/26', 'node4')
const amberLives = reaches({ node4: '192.168.1.14' }, amber)

const onlyRouter = THREE.map(at => speaksBgpWith(`node${at}`, ['192.168.1.1']))

const secondBlock = [learnedRoute('node1', '10.244.2.64/26', '192.168.1.12'), learnedRoute('node3', '10.244.2.64/26', '192.168.1.12')] as const
const withLate = reachEachOther({ ...red, ...green, ...violet, late: 'node2/late' }, kept)
const onNode3 = freshRoutedPod('node3', '10.244.3.0/26', { ...red, ...green })
const onNode2 = freshRoutedPod('node2', '10.244.2.64/26', { ...red, ...violet })

/** Its address is the learner's to choose, within the new block. */
const inBlock: Check = {
  claim: 'late on node2 has an address of 10.244.2.64/26',
  look: async bench => {
    const namespaces = await bench.namespaces('node2')
    const [node] = namespaces
    const late = namespaces.find(namespace => namespace.named === 'late')
    if (node === undefined) return unknown('node2 shows no network namespace')
    if (late === undefined) return fail('node2 has no network namespace late', node.evidence)
    const addresses = late.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses).filter(address => address.includes('.'))
    const last = (address: string) => /^10\.244\.2\.(\d+)\//.exec(address)?.[1]
    if (addresses.length === 0) return fail('late has no address', late.evidence)
    const other = addresses.find(address => !(Number(last(address)) >= 64 && Number(last(address)) < 128))
    return other === undefined ? pass(late.evidence) : fail(`late has ${other}`, late.evidence)
  },
}

// What BIRD is told. The lesson prints the same for node1; the other nodes have it already.
interface Files {
  readonly bird: string
  readonly blocks: string
  readonly peers: string
  readonly direct: string
}

const BIRD = `log "/var/log/bird.log" all;
router id from "eth0";

protocol device { }

protocol kernel {
  ipv4 { export where source != RTS_DEVICE; };
}

template bgp cluster {
  local as 64512;
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 5;
  ipv4 {
    import all;
    export where source = RTS_STATIC;
  };
}

include "/etc/bird/conf.d/*.conf";
`
const DIRECT = 'protocol direct { ipv4; interface "eth0"; }'
const blocksOf = (...blocks: readonly string[]) => `protocol static blocks { ipv4; ${blocks.map(block => `route ${block} blackhole;`).join(' ')} }`
const peersOf = (own: Number, as: (other: Number) => number = () => 64512) =>
  ([1, 2, 3, 4] as const).filter(other => other !== own).map(other => `protocol bgp node${other} from cluster { neighbor 192.168.1.1${other} as ${as(other)}; }`).join('\n')
const filesOf = (own: Number): Files => ({ bird: BIRD, blocks: blocksOf(`10.244.${own}.0/26`), peers: peersOf(own), direct: DIRECT })

const write = async (node: Node, { bird, blocks, peers, direct }: Partial<Files>) => {
  await node`mkdir -p /etc/bird/conf.d`
  for (const [path, text] of [['bird.conf', bird], ['conf.d/blocks.conf', blocks], ['conf.d/peers.conf', peers], ['conf.d/direct.conf', direct]] as const) {
    if (text !== undefined) await node`cat >/etc/bird/${path} <<< ${text}`
  }
}
const startBird = async (node: Node, files: Partial<Files>) => {
  await write(node, files)
  await node`bird`
}
const reconfigure = async (node: Node, files: Partial<Files>) => {
  await write(node, files)
  await node`birdc configure`
}

/** The whole mesh, with what is to be different on a node. */
const mesh = (nodes: All, different: (own: Number) => Partial<Files> = () => ({})) =>
  Promise.all(THREE.map(own => startBird(nodes[`node${own}`], { ...filesOf(own), ...different(own) })))

/**
 * Until BIRD has so many sessions. A wrong network is judged when it has become what it is going to be: before
 * that, it is refused for not being there yet.
 */
const meets = (node: Node, sessions: number) => node`for try in $(seq 400); do [ "$(birdc show protocols | grep -c Established)" -ge ${sessions} ] && exit 0; sleep 0.05; done; birdc show protocols >&2; exit 1`

/** A mesh that is wrong, once all have met. */
const wrongMesh = async (nodes: All, different: (own: Number) => Partial<Files>) => {
  await mesh(nodes, different)
  await Promise.all(THREE.map(own => meets(nodes[`node${own}`], 3)))
}

const ROUTER = `log "/var/log/bird.log" all;
router id from "eth0";
protocol device { }
protocol direct { ipv4; interface "eth0"; }
protocol kernel { ipv4 { export where source != RTS_DEVICE; }; }
protocol bgp nodes {
  local as 64512;
  rr client;
  neighbor range 192.168.1.0/24 as 64512;
  dynamic name "node";
  error wait time 1, 5;
  ipv4 { import all; export where source = RTS_BGP; };
}
`
const TO_ROUTER = 'protocol bgp router from cluster { neighbor 192.168.1.1 as 64512; }'
/** Nodes that speak with the router alone, which is told as given. */
const reflected = async (nodes: All, router: string, different: (own: Number) => Partial<Files> = () => ({})) => {
  await startBird(nodes.router, { bird: router })
  await Promise.all(THREE.map(own => reconfigure(nodes[`node${own}`], { peers: TO_ROUTER, ...different(own) })))
}

/** The same that is wrong, once the nodes have met the router: all but `apart`, who cannot. */
const wrongReflected = async (nodes: All, router: string, different: (own: Number) => Partial<Files> = () => ({}), apart?: Number) => {
  await reflected(nodes, router, different)
  await Promise.all(THREE.filter(own => own !== apart).map(own => nodes[`node${own}`]`for try in $(seq 400); do birdc show protocols router | grep -q Established && exit 0; sleep 0.05; done; exit 1`))
}

interface Frr {
  readonly as?: number
  readonly id: string
  readonly block?: string
  readonly lines: readonly string[]
  readonly inFamily?: readonly string[]
}

/** FRR in place of BIRD: zebra writes to the kernel, bgpd speaks. What is for nobody in the block is a route of the kernel. */
const startFrr = async (node: Node, { as = 64512, id, block, lines, inFamily = [] }: Frr) => {
  const config = [
    `router bgp ${as}`, ` bgp router-id ${id}`, ' no bgp ebgp-requires-policy', ' no bgp network import-check', ' no bgp default ipv4-unicast',
    ...lines.map(line => ` ${line}`),
    ' address-family ipv4 unicast', ...block === undefined ? [] : [`  network ${block}`], ...inFamily.map(line => `  ${line}`), ' exit-address-family', '',
  ].join('\n')
  await node`mkdir -p /var/run/frr; chown frr:frr /var/run/frr; cat >/etc/frr/bgpd.conf <<< ${config}`
  if (block !== undefined) await node`ip route add blackhole ${block}`
  await node`/usr/lib/frr/zebra -d >/dev/null 2>&1; /usr/lib/frr/bgpd -d -f /etc/frr/bgpd.conf >/dev/null 2>&1`
}
const frrMember = (node: Node, own: Number) => startFrr(node, {
  id: `192.168.1.1${own}`, block: `10.244.${own}.0/26`,
  lines: ['neighbor nodes peer-group', 'neighbor nodes remote-as 64512', 'neighbor nodes timers connect 1', ...([1, 2, 3, 4] as const).filter(other => other !== own).map(other => `neighbor 192.168.1.1${other} peer-group nodes`)],
  inFamily: ['neighbor nodes activate'],
})

/** Until the node's kernel has a next hop for the range: what is broken has to have been there. */
const knows = (node: Node, range: string) => node`for try in $(seq 400); do ip route show ${range} | grep -q via && exit 0; sleep 0.05; done; exit 1`
/** Until it has none any more: a fault is judged when all have heard of it. */
const forgets = (node: Node, range: string) => node`for try in $(seq 400); do ip route show ${range} | grep -q via || exit 0; sleep 0.05; done; exit 1`
const allKnow = (nodes: All, range: string, own: Number) =>
  Promise.all(THREE.filter(other => other !== own).map(other => knows(nodes[`node${other}`], range)))
/** All three know each other's blocks: a daemon takes its time to start, and a busy machine more of it. */
const settled = (nodes: All) => Promise.all(THREE.map(own => allKnow(nodes, `10.244.${own}.0/26`, own)))
const batch = (node: Node, ...lines: readonly string[]) => node`ip -batch - <<< ${lines.join('\n')}`

const podRoutes = (node: Node) => node`for pod in red blue; do ip -n $pod route add 169.254.1.1 dev eth0 scope link; ip -n $pod route add default via 169.254.1.1; done`
const hostRoutes = (node: Node) => batch(node, 'route add 10.244.1.2/32 dev cali-red', 'route add 10.244.1.3/32 dev cali-blue', 'route add default via 192.168.1.1')
const proxies = (node: Node) => node`sysctl -qw net.ipv4.conf.cali-red.proxy_arp=1 net.ipv4.conf.cali-blue.proxy_arp=1 net.ipv4.neigh.cali-red.proxy_delay=0 net.ipv4.neigh.cali-blue.proxy_delay=0`

const latePod = (nodes: All, address = '10.244.2.66') => podsOnRoutes(nodes.node2, { late: address })
const toldBlocks = (nodes: All, ...blocks: readonly string[]) => reconfigure(nodes.node2, { blocks: blocksOf(...blocks) })

/** Something that can be said in a word or a number. */
const said = (right: (bench: Bench) => Promise<string>, wrong: Answer['wrong']): Answer => ({
  right,
  wrong,
  grade: async (bench, value) => {
    const [node] = await bench.namespaces('node1')
    if (node === undefined) return unknown('node1 shows no network namespace')
    return value.trim().toLowerCase() === await right(bench) ? pass(node.evidence) : fail(`it is not ${value}`, node.evidence)
  },
})

export default defineLab<Name>({
  setup: async ({ node1, node2, node3, node4, router }) => {
    // Forwarding is what the plugin's agent turns on first, and lab 05 about; proxy ARP is this lab's. Debian's unit makes /run/bird;
    // conf.d is there, so that a learner can write into it.
    const machine = 'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.proxy_arp=0 net.ipv4.conf.default.proxy_arp=0; mkdir -p /run/bird /etc/bird/conf.d'
    await Promise.all([node1, node2, node3, node4, router].map(node => node`bash -ec ${machine}`))
    await Promise.all([
      podsOnRoutes(node1, { ...red, ...blue }, { joined: false }),
      podsOnRoutes(node2, green), podsOnRoutes(node3, violet), podsOnRoutes(node4, amber),
      ...[node2, node3, node4].map(node => node`ip route add default via 192.168.1.1`),
      // Somebody has tried something with Docker here, long ago.
      node2`ip link add docker0 up type bridge; ip addr add 172.17.0.1/16 dev docker0`,
      write(node2, { bird: BIRD }), write(node3, { bird: BIRD }),
      startBird(node4, filesOf(4)),
    ])
  },
  steps: {
    gateway: {
      checks: [...asksNobody, routed, onNode1],
      hints: [
        'Who answers when red asks for 169.254.1.1, and what has to be true of the node before it does?',
        failing => failing.some(claim => asksNobody.some(check => check.claim === claim))
          ? 'In the pod: does `ip route` show the gateway and the default? On node1: is `proxy_arp` on where the question comes in, and what does `ip route get 169.254.1.1` say?'
          : 'The gateway answers. Which way does node1 send what is for a pod? `ip route get 10.244.1.2`.',
        'In each pod: `ip route add 169.254.1.1 dev eth0 scope link` and `ip route add default via 169.254.1.1`. On node1, for each pod: `sysctl -w net.ipv4.conf.cali-red.proxy_arp=1` and `ip route add 10.244.1.2/32 dev cali-red`; and once: `ip route add default via 192.168.1.1`',
      ],
      answers: { pods: said(() => Promise.resolve('64'), ['61', '62', '63', '26', '254']) },
      alternatives: {
        'proxy ARP for all interfaces': async ({ node1 }) => {
          await podRoutes(node1)
          await hostRoutes(node1)
          await node1`sysctl -qw net.ipv4.conf.all.proxy_arp=1`
        },
        'onlink in place of a route to the gateway': async ({ node1 }) => {
          await node1`for pod in red blue; do ip -n $pod route add default via 169.254.1.1 dev eth0 onlink; done`
          await hostRoutes(node1)
          await proxies(node1)
        },
        // As the VPC CNI of AWS does it: then nobody has to answer.
        'the gateway written down in the pods': async ({ node1 }) => {
          await podRoutes(node1)
          await hostRoutes(node1)
          await node1`for pod in red blue; do ip -n $pod neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent; done`
        },
        'an address that somebody has, in place of a proxy': async ({ node1 }) => {
          await podRoutes(node1)
          await hostRoutes(node1)
          await batch(node1, 'addr add 169.254.1.1/32 dev cali-red', 'addr add 169.254.1.1/32 dev cali-blue')
        },
        'a route for the gateway in place of a default': async ({ node1 }) => {
          await podRoutes(node1)
          await batch(node1, 'route add 10.244.1.2/32 dev cali-red', 'route add 10.244.1.3/32 dev cali-blue', 'route add 169.254.1.1/32 dev eth0')
          await proxies(node1)
        },
      },
      mutants: {
        'a bridge': {
          refusedBy: routed.claim,
          instead: async ({ node1 }) => {
            await batch(node1, 'link add cni0 up type bridge forward_delay 0', 'addr add 10.244.1.1/24 dev cni0', 'link set cali-red master cni0', 'link set cali-blue master cni0')
            await node1`for pod in red blue; do ip -n $pod route add 10.244.1.0/24 dev eth0; ip -n $pod route add default via 10.244.1.1; done`
          },
        },
        'nobody answers': { refusedBy: asksNobody[0].claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.conf.cali-red.proxy_arp=0` },
        'a node without a way to anywhere': { refusedBy: asksNobody[1].claim, after: ({ node1 }) => node1`ip route del default` },
        'a proxy that is no router': { refusedBy: asksNobody[1].claim, after: ({ node1 }) => node1`sysctl -qw net.ipv4.conf.cali-blue.forwarding=0` },
        'a MAC of its own': {
          refusedBy: asksNobody[0].claim,
          after: ({ node1 }) => node1`ip link set cali-red address 02:00:00:00:00:01`,
        },
        'the address of the node as the gateway': {
          refusedBy: asksNobody[0].claim,
          after: ({ node1 }) => node1`ip -n red route replace default via 192.168.1.11 dev eth0 onlink`,
        },
        'the cables mixed up': {
          refusedBy: onNode1.claim,
          instead: async ({ node1 }) => {
            await podRoutes(node1)
            await batch(node1, 'route add 10.244.1.2/32 dev cali-blue', 'route add 10.244.1.3/32 dev cali-red', 'route add default via 192.168.1.1')
            await proxies(node1)
          },
        },
        'no way to one of the pods': {
          refusedBy: onNode1.claim,
          after: ({ node1 }) => node1`ip route del 10.244.1.3/32`,
        },
      },
    },
    mesh: {
      checks: [everybodyLearned[0] ?? learned(1, 2), ...everybodyLearned.slice(1), everyone, twoRouters, onlyPods, stay],
      hints: [
        'A route can be in three places: told in a session, chosen by the daemon, written into the kernel. In which of them does it stop?',
        failing => failing.includes(onlyPods.claim) || failing.includes(stay.claim)
          ? 'Look at both uses of `export`: what a node tells its neighbours, and what it writes into its own kernel. A block is in both, an address of eth0 in neither.'
          : `On ${[...new Set(failing.flatMap(claim => /^node\d(?= has learned)/.exec(claim)?.[0] ?? []))].join(', ') || 'both nodes'}: \`birdc show protocols\` tells who is met, \`birdc show route\` what was told and whether its next hop is known, \`/var/log/bird.log\` what went wrong.`,
        'On each node the files bird.conf, blocks.conf and peers.conf as printed, then `bird`; then conf.d/direct.conf with `protocol direct { ipv4; interface "eth0"; }`, and `birdc configure`',
      ],
      answers: {
        caller: said(async bench => {
          const { stdout } = await bench.place('node1').exec(['ss', '-Htn4', 'state', 'established', 'dst', '192.168.1.12', '( sport = :179 or dport = :179 )'])
          if (stdout.trim() === '') throw new Error('node1 and node2 have no session')
          return / 192\.168\.1\.11:179 /.test(stdout) ? 'node2' : 'node1'
        }, ['node1', 'node2', 'node3', '179']),
      },
      alternatives: {
        'FRR on one node': async nodes => {
          await Promise.all([startBird(nodes.node1, filesOf(1)), frrMember(nodes.node2, 2), startBird(nodes.node3, filesOf(3))])
          await settled(nodes)
        },
        'FRR on all nodes': async nodes => {
          await Promise.all(THREE.map(own => frrMember(nodes[`node${own}`], own)))
          await settled(nodes)
        },
        // Between systems: every node is one.
        'an AS for each node': nodes => mesh(nodes, own => ({
          bird: BIRD.replace('local as 64512', `local as ${64512 + own}`),
          peers: peersOf(own, other => 64512 + other),
        })),
        'neighbours that are on the link, and other names': nodes => Promise.all(THREE.map(own => startBird(nodes[`node${own}`], {
          bird: `log stderr all;
            router id 192.168.1.1${own};
            protocol device dev { scan time 5; }
            protocol static mine { ipv4; route 10.244.${own}.0/26 unreachable; }
            protocol kernel fib { ipv4 { import none; export filter { if source = RTS_DEVICE then reject; accept; }; }; }
            ${THREE.filter(other => other !== own).map(other => `protocol bgp peer_${other} {
              local 192.168.1.1${own} as 64512;
              neighbor 192.168.1.1${other} as 64512;
              direct;
              connect delay time 1;
              connect retry time 1;
              error wait time 1, 5;
              ipv4 { import all; export filter { if proto = "mine" then accept; reject; }; };
            }`).join('\n')}`,
        }))),
        // Calico's own way with `learn`: what stands in the kernel's table is what is told.
        'blocks that the kernel has': async nodes => {
          await Promise.all(THREE.map(own => nodes[`node${own}`]`ip route add blackhole 10.244.${own}.0/26 proto static`))
          await mesh(nodes, own => ({
            bird: BIRD.replace('protocol kernel {', 'protocol kernel {\n  learn;').replace('ipv4 { export where source != RTS_DEVICE; };', 'ipv4 { import where net.len = 26; export where source = RTS_BGP; };')
              .replace('source = RTS_STATIC', 'source = RTS_INHERIT'),
            blocks: `# none but ${own}'s, and that is the kernel's\n`,
          }))
        },
        'by a reflector from the beginning': async nodes => {
          await startBird(nodes.router, { bird: ROUTER })
          await mesh(nodes, () => ({ peers: TO_ROUTER }))
        },
      },
      mutants: {
        'routes typed, and no daemon': {
          refusedBy: learned(1, 2).claim,
          instead: ({ node1, node2, node3 }) => Promise.all(([[node1, 1], [node2, 2], [node3, 3]] as const).map(([node, own]) => batch(node,
            `route add blackhole 10.244.${own}.0/26`, ...THREE.filter(other => other !== own).map(other => `route add 10.244.${other}.0/26 via 192.168.1.1${other}`)))),
        },
        'routes that look learned, and no daemon': {
          refusedBy: learned(3, 1).claim,
          instead: ({ node1, node2, node3 }) => Promise.all(([[node1, 1], [node2, 2], [node3, 3]] as const).map(([node, own]) => batch(node,
            `route add blackhole 10.244.${own}.0/26`, ...THREE.filter(other => other !== own).map(other => `route add 10.244.${other}.0/26 via 192.168.1.1${other} proto bird metric 32`)))),
        },
        // The kernel keeps what a dead daemon has written; everybody else has taken the way to it back.
        'a daemon that was killed': {
          refusedBy: learned(2, 1).claim,
          after: ({ node1, node2 }) => node1`kill -9 $(pidof bird)`.then(() => forgets(node2, '10.244.1.0/26')),
        },
        'a daemon that was killed, as its own node sees it': {
          refusedBy: learned(1, 2).claim,
          after: ({ node1, node2 }) => node1`kill -9 $(pidof bird)`.then(() => forgets(node2, '10.244.1.0/26')),
        },
        'typed into the daemon': {
          refusedBy: learned(1, 3).claim,
          instead: nodes => wrongMesh(nodes, own => ({
            bird: BIRD.replace('export where source = RTS_STATIC', 'export none'),
            blocks: `protocol static blocks { ipv4; route 10.244.${own}.0/26 blackhole; ${THREE.filter(other => other !== own).map(other => `route 10.244.${other}.0/26 via 192.168.1.1${other};`).join(' ')} }`,
          })),
        },
        'sessions, and no way to who speaks': { refusedBy: learned(1, 2).claim, instead: nodes => wrongMesh(nodes, () => ({ direct: '# none\n' })) },
        'the default is told': {
          refusedBy: onlyPods.claim,
          instead: nodes => wrongMesh(nodes, own => own === 2 ? { blocks: 'protocol static blocks { ipv4; route 10.244.2.0/26 blackhole; route 0.0.0.0/0 via 192.168.1.1; }' } : {}),
        },
        'everything that a node is on is told': {
          refusedBy: onlyPods.claim,
          instead: nodes => wrongMesh(nodes, () => ({ bird: BIRD.replace('export where source = RTS_STATIC', 'export all'), direct: 'protocol direct { ipv4; }' })),
        },
        'another AS': {
          refusedBy: learned(1, 3).claim,
          after: ({ node1, node3 }) => reconfigure(node3, { bird: BIRD.replace('local as 64512', 'local as 64513') }).then(() => forgets(node1, '10.244.3.0/26')),
        },
        // A session that is there would live on for as long as the hold time lasts.
        'port 179 is shut': {
          refusedBy: learned(2, 3).claim,
          after: ({ node2, node3 }) => node3`
            nft ${'add table inet shut; add chain inet shut in { type filter hook input priority 0; }; add rule inet shut in tcp dport 179 drop; add rule inet shut in tcp sport 179 drop'}
            birdc restart '"node*"'`.then(() => forgets(node2, '10.244.3.0/26')),
        },
        'a filter that lets no block in': {
          refusedBy: learned(3, 2).claim,
          after: ({ node3 }) => reconfigure(node3, { bird: BIRD.replace('import all', 'import where net.len <= 24') }).then(() => forgets(node3, '10.244.2.0/26')),
        },
        'a filter that lets no block out': {
          refusedBy: learned(1, 2).claim,
          after: ({ node1, node2 }) => reconfigure(node2, { bird: BIRD.replace('export where source = RTS_STATIC', 'export where source = RTS_STATIC && net.len <= 24') }).then(() => forgets(node1, '10.244.2.0/26')),
        },
        'eth0 forgotten again': { refusedBy: learned(2, 1).claim, after: ({ node2 }) => reconfigure(node2, { direct: '# none\n' }).then(() => forgets(node2, '10.244.1.0/26')) },
        'each pod told in place of the block': {
          refusedBy: learned(1, 2).claim,
          instead: nodes => wrongMesh(nodes, own => ({
            bird: BIRD.replace('export where source = RTS_STATIC', 'export where source = RTS_STATIC && net.len = 32').replace('source != RTS_DEVICE', 'source != RTS_DEVICE && net.len != 32 || source = RTS_BGP'),
            blocks: `protocol static blocks { ipv4; route 10.244.${own}.0/26 blackhole; route 10.244.${own}.2/32 blackhole; route 10.244.${own}.3/32 blackhole; }`,
          })),
        },
        'the block of somebody else': {
          refusedBy: learned(1, 3).claim,
          instead: nodes => wrongMesh(nodes, own => own === 2 ? { blocks: blocksOf('10.244.2.0/26', '10.244.3.0/26') } : own === 3 ? { blocks: blocksOf('10.244.3.64/26') } : {}),
        },
        'nothing for addresses that nobody has': {
          refusedBy: stay.claim,
          instead: nodes => wrongMesh(nodes, () => ({ bird: BIRD.replace('source != RTS_DEVICE', 'source = RTS_BGP') })),
        },
        'all leave as their node': {
          refusedBy: everyone.claim,
          after: ({ node1 }) => node1`nft ${'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname "eth0" masquerade'}`,
        },
        'a node that does not forward': { refusedBy: twoRouters.claim, after: ({ node2 }) => node2`sysctl -qw net.ipv4.ip_forward=0` },
        'a pod that has no gateway': { refusedBy: everyone.claim, after: ({ node3 }) => node3`ip -n violet neigh flush all; sysctl -qw net.ipv4.conf.cali-violet.proxy_arp=0` },
      },
    },
    leave: {
      checks: [forgotten, silent, amberLives, everyone],
      hints: [
        'Who tells nodes 1 to 3 where 10.244.4.0/26 is, and what happens to what was told, when nobody tells it any more?',
        failing => failing.includes(silent.claim) && !failing.includes(forgotten.claim)
          ? 'The routes are gone, and somebody still announces them: they will be back. `birdc show protocols` on node4.'
          : 'On node4: does the daemon run, and is it in session with anybody? On node1: `ip route get 10.244.4.2`. A daemon that says goodbye is believed at once, one that says nothing is waited for.',
        'On node4: `birdc down`',
      ],
      alternatives: {
        'a daemon that is killed': ({ node4 }) => node4`kill -9 $(pidof bird)`,
        'sessions that are turned off': ({ node4 }) => node4`birdc disable '"node*"'`,
        'nobody speaks with it any more': nodes => Promise.all(THREE.map(own =>
          reconfigure(nodes[`node${own}`], { peers: peersOf(own).split('\n').filter(line => !line.includes('node4')).join('\n') }))),
      },
      mutants: {
        'a daemon that hangs': {
          refusedBy: forgotten.claim,
          instead: async nodes => {
            await allKnow(nodes, '10.244.4.0/26', 4)
            await nodes.node4`kill -STOP $(pidof bird)`
          },
        },
        'the cable is cut': {
          refusedBy: forgotten.claim,
          instead: async nodes => {
            await allKnow(nodes, '10.244.4.0/26', 4)
            await nodes.node4`ip link set eth0 down`
          },
        },
        'a daemon that promises to be back': {
          refusedBy: forgotten.claim,
          instead: async nodes => {
            await reconfigure(nodes.node4, { bird: BIRD.replace('local as 64512;', 'local as 64512;\n  graceful restart on;') })
            await Promise.all(THREE.map(own => nodes[`node${own}`]`for try in $(seq 400); do birdc show protocols all node4 | grep -q 'Restart time' && ip route show 10.244.4.0/26 | grep -q via && exit 0; sleep 0.05; done; exit 1`))
            await nodes.node4`kill -9 $(pidof bird)`
          },
        },
        'its own routes taken away': {
          refusedBy: forgotten.claim,
          instead: async nodes => {
            await allKnow(nodes, '10.244.4.0/26', 4)
            await nodes.node4`ip route flush proto bird`
          },
        },
        'the routes of the others taken away': {
          refusedBy: silent.claim,
          instead: async nodes => {
            await allKnow(nodes, '10.244.4.0/26', 4)
            await Promise.all(THREE.map(own => nodes[`node${own}`]`ip route del 10.244.4.0/26`))
          },
        },
        'the way to it typed in': {
          refusedBy: forgotten.claim,
          after: ({ node1 }) => reconfigure(node1, { blocks: 'protocol static blocks { ipv4; route 10.244.1.0/26 blackhole; route 10.244.4.0/26 via 192.168.1.14; }' }).then(() => knows(node1, '10.244.4.0/26')),
        },
        'its pods taken away too': { refusedBy: amberLives.claim, after: ({ node4 }) => node4`ip netns del amber` },
        'another node stopped with it': { refusedBy: everyone.claim, after: ({ node1, node3 }) => node3`birdc down`.then(() => forgets(node1, '10.244.3.0/26')) },
      },
    },
    reflector: {
      checks: [onlyRouter[0] ?? speaksBgpWith('node1', ['192.168.1.1']), ...onlyRouter.slice(1), ...everybodyLearned, everyone, twoRouters],
      hints: [
        'Whom does each node talk to, and may that one pass on what it has learned from the others?',
        failing => failing.some(claim => claim.includes('nobody else'))
          ? 'Each node needs one session, with 192.168.1.1, and none with the others: `birdc show protocols` on node1, and on the router.'
          : 'The sessions are there. What does the router tell? Within an AS, what was learned is passed on to clients only; and the next hop has to stay what it was: `birdc show route for 10.244.2.2 all` on node1.',
        'On router: bird.conf as printed, with `rr client;`, and `bird`. On nodes 1 to 3: `protocol bgp router from cluster { neighbor 192.168.1.1 as 64512; }` as the only peer, and `birdc configure`',
      ],
      answers: {
        sessions: said(() => Promise.resolve(String(100 * 99 / 2)), ['100', '99', '9900', '10000', '5000']),
        origin: said(async bench => {
          const { stdout } = await bench.place('node1').exec(['birdc', 'show', 'route', 'for', '10.244.3.2', 'all'])
          const origin = /BGP\.originator_id: (\S+)/.exec(stdout)?.[1]
          if (origin === undefined) throw new Error('node1 has no route to violet that was reflected')
          return origin
        }, ['192.168.1.1', '192.168.1.12', '192.168.1.11', 'router']),
      },
      alternatives: {
        'a reflector that forwards nothing itself': nodes => reflected(nodes, ROUTER.replace('protocol kernel { ipv4 { export where source != RTS_DEVICE; }; }', '')),
        'FRR as the reflector': async nodes => {
          await startFrr(nodes.router, {
            id: '192.168.1.1', lines: ['neighbor nodes peer-group', 'neighbor nodes remote-as 64512', 'bgp listen range 192.168.1.0/24 peer-group nodes'],
            inFamily: ['neighbor nodes activate', 'neighbor nodes route-reflector-client'],
          })
          await Promise.all(THREE.map(own => reconfigure(nodes[`node${own}`], { peers: TO_ROUTER })))
        },
        // Who is on the wire of the next hop is told that next hop, and not the router.
        'a router of another AS, and an AS for each node': nodes => reflected(nodes,
          ROUTER.replace('local as 64512', 'local as 64500').replace('rr client;', '').replace('as 64512;\n  dynamic', 'external;\n  dynamic'),
          own => ({ bird: BIRD.replace('local as 64512', `local as ${64512 + own}`), peers: TO_ROUTER.replace('as 64512', 'as 64500') })),
      },
      mutants: {
        'the mesh beside it': {
          refusedBy: speaksBgpWith('node1', ['192.168.1.1']).claim,
          instead: async nodes => {
            await wrongReflected(nodes, ROUTER, own => ({ peers: `${TO_ROUTER}\n${peersOf(own)}` }))
            await meets(nodes.node1, 3)
          },
        },
        'one who tells nobody what others said': { refusedBy: learned(1, 2).claim, instead: nodes => wrongReflected(nodes, ROUTER.replace('rr client;', '')) },
        'one who puts itself in between': {
          refusedBy: learned(1, 2).claim,
          instead: nodes => wrongReflected(nodes, ROUTER.replace('ipv4 { import all;', 'ipv4 { next hop self; import all;')),
        },
        'one who puts itself in between, as a packet sees it': {
          refusedBy: twoRouters.claim,
          instead: async nodes => {
            await wrongReflected(nodes, ROUTER.replace('ipv4 { import all;', 'ipv4 { next hop self; import all;'))
            await allKnow(nodes, '10.244.2.0/26', 2)
          },
        },
        'one who sends all to one node': {
          refusedBy: learned(1, 2).claim,
          instead: nodes => wrongReflected(nodes, ROUTER.replace('import all;', 'import filter { bgp_next_hop = 192.168.1.13; accept; };')),
        },
        'one who is gone': { refusedBy: speaksBgpWith('node2', ['192.168.1.1']).claim, after: ({ node2, router }) => router`birdc down`.then(() => forgets(node2, '10.244.1.0/26')) },
        'a router that nobody speaks with': {
          refusedBy: speaksBgpWith('node3', ['192.168.1.1']).claim,
          instead: async ({ node1, node2, node3, router }) => {
            await Promise.all([node1, node2, node3].map(node => node`birdc down; ip route add 10.244.0.0/16 via 192.168.1.1`))
            await batch(router, ...THREE.map(own => `route add 10.244.${own}.0/26 via 192.168.1.1${own}`))
          },
        },
        'a member of another AS': {
          refusedBy: learned(2, 3).claim,
          instead: nodes => wrongReflected(nodes, ROUTER, own => own === 3 ? { bird: BIRD.replace('local as 64512', 'local as 64513') } : {}, 3),
        },
      },
    },
    'second-block': {
      checks: [inBlock, ...secondBlock, withLate],
      hints: [
        'Two things are new: a pod, which only its own node has to know, and a block, which everybody has to hear of. Who tells everybody?',
        failing => failing.includes(inBlock.claim)
          ? 'Make the pod as in the first step, in a namespace called late, with a /32 out of 10.244.2.64/26.'
          : failing.some(claim => secondBlock.some(check => check.claim === claim))
            ? 'What does node2 export? `birdc show protocols all router` on node2 counts what is told. A file that has changed is read when BIRD is told to.'
            : 'Everybody knows the block. Is there a route for late on node2, does the gateway answer late, and does green still have its block?',
        'On node2: `route 10.244.2.64/26 blackhole;` beside the other in conf.d/blocks.conf, and `birdc configure`; then the pod: a namespace, a veth, `ip route add 10.244.2.66/32 dev cali-late`, proxy ARP, and in it the address and the two routes',
      ],
      alternatives: {
        'a protocol of its own for the new block': async nodes => {
          await nodes.node2`echo 'protocol static more { ipv4; route 10.244.2.64/26 unreachable; }' >/etc/bird/conf.d/more.conf; birdc configure`
          await latePod(nodes, '10.244.2.127')
        },
        'both blocks as one': async nodes => {
          await toldBlocks(nodes, '10.244.2.0/25')
          await latePod(nodes, '10.244.2.64')
        },
      },
      mutants: {
        'a pod, and nobody told': { refusedBy: secondBlock[0].claim, instead: nodes => latePod(nodes) },
        'told, and not read': {
          refusedBy: secondBlock[1].claim,
          instead: async nodes => {
            await write(nodes.node2, { blocks: blocksOf('10.244.2.0/26', '10.244.2.64/26') })
            await latePod(nodes)
          },
        },
        'typed on the other nodes': {
          refusedBy: secondBlock[0].claim,
          instead: async nodes => {
            await latePod(nodes)
            await Promise.all([nodes.node1, nodes.node3].map(node => node`ip route add 10.244.2.64/26 via 192.168.1.12`))
          },
        },
        'the address of late alone': {
          refusedBy: secondBlock[0].claim,
          instead: async nodes => {
            await latePod(nodes)
            await nodes.node2`echo 'protocol static more { ipv4; route 10.244.2.66/32 via "cali-late"; }' >/etc/bird/conf.d/more.conf; birdc configure`
          },
        },
        'the new block in place of the old one': {
          refusedBy: withLate.claim,
          instead: async nodes => {
            await toldBlocks(nodes, '10.244.2.64/26')
            await latePod(nodes)
            await forgets(nodes.node1, '10.244.2.0/26')
          },
        },
        'one more address of the old block': {
          refusedBy: inBlock.claim,
          instead: async nodes => {
            await toldBlocks(nodes, '10.244.2.0/26', '10.244.2.64/26')
            await latePod(nodes, '10.244.2.3')
          },
        },
        'a block, and no way to the pod': { refusedBy: withLate.claim, after: ({ node2 }) => node2`ip route del 10.244.2.66/32` },
      },
    },
    'next-pod': {
      alreadyTrue: 'nodes have told each other blocks: a pod that comes within one needs nobody to hear of it',
      checks: [onNode3, onNode2],
      hints: [
        'Which of the routes that nodes have told each other names a pod?',
        'Ask node1 what it would do with an address that nobody has yet: `ip route get 10.244.3.40`, `ip route get 10.244.2.100`.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'A claim that failed says which pod could not reach the new one. It holds again when each node tells its whole blocks: `npx lab goto next-pod` brings you there on fresh nodes.',
      ],
      mutants: {
        'a node that tells its pods one by one': {
          refusedBy: onNode3.claim,
          after: nodes => reconfigure(nodes.node3, { blocks: blocksOf('10.244.3.2/32') }).then(() => forgets(nodes.node1, '10.244.3.0/26')),
        },
        'a block given back too early': { refusedBy: onNode2.claim, after: nodes => toldBlocks(nodes, '10.244.2.0/26').then(() => forgets(nodes.node1, '10.244.2.64/26')) },
        'a node that lets nobody new in': {
          refusedBy: onNode3.claim,
          after: ({ node3 }) => node3`nft ${'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }; add rule inet filter forward ip daddr 10.244.3.2 accept; add rule inet filter forward ip saddr 10.244.3.2 accept'}`,
        },
      },
    },
  },
})
