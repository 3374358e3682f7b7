// The networks that faults are injected into: whole, so that nothing but the fault can be the cause.
import { podsOnBridge } from '../../../fixtures/networks/index.ts'
import type { Nodes } from '../../../runner/core/lab.ts'
import type { Topology } from '../../../runner/core/topology.ts'

type Shell = Nodes<'node'>['node']

export interface Network {
  readonly topology: Topology
  setUp(nodes: Nodes): Promise<unknown>
}

const threeNodes: Topology = {
  segments: [{ name: 'fab', mtu: 1500 }],
  nodes: [1, 2, 3].map(number => ({
    name: `node${number}`, diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'fab', address: `192.168.1.1${number}/24` }],
  })),
}

const nodesOf = (all: Nodes): readonly Shell[] => [1, 2, 3].map(number => all[`node${number}`] as Shell)

/** A pod is a host, whatever the host under it says: a fresh namespace may take forwarding from there. */
const hosts = (node: Shell, ...pods: readonly string[]): Promise<unknown> =>
  node`for pod in $(echo ${pods.join(' ')}); do ip netns exec $pod sysctl -qw net.ipv4.ip_forward=0; done; sysctl -qw net.ipv4.ip_forward=1`

async function pods(all: Nodes): Promise<void> {
  const [node1, node2, node3] = nodesOf(all)
  if (node1 === undefined || node2 === undefined || node3 === undefined) throw new Error('three nodes are needed')
  await Promise.all([
    podsOnBridge(node1, '10.244.1.0/24', { red: '10.244.1.2', blue: '10.244.1.3' }).then(() => hosts(node1, 'red', 'blue')),
    podsOnBridge(node2, '10.244.2.0/24', { green: '10.244.2.2', teal: '10.244.2.3' }).then(() => hosts(node2, 'green', 'teal')),
    podsOnBridge(node3, '10.244.3.0/24', { violet: '10.244.3.2' }).then(() => hosts(node3, 'violet')),
  ])
}

const others = (own: number): readonly number[] => [1, 2, 3].filter(number => number !== own)

/** Pods on bridges, a route to each of the other nodes' ranges. */
async function routed(all: Nodes): Promise<void> {
  await pods(all)
  await Promise.all(nodesOf(all).map((node, index) =>
    node`ip -batch - <<< ${others(index + 1).map(other => `route add 10.244.${other}.0/24 via 192.168.1.1${other}`).join('\n')}`))
}

export const vtepMac = (number: number): string => `02:00:00:00:00:0${number}`

/** What flannel makes: a VXLAN that learns nothing, and for each other node a route, a neighbour and a forwarding entry. */
export function flannel(own: number, { id = 1, port = 8472 } = {}): string {
  return [
    `ip link add flannel.1 address ${vtepMac(own)} mtu 1450 up type vxlan id ${id} dev eth0 local 192.168.1.1${own} dstport ${port} nolearning`,
    `ip addr add 10.244.${own}.0/32 dev flannel.1`,
    ...others(own).flatMap(other => [
      `ip neigh add 10.244.${other}.0 lladdr ${vtepMac(other)} dev flannel.1 nud permanent`,
      `bridge fdb append ${vtepMac(other)} dev flannel.1 dst 192.168.1.1${other}`,
      `ip route add 10.244.${other}.0/24 via 10.244.${other}.0 dev flannel.1 onlink`,
    ]),
  ].join('\n')
}

async function overlay(all: Nodes): Promise<void> {
  await pods(all)
  await Promise.all(nodesOf(all).map((node, index) => node`bash -ec ${flannel(index + 1)}`))
}

/** A virtual address that node1 rewrites to a pod of node2. */
async function service(all: Nodes): Promise<void> {
  await routed(all)
  const [node1] = nodesOf(all)
  if (node1 === undefined) throw new Error('three nodes are needed')
  await node1`
    iptables -t nat -A PREROUTING -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.2:8080
    iptables -t nat -A PREROUTING -p udp -d 10.96.0.10 --dport 53 -j DNAT --to-destination 10.244.2.2:5353`
}

/** The same as routed, and nothing called as it is there: nodes, wire, interfaces, bridges, pods, ranges, masks. */
const elsewhereTopology: Topology = {
  segments: [{ name: 'wire', mtu: 1500 }],
  nodes: [
    { name: 'alpha', diskMiB: 64, interfaces: [{ name: 'net0', segment: 'wire', address: '172.31.4.9/20' }] },
    { name: 'beta', diskMiB: 64, interfaces: [{ name: 'net0', segment: 'wire', address: '172.31.9.4/20' }] },
  ],
}

async function elsewhere({ alpha, beta }: Nodes): Promise<void> {
  if (alpha === undefined || beta === undefined) throw new Error('alpha and beta are needed')
  await Promise.all([
    podsOnBridge(alpha, '10.1.0.0/22', { web: '10.1.2.7', db: '10.1.0.9' }, { bridge: 'v-net-0', gateway: '10.1.3.254' }).then(() => hosts(alpha, 'web', 'db')),
    podsOnBridge(beta, '10.1.4.0/23', { api: '10.1.5.20' }, { bridge: 'lxcbr1', gateway: '10.1.4.1' }).then(() => hosts(beta, 'api')),
  ])
  await Promise.all([alpha`ip route add 10.1.4.0/22 via 172.31.9.4`, beta`ip route add 10.1.0.0/22 via 172.31.4.9`])
}

export const networks = {
  routed: { topology: threeNodes, setUp: routed },
  overlay: { topology: threeNodes, setUp: overlay },
  service: { topology: threeNodes, setUp: service },
  elsewhere: { topology: elsewhereTopology, setUp: elsewhere },
} as const satisfies Readonly<Record<string, Network>>

export type NetworkName = keyof typeof networks
