// 09 · Encryption between nodes: WireGuard carries what pods say to each other over a wire that belongs to others.
import { freshPodSecret, ownKeys, reachEachOther, reaches, recentHandshake, routedTimes, secretOnTheWire, speaksOnlyAs, uncutTunnel, wireguardUp } from 'hardway/checks'
import { defineLab, fail, pass, unknown, type Answer, type Bench, type Check, type Nodes } from 'hardway/lab'
import { podsOnBridge } from 'hardway/networks'

type Name = 'node1' | 'node2' | 'node3' | 'router'
type Node = Nodes<Name>[Name]

const red = { red: '10.244.1.2' }
const green = { green: '10.244.2.2' }
const violet = { violet: '10.244.3.2' }
const kept = { keepingAddress: true }

/**
 * After three minutes of silence two nodes shake hands anew, and two that both begin at the same moment may talk past
 * each other: then they try again after five seconds. Nobody's mistake; so one begins, before all ask all at once.
 */
const awake = (check: Check): Check => ({
  claim: check.claim,
  look: async bench => {
    const shaken = greeted.get(bench) ?? Promise.allSettled([two.shaken, ...three.shaken].map(one => one.look(bench)))
    greeted.set(bench, shaken)
    await shaken
    return check.look(bench)
  },
})
const greeted = new WeakMap<Bench, Promise<unknown>>()

const two = {
  keys: ownKeys(['node1', 'node2']),
  shaken: recentHandshake('node1', 'node2'),
  secret: awake(secretOnTheWire({ ...red, ...green })),
  everyone: awake(reachEachOther({ ...red, ...green }, kept)),
  node: awake(reaches({ node1: '10.244.1.1' }, green)),
  routers: awake(routedTimes(red, green, 2)),
  honest: awake(speaksOnlyAs('node2', { as: green, notAs: violet, to: red })),
  uncut: awake(uncutTunnel(red, green)),
}
const three = {
  keys: ownKeys(['node1', 'node2', 'node3']),
  shaken: [recentHandshake('node1', 'node3'), recentHandshake('node2', 'node3')],
  secret: awake(secretOnTheWire({ ...red, ...green, ...violet })),
  everyone: awake(reachEachOther({ ...red, ...green, ...violet }, kept)),
} as const
const fresh = awake(freshPodSecret('node3', '10.244.3.1', { ...red, ...green }))

/** What whoever runs the machines has put on each of them: it hands out the node's public key, to anybody. */
const directory = (node: Node) => node`
  cat >/srv/answer <<'END'
#!/bin/bash
while read -r line && [ "$line" != $'\\r' ]; do :; done
[ -r /srv/public-key ] && printf 'HTTP/1.0 200 OK\\r\\n\\r\\n' && exec cat /srv/public-key
printf 'HTTP/1.0 404 Not Found\\r\\n\\r\\n'
END
  chmod +x /srv/answer
  setsid socat TCP-LISTEN:80,reuseaddr,fork EXEC:/srv/answer </dev/null >/dev/null 2>&1 &`

/** Without the box that it prints on every Linux. */
const PROGRAM = 'wireguard-go wg1 2>/dev/null'

/** What the lesson prints for one node, by another name or port, or with an interface of another make. */
const keyed = (node: Node, make = PROGRAM, name = 'wg1', port = 51820) => node`bash -ec ${`
  ${make}
  (umask 077; wg genkey > /etc/wireguard/private)
  wg pubkey < /etc/wireguard/private > /srv/public-key
  wg set ${name} private-key /etc/wireguard/private listen-port ${port}
  ip link set ${name} up`}`

/** The public key of each. */
const keys = async <All extends readonly Node[]>(...nodes: All): Promise<{ [index in keyof All]: string }> =>
  await Promise.all(nodes.map(async node => (await node`wg show wg1 public-key`).stdout.trim())) as { [index in keyof All]: string }

/** Node1 and node2 told of each other; or of whom they are told here. */
const peers = ({ node1, node2 }: Nodes<Name>, ofNode2: string, ofNode1: string, port = '51820') => Promise.all([
  node1`wg set wg1 peer ${ofNode2} endpoint ${`192.168.2.12:${port}`} allowed-ips 10.244.2.0/24`,
  node2`wg set wg1 peer ${ofNode1} endpoint ${`192.168.1.11:${port}`} allowed-ips 10.244.1.0/24`,
])

/** Node3 as one of three. */
const joined = async ({ node1, node2, node3 }: Nodes<Name>) => {
  await keyed(node3)
  const [one, other, third] = await keys(node1, node2, node3)
  await node3`
    wg set wg1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24 peer ${other} endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24
    ip route add 10.244.1.0/24 dev wg1 src 10.244.3.1
    ip route add 10.244.2.0/24 dev wg1 src 10.244.3.1`
  await Promise.all([[node1, 1] as const, [node2, 2] as const].map(([node, own]) => node`
    wg set wg1 peer ${third} endpoint 192.168.1.13:51820 allowed-ips 10.244.3.0/24
    ip route add 10.244.3.0/24 dev wg1 src 10.244.${own}.1`))
}

/** A private key that leaves its node, as on a machine that was copied. */
const copyKey = async (from: Node, to: Node) => {
  const { stdout } = await from`cat /etc/wireguard/private`
  await to`wg set wg1 private-key /dev/stdin <<< ${stdout.trim()}`
}

/** The program ends, and its interface with it. */
const gone = (node: Node) => node`ip link del wg1; while pgrep -x wireguard-go >/dev/null; do sleep 0.02; done`

async function ofWireguard(bench: Bench, node: string, what: 'public-key' | 'listen-port'): Promise<string | undefined> {
  const { stdout } = await bench.place(node).exec(['wg', 'show', 'all', what])
  const value = stdout.split('\n')[0]?.split('\t')[1]
  return value === undefined || value === '(none)' ? undefined : value
}

const publicKey = (bench: Bench, node: string): Promise<string | undefined> => ofWireguard(bench, node, 'public-key')

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
  setup: async ({ node1, node2, node3, router }) => {
    await Promise.all([
      podsOnBridge(node1, '10.244.1.0/24', red),
      podsOnBridge(node2, '10.244.2.0/24', green),
      podsOnBridge(node3, '10.244.3.0/24', violet),
      // Everybody reaches everybody, by the router. Strict filtering of sources would refuse what WireGuard is to refuse here.
      ...([[node1, '192.168.1.1'], [node2, '192.168.2.1'], [node3, '192.168.1.1']] as const).map(([node, via]) => node`
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
        ip route add default via ${via}`),
      router`
        sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0
        ip -batch - <<END
route add 10.244.1.0/24 via 192.168.1.11
route add 10.244.2.0/24 via 192.168.2.12
route add 10.244.3.0/24 via 192.168.1.13
END`,
      ...[node1, node2, node3].map(directory),
    ])
  },
  steps: {
    interface: {
      checks: [wireguardUp('node1'), wireguardUp('node2'), two.keys],
      hints: [
        'An interface needs somebody behind it who knows what to do with a packet. Who is it here, and is that process running? `ps -e`, `ip -br link`, `wg show`.',
        failing => failing.includes(two.keys.claim) && failing.length === 1
          ? 'Two nodes with one key are one and the same to WireGuard. Each makes its own, where it is going to be used.'
          : 'Three things make it: the interface, a private key that it is told of (`wg set`), and that it is up.',
        'On node1 and node2: `wireguard-go wg1`, `(umask 077; wg genkey > /etc/wireguard/private)`, `wg set wg1 private-key /etc/wireguard/private listen-port 51820`, `ip link set wg1 up`',
      ],
      alternatives: {
        'in the kernel': { requires: ['wireguard'], instead: ({ node1, node2 }) => Promise.all([node1, node2].map(node => keyed(node, 'ip link add wg1 type wireguard'))) },
        'another name, another port': ({ node1, node2 }) => Promise.all([keyed(node1, 'wireguard-go kube-wg 2>/dev/null', 'kube-wg', 51871), keyed(node2, 'wireguard-go wireguard.cali 2>/dev/null', 'wireguard.cali', 4500)]),
        'in the foreground, in a session of its own': ({ node1, node2 }) => Promise.all([node1, node2].map(node =>
          keyed(node, 'setsid wireguard-go -f wg1 </dev/null >/dev/null 2>&1 & until wg show wg1 >/dev/null 2>&1; do sleep 0.02; done'))),
        'told by a file': ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`
          wireguard-go wg1 2>/dev/null
          umask 077
          printf '[Interface]\\nPrivateKey = %s\\nListenPort = 51820\\n' $(wg genkey) >/etc/wireguard/wg1.conf
          wg setconf wg1 /etc/wireguard/wg1.conf
          wg show wg1 public-key >/srv/public-key
          ip link set wg1 up`)),
      },
      mutants: {
        'an interface without a key': {
          refusedBy: 'node1 has a WireGuard interface that is up and has a key',
          instead: ({ node1, node2 }) => Promise.all([keyed(node2), node1`wireguard-go wg1 2>/dev/null; ip link set wg1 up`]),
        },
        'made, and not up': {
          refusedBy: 'node2 has a WireGuard interface that is up and has a key',
          instead: async ({ node1, node2 }) => {
            await Promise.all([keyed(node1), keyed(node2)])
            await node2`ip link set wg1 down`
          },
        },
        'a tun that nobody stands behind': {
          refusedBy: 'node1 has a WireGuard interface that is up and has a key',
          instead: ({ node1, node2 }) => Promise.all([keyed(node2), node1`ip tuntap add dev wg1 mode tun; ip link set wg1 up`]),
        },
        'one key for both': {
          refusedBy: two.keys.claim,
          instead: async ({ node1, node2 }) => {
            await Promise.all([keyed(node1), keyed(node2)])
            await copyKey(node1, node2)
          },
        },
        'the program has ended': {
          refusedBy: 'node2 has a WireGuard interface that is up and has a key',
          after: ({ node2 }) => gone(node2),
        },
      },
    },
    handshake: {
      checks: [two.shaken],
      hints: [
        'What does node1 have to know of node2 before it can say a word that only node2 understands? And what does `wg show` say that it knows?',
        'Compare `wg show wg1 public-key` on one node with `wg show wg1 peers` on the other, and `listen-port` with `endpoints`. Then send something: who has nothing to send shakes no hands.',
        'On node1: `wg set wg1 peer $(curl -sf http://192.168.2.12/) endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24`; on node2 the same with 192.168.1.11 and 10.244.1.0/24',
      ],
      answers: {
        'key-of-node2': {
          right: async bench => await publicKey(bench, 'node2') ?? '',
          wrong: ['wg1', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', '51820'],
          grade: async (bench, value) => {
            const [node] = await bench.namespaces('node2')
            if (node === undefined) return unknown('node2 shows no network namespace')
            const keys = { node1: await publicKey(bench, 'node1'), node2: await publicKey(bench, 'node2') }
            if (keys.node2 === undefined) return unknown('node2 has no key yet', node.evidence)
            if (value === keys.node2) return pass(node.evidence)
            return fail(value === keys.node1 ? 'that is the key of node1 itself' : 'that is not the key of node2', node.evidence)
          },
        },
      },
      alternatives: {
        'only one knows where the other is': async nodes => {
          const [one, other] = await keys(nodes.node1, nodes.node2)
          await nodes.node1`wg set wg1 peer ${other} allowed-ips 10.244.2.0/24`
          await nodes.node2`wg set wg1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24`
        },
        'from a file': async nodes => {
          const [one, other] = await keys(nodes.node1, nodes.node2)
          await Promise.all(([[nodes.node1, other, '192.168.2.12', '10.244.2.0/24'], [nodes.node2, one, '192.168.1.11', '10.244.1.0/24']] as const).map(([node, key, endpoint, range]) => node`
            wg addconf wg1 /dev/stdin <<< ${`[Peer]\nPublicKey = ${key}\nEndpoint = ${endpoint}:51820\nAllowedIPs = ${range}\n`}`))
        },
        'another port, and kept alive': async nodes => {
          const [one, other] = await keys(nodes.node1, nodes.node2)
          await Promise.all([nodes.node1, nodes.node2].map(node => node`wg set wg1 listen-port 4500`))
          await nodes.node1`wg set wg1 peer ${other} endpoint 192.168.2.12:4500 persistent-keepalive 25 allowed-ips 10.244.2.0/24`
          await nodes.node2`wg set wg1 peer ${one} endpoint 192.168.1.11:4500 persistent-keepalive 25 allowed-ips 10.244.1.0/24`
        },
        'with a secret on top that both have': async nodes => {
          const [one, other] = await keys(nodes.node1, nodes.node2)
          const psk = (await nodes.node1`wg genpsk`).stdout.trim()
          await nodes.node1`wg set wg1 peer ${other} preshared-key /dev/stdin endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24 <<< ${psk}`
          await nodes.node2`wg set wg1 peer ${one} preshared-key /dev/stdin endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24 <<< ${psk}`
        },
      },
      mutants: {
        'each told of itself': {
          refusedBy: two.shaken.claim,
          instead: async nodes => {
            const [one, other] = await keys(nodes.node1, nodes.node2)
            await peers(nodes, one, other)
          },
        },
        'only one of the two knows the other': {
          refusedBy: two.shaken.claim,
          instead: async nodes => {
            const [, other] = await keys(nodes.node1, nodes.node2)
            await nodes.node1`wg set wg1 peer ${other} endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24`
          },
        },
        'a wrong port in each endpoint': {
          refusedBy: two.shaken.claim,
          instead: async nodes => {
            const [one, other] = await keys(nodes.node1, nodes.node2)
            await peers(nodes, other, one, '51802')
          },
        },
        'a wrong address in each endpoint': {
          refusedBy: two.shaken.claim,
          instead: async ({ node1, node2 }) => {
            const [one, other] = await keys(node1, node2)
            await node1`wg set wg1 peer ${other} endpoint 192.168.2.21:51820 allowed-ips 10.244.2.0/24`
            await node2`wg set wg1 peer ${one} endpoint 192.168.1.21:51820 allowed-ips 10.244.1.0/24`
          },
        },
        'listening, with no address for the other': {
          refusedBy: two.shaken.claim,
          instead: async ({ node1, node2 }) => {
            const [one, other] = await keys(node1, node2)
            await node1`wg set wg1 peer ${other} endpoint 192.168.2.12:51820`
            await node2`wg set wg1 peer ${one} endpoint 192.168.1.11:51820`
          },
        },
        'a firewall that drops UDP': {
          refusedBy: two.shaken.claim,
          instead: async nodes => {
            const [one, other] = await keys(nodes.node1, nodes.node2)
            await nodes.node2`iptables -A INPUT -i eth0 -p udp --dport 51820 -j DROP`
            await peers(nodes, other, one)
          },
        },
        // It would all work: each shakes hands, nothing can be read on the wire, and the router reads everything.
        'the router in the middle': {
          refusedBy: two.shaken.claim,
          instead: async nodes => {
            const [one, other] = await keys(nodes.node1, nodes.node2)
            await keyed(nodes.router)
            const [middle] = await keys(nodes.router)
            await nodes.router`
              wg set wg1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24 peer ${other} endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24
              ip route replace 10.244.1.0/24 dev wg1
              ip route replace 10.244.2.0/24 dev wg1`
            await nodes.node1`wg set wg1 peer ${middle} endpoint 192.168.1.1:51820 allowed-ips 10.244.2.0/24`
            await nodes.node2`wg set wg1 peer ${middle} endpoint 192.168.2.1:51820 allowed-ips 10.244.1.0/24`
          },
        },
        "one takes the other's key": { refusedBy: two.shaken.claim, after: ({ node1, node2 }) => copyKey(node1, node2) },
        'a new key that nobody was told of': { refusedBy: two.shaken.claim, after: ({ node2 }) => node2`wg genkey | wg set wg1 private-key /dev/stdin` },
      },
    },
    route: {
      checks: [two.secret, two.everyone, two.node, two.routers, two.honest, two.uncut],
      hints: [
        'WireGuard encrypts what is sent out of wg1, and nothing else. What does node1 send out of wg1? `ip route get 10.244.2.2 from 10.244.1.2 iif cni0` tells.',
        failing => failing.includes(two.uncut.claim)
          ? 'WireGuard puts 60 bytes around each packet, and the wire takes 1500. What may a packet measure that goes into wg1? `ip link show wg1`.'
          : failing.includes(two.node.claim) && !failing.includes(two.secret.claim) && !failing.includes(two.everyone.claim)
            ? 'The pods get through, and node1 does not. With which address as its source does node1 itself send? Is that one of the addresses that node2 takes from this peer?'
            : failing.includes(two.honest.claim) && failing.length === 1
              ? 'What node1 takes from node2 is more than what node2 has. `wg show wg1 allowed-ips`.'
              : 'A way has two directions. Ask node2 too: `ip route get 10.244.1.2 from 10.244.2.2 iif cni0`. And what did the other see, `tcpdump -nn -i eth0` on router?',
        'On node1: `ip route add 10.244.2.0/24 dev wg1 src 10.244.1.1`; on node2: `ip route add 10.244.1.0/24 dev wg1 src 10.244.2.1`',
      ],
      answers: {
        overhead: numberIs(() => Promise.resolve(60), ['0', '20', '32', '40', '50', '80', '1420']),
      },
      alternatives: {
        'an address on the tunnel': ({ node1, node2 }) => Promise.all([
          node1`ip addr add 10.244.1.0/32 dev wg1; ip route add 10.244.2.0/24 dev wg1`,
          node2`ip addr add 10.244.2.0/32 dev wg1; ip route add 10.244.1.0/24 dev wg1`,
        ]),
        'as much as fits': ({ node1, node2 }) => Promise.all([
          node1`ip link set wg1 mtu 1440; ip route add 10.244.2.0/24 dev wg1 src 10.244.1.1`,
          node2`ip link set wg1 mtu 1440; ip route add 10.244.1.0/24 dev wg1 src 10.244.2.1`,
        ]),
        'pods that know what fits': ({ node1, node2 }) => Promise.all([
          node1`ip -n red link set eth0 mtu 1420; ip route add 10.244.2.0/24 dev wg1 src 10.244.1.1`,
          node2`ip -n green link set eth0 mtu 1420; ip route add 10.244.1.0/24 dev wg1 src 10.244.2.1`,
        ]),
        'a table of its own, and a mark': {
          requires: ['policy-routing'],
          instead: ({ node1, node2 }) => Promise.all(([[node1, '10.244.1.1', '10.244.2.0/24'], [node2, '10.244.2.1', '10.244.1.0/24']] as const).map(([node, own, range]) => node`
            wg set wg1 fwmark 51820
            ip route add ${range} dev wg1 src ${own} table 51820
            ip rule add not fwmark 51820 table 51820`)),
        },
        'all by wg-quick': async ({ node1, node2 }) => {
          const [one, other] = await keys(node1, node2)
          await Promise.all(([[node1, '10.244.1.0/32', other, '192.168.2.12', '10.244.2.0/24'], [node2, '10.244.2.0/32', one, '192.168.1.11', '10.244.1.0/24']] as const).map(([node, own, key, endpoint, range]) => node`
            ip link del wg1; while pgrep -x wireguard-go >/dev/null; do sleep 0.02; done
            umask 077
            printf '[Interface]\\nPrivateKey = %s\\nListenPort = 51820\\nAddress = %s\\n[Peer]\\nPublicKey = %s\\nEndpoint = %s:51820\\nAllowedIPs = %s\\n' \
              $(cat /etc/wireguard/private) ${own} ${key} ${endpoint} ${range} >/etc/wireguard/pods.conf
            wg-quick up pods 2>/dev/null`))
        },
      },
      mutants: {
        'around the tunnel': {
          refusedBy: two.secret.claim,
          instead: ({ node1, node2 }) => Promise.all([node1`ip route add 10.244.2.0/24 via 192.168.1.1`, node2`ip route add 10.244.1.0/24 via 192.168.2.1`]),
        },
        'only the questions': { refusedBy: two.secret.claim, instead: ({ node1 }) => node1`ip route add 10.244.2.0/24 dev wg1 src 10.244.1.1` },
        'only UDP': {
          refusedBy: two.secret.claim,
          instead: ({ node1, node2 }) => Promise.all(([[node1, '10.244.1.1', '10.244.2.0/24'], [node2, '10.244.2.1', '10.244.1.0/24']] as const).map(([node, own, range]) =>
            node`ip route add ${range} dev wg1 src ${own} table 100; ip rule add ipproto udp table 100`)),
        },
        'a tunnel that hides nothing': {
          refusedBy: two.secret.claim,
          instead: ({ node1, node2 }) => Promise.all(([[node1, '192.168.1.11', '192.168.2.12', '10.244.1', '10.244.2'], [node2, '192.168.2.12', '192.168.1.11', '10.244.2', '10.244.1']] as const).map(([node, local, remote, own, other]) => node`
            ip link add vxlan0 mtu 1420 type vxlan id 1 local ${local} remote ${remote} dstport 4789
            ip addr add ${own}.0/32 dev vxlan0
            ip link set vxlan0 up
            ip route add ${other}.0/24 via ${other}.0 dev vxlan0 onlink`)),
        },
        'as node1, whoever it is': {
          refusedBy: two.everyone.claim,
          after: ({ node1 }) => node1`iptables -t nat -A POSTROUTING -o wg1 -s 10.244.1.0/24 -j SNAT --to-source 10.244.1.1`,
        },
        'with an address that the other does not take': {
          refusedBy: two.node.claim,
          instead: ({ node1, node2 }) => Promise.all([node1`ip route add 10.244.2.0/24 dev wg1`, node2`ip route add 10.244.1.0/24 dev wg1`]),
        },
        'whatever comes from this peer': {
          refusedBy: two.honest.claim,
          after: async ({ node1, node2 }) => {
            const [other] = await keys(node2)
            await node1`wg set wg1 peer ${other} allowed-ips 0.0.0.0/0`
          },
        },
        'the way into the tunnel leads through the tunnel': { refusedBy: two.everyone.claim, after: ({ node1 }) => node1`ip route add 192.168.2.12/32 dev wg1` },
        'room for more than there is': { refusedBy: two.uncut.claim, after: ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`ip link set wg1 mtu 1500`)) },
        'one byte too many': { refusedBy: two.uncut.claim, after: ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`ip link set wg1 mtu 1441`)) },
        'room for more, and a router that passes no pieces on': {
          refusedBy: two.uncut.claim,
          after: ({ node1, node2, router }) => Promise.all([
            ...[node1, node2].map(node => node`ip link set wg1 mtu 1500`),
            router`nft ${'add table ip pieces; add chain ip pieces out { type filter hook forward priority 0; }; add rule ip pieces out ip frag-off & 0x3fff != 0 drop'}`,
          ]),
        },
        'nobody told that it is too large': {
          refusedBy: two.uncut.claim,
          after: ({ node1 }) => node1`iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP`,
        },
        'one pod led around': { refusedBy: two.secret.claim, after: ({ node1 }) => node1`ip route add 10.244.2.2/32 via 192.168.1.1` },
        // Its routes go with the interface, and the default route takes over.
        'both programs have ended': { refusedBy: two.secret.claim, after: ({ node1, node2 }) => Promise.all([gone(node1), gone(node2)]) },
        'one program has ended': { refusedBy: two.everyone.claim, after: ({ node1 }) => gone(node1) },
        'a firewall between them, now': { refusedBy: two.everyone.claim, after: ({ router }) => router`nft ${'add table ip shut; add chain ip shut out { type filter hook forward priority 0; }; add rule ip shut out udp dport 51820 drop'}` },
      },
    },
    mesh: {
      checks: [three.keys, ...three.shaken, three.secret, three.everyone],
      hints: [
        'Each of the three has to know the two others: a key, an endpoint, a range, and a route. Which of the twenty-four are there?',
        failing => failing.includes(three.keys.claim)
          ? 'Two machines with one key are one and the same to the third, which sends everything to the one that it heard last. A new node needs a new key.'
          : failing.includes(three.everyone.claim)
            ? '`wg show wg1 allowed-ips`, on each: an address belongs to one peer only. Who was given it last has it, and nobody says that the other has lost it.'
            : 'Which two still speak without the tunnel? The claim that fails says where it can be read. Then `ip route get` on their nodes.',
        'On node3 as on node1, with both peers and both routes; on node1 and node2: `wg set wg1 peer $(curl -sf http://192.168.1.13/) endpoint 192.168.1.13:51820 allowed-ips 10.244.3.0/24` and `ip route add 10.244.3.0/24 dev wg1`',
      ],
      answers: { 'hundred-nodes': numberIs(() => Promise.resolve(100 * 99), ['99', '100', '200', '4950', '10000']) },
      alternatives: {
        'one route for all pods': async nodes => {
          await joined(nodes)
          await Promise.all(([[nodes.node1, 1], [nodes.node2, 2], [nodes.node3, 3]] as const).map(([node, own]) =>
            node`ip -batch - <<< ${[1, 2, 3].filter(number => number !== own).map(number => `route del 10.244.${number}.0/24 dev wg1`).join('\n')}; ip route add 10.244.0.0/16 dev wg1 src 10.244.${own}.1`))
        },
        'an interface for each peer': async nodes => {
          const [one, other] = await keys(nodes.node1, nodes.node2)
          await nodes.node3`
            for number in 1 2; do
              wireguard-go to$number 2>/dev/null
              umask 077
              wg genkey | tee /etc/wireguard/to$number | wg pubkey >/srv/to$number
              wg set to$number private-key /etc/wireguard/to$number listen-port 5182$number
              ip link set to$number up
              ip route add 10.244.$number.0/24 dev to$number src 10.244.3.1
            done
            wg set to1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24
            wg set to2 peer ${other} endpoint 192.168.2.12:51820 allowed-ips 10.244.2.0/24`
          await Promise.all(([[nodes.node1, 1], [nodes.node2, 2]] as const).map(async ([node, number]) => {
            const key = (await nodes.node3`cat /srv/to${number}`).stdout.trim()
            await node`wg set wg1 peer ${key} endpoint 192.168.1.13:5182${number} allowed-ips 10.244.3.0/24; ip route add 10.244.3.0/24 dev wg1 src 10.244.${number}.1`
          }))
        },
      },
      mutants: {
        // An address belongs to one peer: the second line takes everything away from the first.
        'everything for each peer': {
          refusedBy: three.everyone.claim,
          after: async ({ node1, node2, node3 }) => {
            const [other, third] = await keys(node2, node3)
            await node1`wg set wg1 peer ${other} allowed-ips 0.0.0.0/0; wg set wg1 peer ${third} allowed-ips 0.0.0.0/0`
          },
        },
        'a range that is given twice': {
          refusedBy: three.everyone.claim,
          after: async ({ node1, node3 }) => {
            const [third] = await keys(node3)
            await node1`wg set wg1 peer ${third} allowed-ips 10.244.3.0/24,10.244.2.0/24`
          },
        },
        'a machine that was copied': {
          refusedBy: three.keys.claim,
          after: ({ node2, node3 }) => copyKey(node2, node3),
        },
        'neighbours who need no tunnel': {
          refusedBy: three.secret.claim,
          after: ({ node1, node3 }) => Promise.all([
            node1`ip route replace 10.244.3.0/24 via 192.168.1.13`,
            node3`ip route replace 10.244.1.0/24 via 192.168.1.11`,
          ]),
        },
        'one who reads for all': {
          refusedBy: three.shaken[1].claim,
          instead: async ({ node1, node2, node3 }) => {
            await keyed(node3)
            const [one, other, third] = await keys(node1, node2, node3)
            await node3`
              wg set wg1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24,10.244.2.0/24
              ip route add 10.244.1.0/24 dev wg1 src 10.244.3.1
              ip route add 10.244.2.0/24 dev wg1 src 10.244.3.1`
            await node1`wg set wg1 peer ${third} endpoint 192.168.1.13:51820 allowed-ips 10.244.3.0/24; ip route add 10.244.3.0/24 dev wg1 src 10.244.1.1`
            await node2`wg set wg1 peer ${one} allowed-ips 10.244.1.0/24,10.244.3.0/24; ip route add 10.244.3.0/24 dev wg1 src 10.244.2.1`
            return other
          },
        },
        'only one of the two told': {
          refusedBy: three.shaken[0].claim,
          after: async ({ node1, node3 }) => {
            const [third] = await keys(node3)
            await node1`wg set wg1 peer ${third} remove`
          },
        },
      },
    },
    'next-pod': {
      alreadyTrue: 'routes and peers name ranges: what a new pod says goes into the tunnel too',
      checks: [fresh],
      hints: [
        'Which of the routes that you have written names a pod? Which peer has the address of a pod?',
        'Ask node1 about an address that nobody has yet, `ip route get 10.244.3.77`, and WireGuard whose it is, `wg show wg1 allowed-ips`.',
        failing => failing.length === 0 ? 'It holds already. That is the point.'
          : 'The claim that failed says what can be read, or who is not reached. It holds again when each range has its route and its peer: `npx lab goto next-pod` brings you there on fresh nodes.',
      ],
      answers: { port: numberIs(async bench => Number(await ofWireguard(bench, 'node2', 'listen-port')), ['80', '53', '8472', '443']) },
      mutants: {
        'a route for the pod that is there': {
          refusedBy: fresh.claim,
          after: ({ node1 }) => node1`ip route del 10.244.3.0/24 dev wg1; ip route add 10.244.3.2/32 dev wg1 src 10.244.1.1`,
        },
        'a peer that has the pod that is there': {
          refusedBy: fresh.claim,
          after: async ({ node2, node3 }) => {
            const [third] = await keys(node3)
            await node2`wg set wg1 peer ${third} allowed-ips 10.244.3.2/32`
          },
        },
        'answers of one pod in the tunnel': {
          refusedBy: fresh.claim,
          after: ({ node3 }) => node3`
            ip -batch - <<END
route del 10.244.1.0/24 dev wg1
route del 10.244.2.0/24 dev wg1
route add 10.244.0.0/16 dev wg1 table 100
rule add from 10.244.3.2 to 10.244.0.0/16 table 100
END`,
        },
      },
    },
  },
})
