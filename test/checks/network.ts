// A lab of three nodes for one test: pods on bridges, and forwarding and routes where they are wanted.
import { onTestFinished } from 'vitest'
import { podsOnBridge } from '../../fixtures/networks/index.ts'
import type { Bench, Check } from '../../runner/core/bench.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import type { Node } from '../../runner/core/provider.ts'
import type { Verdict } from '../../runner/core/verdict.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { judge } from '../../runner/engine/judge.ts'
import { snapshots } from '../../runner/engine/proof.ts'
import { shells } from '../../runner/engine/shell.ts'
import { chosen } from '../helpers/chosen.ts'
import { PATIENCE_MS } from '../helpers/nodes.ts'
import { threeNodes } from '../providers/three-nodes.ts'

export type Shells = Nodes<'node1' | 'node2' | 'node3'>

export interface Network extends Shells {
  readonly nodes: readonly Node[]
  bench(): Bench
  look(check: Check): Promise<Verdict>
  /** Looks until the verdict is as wanted: a network takes a moment to become what it was told to be. */
  settles(check: Check, as: 'pass' | RegExp): Promise<Verdict>
  /** What a look must leave as it was. */
  snapshot(): Promise<string>
}

/** No look is unknown for the sake of the tests that run beside it. */
export const UNHURRIED = { leastMs: PATIENCE_MS }
/** Nor is a right network wrong: on a busy machine one look may take as long as all of them elsewhere, and BGP speaks again only after seconds. */
export const UNTIL_RIGHT = { patienceMs: PATIENCE_MS, ...UNHURRIED }
let number = 0

export async function emptyNetwork(): Promise<Network> {
  const provider = await chosen('embedded')
  const lab = `checks-${process.pid}-${number++}`
  await provider.prepare({ say: () => {} })
  onTestFinished(() => provider.down(lab))
  await provider.up(lab, threeNodes, { signal: new AbortController().signal, keep: false })
  const nodes = await provider.nodes(lab)
  const bench = (): Bench => makeBench(nodes, threeNodes)
  const look = (check: Check): Promise<Verdict> => judge(check, bench(), UNHURRIED.leastMs)
  const bound = shells(nodes) as Shells
  return {
    node1: bound.node1, node2: bound.node2, node3: bound.node3, nodes, bench, look,
    async settles(check, as) {
      const until = performance.now() + PATIENCE_MS
      for (;;) {
        const verdict = await look(check)
        const is = as === 'pass' ? verdict.status === 'pass' : verdict.status === 'fail' && as.test(verdict.because)
        if (is || performance.now() > until) return verdict
      }
    },
    async snapshot() {
      return [...await snapshots(nodes)].map(([name, text]) => `${name}\n${text}`).join('')
    },
  }
}

export const ALL = { red: '10.244.1.2', blue: '10.244.1.3', green: '10.244.2.2', pink: '10.244.3.2' } as const
export const red = { red: ALL.red }
export const blue = { blue: ALL.blue }
export const green = { green: ALL.green }

/** Pods on bridges, and nothing between the nodes. */
export async function bridges(): Promise<Network> {
  const network = await emptyNetwork()
  await Promise.all([
    podsOnBridge(network.node1, '10.244.1.0/24', { red: ALL.red, blue: ALL.blue }),
    podsOnBridge(network.node2, '10.244.2.0/24', { green: ALL.green }),
    podsOnBridge(network.node3, '10.244.3.0/24', { pink: ALL.pink }),
  ])
  return network
}

/** Every pod reaches every other. */
export async function routed(): Promise<Network> {
  const network = await bridges()
  await Promise.all([network.node1, network.node2, network.node3].map(async (node, index) => {
    const routes = [1, 2, 3].filter(other => other !== index + 1).map(other => `ip route add 10.244.${other}.0/24 via 192.168.1.1${other}`)
    await node`bash -ec ${['sysctl -qw net.ipv4.ip_forward=1', ...routes].join('\n')}`
  }))
  return network
}

/** VXLAN from node1 to node2 in place of the routes. */
export async function tunnelled(dstport: number): Promise<Network> {
  const network = await routed()
  for (const [node, own, other] of [[network.node1, 1, 2], [network.node2, 2, 1]] as const) {
    await node`bash -ec ${`ip link add vx type vxlan id 5 dev eth0 remote 192.168.1.1${other} dstport ${dstport}
      ip addr add 10.99.0.${own}/24 dev vx
      ip link set vx up
      ip route replace 10.244.${other}.0/24 via 10.99.0.${other}`}`
  }
  return network
}
