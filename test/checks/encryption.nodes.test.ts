// The checks of encryption on real nodes: each passes on a right network, and fails on each wrong one for its reason.
import { describe, expect } from 'vitest'
import * as checks from '../../checks/index.ts'
import { readable } from '../../checks/read/hex-frames.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { blue, bridges, emptyNetwork, green, red, routed, tunnelled, UNTIL_RIGHT, type Network } from './network.ts'
import { fails, passes, test, type Make } from './on-nodes.ts'

const pink = { pink: '10.244.3.2' }
type Shell = Network['node1']

/** By a program, with a key of its own. */
const interfaceOn = (node: Shell, name = 'wg1', port = 51820): Promise<unknown> => node`
  wireguard-go ${name} 2>/dev/null
  umask 077
  wg genkey > /etc/wireguard/private
  wg set ${name} private-key /etc/wireguard/private listen-port ${port}
  ip link set ${name} up`
const keyOf = async (node: Shell): Promise<string> => (await node`wg show all public-key`).stdout.trim().split('\t')[1] ?? ''
const interfaces: Make = async () => {
  const network = await routed()
  await Promise.all([interfaceOn(network.node1), interfaceOn(network.node2)])
  return network
}
/** Node1 and node2 know each other, by whatever port. */
const introduced = async (port = 51820): Promise<Network> => {
  const network = await interfaces()
  const [one, other] = await Promise.all([keyOf(network.node1), keyOf(network.node2)])
  await network.node1`wg set wg1 peer ${other} endpoint 192.168.1.12:${port} allowed-ips 10.244.2.0/24`
  await network.node2`wg set wg1 peer ${one} endpoint 192.168.1.11:${port} allowed-ips 10.244.1.0/24`
  return network
}
const encrypted: Make = async () => {
  const network = await introduced()
  await network.node1`ip route replace 10.244.2.0/24 dev wg1 src 10.244.1.1`
  // A first greeting that comes to nothing is repeated after five seconds.
  await network.node2`ip route replace 10.244.1.0/24 dev wg1 src 10.244.2.1; until ping -c 1 -W 2 10.244.1.1; do :; done`
  return network
}

describe('wireguardUp', () => {
  const check = checks.wireguardUp('node1')
  passes('whatever it is called', emptyNetwork, check, ({ node1 }) => interfaceOn(node1, 'kube-wg', 4500))
  fails('none', emptyNetwork, check, async () => {}, /^node1 has no WireGuard interface$/)
  fails('a tun that nobody stands behind', emptyNetwork, check, ({ node1 }) => node1`ip tuntap add dev wg1 mode tun; ip link set wg1 up`, /^node1 has wg1, and no WireGuard answers for it$/)
  fails('no key', emptyNetwork, check, ({ node1 }) => node1`wireguard-go wg1 2>/dev/null; ip link set wg1 up`, /^wg1 on node1 has no private key$/)
  fails('down', emptyNetwork, check, async ({ node1 }) => {
    await interfaceOn(node1)
    await node1`ip link set wg1 down`
  }, /^wg1 on node1 is down$/)
})

describe('ownKeys', () => {
  const check = checks.ownKeys(['node1', 'node2'])
  passes('one each', interfaces, check)
  fails('one for both', interfaces, check, async ({ node1, node2 }) => {
    const { stdout } = await node1`cat /etc/wireguard/private`
    await node2`wg set wg1 private-key /dev/stdin <<< ${stdout.trim()}`
  }, /^node1 and node2 have one private key: the public key of both is /)
  fails('none', emptyNetwork, check, async () => {}, /^node1 has no WireGuard interface with a key$/)
})

describe('recentHandshake', () => {
  const check = checks.recentHandshake('node1', 'node2')
  passes('nobody has sent anything before the look', introduced, check)
  passes('only one knows where the other is', interfaces, check, async ({ node1, node2 }) => {
    const [one, other] = await Promise.all([keyOf(node1), keyOf(node2)])
    await node1`wg set wg1 peer ${other} allowed-ips 10.244.2.0/24`
    await node2`wg set wg1 peer ${one} endpoint 192.168.1.11:51820 allowed-ips 10.244.1.0/24`
  })
  fails('nobody knows anybody', interfaces, check, async () => {}, /^node1 knows no peer; node2's public key is \S{44}$/)
  fails('a key that is nobody\'s', introduced, check, async ({ node2 }) => {
    await node2`wg set wg1 peer ${await keyOf(node2)} remove; wg genkey | wg set wg1 private-key /dev/stdin`
  }, /^node1 does not know node2's public key, \S{44}; the peers that it knows are \S{44}$/)
  fails('a port where nobody listens', () => introduced(51802), check, async () => {}, /it sends to 192\.168\.1\.12:51802, and node2 listens on 51820/)
  fails('nothing to say to each other', introduced, check, async ({ node1, node2 }) => {
    await node1`wg set wg1 peer ${await keyOf(node2)} allowed-ips ""`
    await node2`wg set wg1 peer ${await keyOf(node1)} allowed-ips ""`
  }, /^node1 has last shaken hands with node2 never: .*and no address is node2's/)
})

describe('secretOnTheWire', () => {
  const check = checks.secretOnTheWire({ ...red, ...green })
  passes('what WireGuard carries', encrypted, check)
  fails('what goes by the routes', routed, check, async () => {}, /^what (red asks green|green asks red) can be read on the wire, as it is: node[12]-eth0 carries it in IP 10\.244\./)
  fails('what a tunnel carries that hides nothing', () => tunnelled(4789), check, async () => {}, /can be read on the wire, as it is: node[12]-eth0 carries it in IP 192\.168\.1\./)
  fails('the answers', encrypted, check, ({ node2 }) => node2`ip route replace 10.244.1.0/24 via 192.168.1.11`, /^what green (answers red|asks red) can be read on the wire/)
  fails('nothing arrives, and nothing can be read', encrypted, check, ({ node2 }) => node2`iptables -A INPUT -p udp --dport 51820 -j DROP`, /^(red does not reach green|green does not reach red)/)
  fails('two on one node', bridges, checks.secretOnTheWire({ ...red, ...blue }), async () => {}, /^red and blue are all on node1: their packets cross no wire$/)
})

test('a word is found under what anybody takes off', () => {
  const word = '0123456789abcdef01234567'
  const around = (inside: string | Buffer): Buffer => Buffer.concat([Buffer.from([7, 200]), Buffer.from(inside), Buffer.from([9])])
  expect(readable(around(word), word)).toBe('as it is')
  expect(readable(around(word.split('').toReversed().join('')), word)).toBe('backwards')
  expect(readable(around(Buffer.from(word).toString('hex').toUpperCase()), word)).toBe('in hexadecimal')
  for (const before of ['', 'x', 'xy', 'xyz']) expect(readable(around(Buffer.from(`${before}${word} and more`).toString('base64')), word)).toBe('in base64')
  expect(readable(around(Buffer.from([...Buffer.from(word)].map(byte => byte ^ 0x5a))), word)).toBe('with the same byte added to each')
  expect(readable(around(Buffer.from([...Buffer.from(word)].map(byte => (byte + 77) & 255))), word)).toBe('with the same byte added to each')
  expect(readable(around('0123456789abcdef0123456'), word)).toBe(undefined)
  expect(readable(Buffer.alloc(0), word)).toBe(undefined)
})

describe('freshPodSecret', () => {
  const check = checks.freshPodSecret('node2', '10.244.2.1', red)
  passes('ranges in the tunnel', encrypted, check)
  fails('only the pod that is there', encrypted, check, ({ node1 }) => node1`ip route del 10.244.2.0/24 dev wg1; ip route add 10.244.2.2/32 dev wg1; ip route add 10.244.2.0/24 via 192.168.1.12`, /^what red asks a new pod \(10\.244\.2\.\d+\) can be read on the wire/)
  fails('a peer that has only the pod that is there', encrypted, check, async ({ node1, node2 }) => node1`wg set wg1 peer ${await keyOf(node2)} allowed-ips 10.244.2.2/32`, /^red does not reach a new pod with the address 10\.244\.2\.\d+ on cni0 of node2$/)
})

describe('speaksOnlyAs', () => {
  const check = checks.speaksOnlyAs('node2', { as: green, notAs: pink, to: red })
  passes('a peer has its range, and no other', encrypted, check)
  fails('a peer has everything', encrypted, check, async ({ node1, node2 }) => node1`wg set wg1 peer ${await keyOf(node2)} allowed-ips 0.0.0.0/0`, /^red hears what node2 sends with pink's address, 10\.244\.3\.2, as its source$/)
  fails('without a tunnel everybody is believed', routed, check, async () => {}, /^red hears what node2 sends with pink's address/)
  fails('only its own filter keeps it from that', encrypted, check, async ({ node1, node2 }) => {
    await node1`wg set wg1 peer ${await keyOf(node2)} allowed-ips 0.0.0.0/0`
    await node2`iptables -A OUTPUT -s 10.244.3.0/24 -j DROP`
  }, /^node2 itself does not let out what has pink's address, 10\.244\.3\.2, as its source \(Operation not permitted\): whoever has taken it over changes that$/)
  fails('a listener that hears nothing at all', encrypted, check, ({ node1 }) => node1`iptables -P FORWARD DROP`, /^red hears nothing that node2 sends to it, not even as green/)
})

describe('uncutTunnel', () => {
  const check = checks.uncutTunnel(red, green)
  passes('room for what is put around', encrypted, check)
  passes('no tunnel at all', routed, check)
  fails('no room', encrypted, check, ({ node1, node2 }) => Promise.all([node1, node2].map(node => node`ip link set wg1 mtu 1500`)), /^what carries the largest packets of red and green is cut: node[12]-eth0 has pieces of it \(IP 192\.168\.1\./)
  fails('nobody tells', encrypted, check, ({ node1 }) => node1`iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP`, /^packets of 1500 bytes from red to green are lost, small ones are not, and nobody tells red why$/)
  fails('nothing arrives', bridges, check, async () => {}, /^red does not reach green, not even with a small packet$/)
})

test('looking changes nothing', async () => {
  const network = await encrypted()
  const all = [
    checks.wireguardUp('node1'), checks.ownKeys(['node1', 'node2']), checks.recentHandshake('node1', 'node2'), checks.secretOnTheWire({ ...red, ...green }),
    checks.freshPodSecret('node2', '10.244.2.1', red), checks.speaksOnlyAs('node2', { as: green, notAs: pink, to: red }), checks.uncutTunnel(red, green),
  ]
  const before = await network.snapshot()
  const verdicts = await judgeAll(all, () => Promise.resolve(network.bench()), UNTIL_RIGHT)
  expect(verdicts.map(({ verdict }) => verdict.status)).toEqual(all.map(() => 'pass'))
  await expect.poll(() => network.snapshot()).toBe(before)
})

test('no private key is in what is shown', async () => {
  const network = await encrypted()
  const { stdout } = await network.node1`cat /etc/wireguard/private`
  const verdicts = await Promise.all([checks.wireguardUp('node1'), checks.ownKeys(['node1', 'node2']), checks.recentHandshake('node1', 'node2')].map(check => network.look(check)))
  expect(JSON.stringify(verdicts)).toContain(await keyOf(network.node1))
  expect(JSON.stringify(verdicts)).not.toContain(stdout.trim())
})
