// The oracle beside the kernel: policies are put into force by a program that knows nothing of the oracle, and who reaches whom is
// measured on real nodes.
import { readFileSync } from 'node:fs'
import { measure, type MeasuredCell } from '../../checks/measured.ts'
import { podsOnRoutes } from '../../fixtures/networks/index.ts'
import { readObjects } from '../../kubernetes/read.ts'
import type { Node, Provider } from '../../runner/core/provider.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { shells } from '../../runner/engine/shell.ts'
import { nodesOn, startLab } from '../helpers/nodes.ts'
import { namespaces, pods, PODS, PORTS, type ApiObject } from './generated.ts'

/** Makes policies of the objects hold on a node, in place of those that held there. */
export interface Implementation {
  readonly name: string
  prepare(node: Node): Promise<void>
  apply(node: Node, objects: { readonly pods: readonly ApiObject[]; readonly namespaces: readonly ApiObject[]; readonly policies: readonly ApiObject[] }): Promise<void>
}

/** A jq program that makes what nft is told of objects and the node's name: by default that of lab 19. */
export function byJq(path = new URL('../../labs/19-networkpolicy/files/compile.jq', import.meta.url)): Implementation {
  const program = readFileSync(path, 'utf8')
  return {
    name: 'compile.jq of lab 19',
    prepare: async node => { await told(node, ['sh', '-ec', 'cat >/tmp/compile.jq'], program) },
    apply: async (node, objects) => { await told(node, ['bash', '-ec', 'set -o pipefail; jq -r -f /tmp/compile.jq | nft -f -'], JSON.stringify({ ...objects, node: node.name })) },
  }
}

async function told(node: Node, argv: readonly string[], stdin: string): Promise<void> {
  const { exitCode, stderr } = await node.exec(argv, { stdin })
  if (exitCode !== 0) throw new Error(`${node.name}: ${stderr.trim().slice(0, 400)}`)
}

export interface Agreement extends AsyncDisposable {
  /** The cells of the table that are not as the oracle says, and how long it took to measure all. */
  compare(policies: readonly ApiObject[]): Promise<{ readonly cells: readonly MeasuredCell[]; readonly wrong: readonly MeasuredCell[]; readonly ms: number }>
}

/**
 * Nine pods on three nodes, each of which reaches every other. No bridge: everything between pods passes the node. A node answers for
 * an address that nobody has, the pods' gateway, only if it has a route to it.
 */
export async function agreementOn(provider: Provider, by: Implementation): Promise<Agreement> {
  const topology = nodesOn(3)
  const lab = await startLab(provider, topology)
  const nodes = topology.nodes.map(({ name }) => lab.node(name))
  const bound = shells(nodes) as Readonly<Record<string, Parameters<typeof podsOnRoutes>[0]>>
  try {
    await Promise.all(nodes.map(async (node, index) => {
      const shell = bound[node.name]
      if (shell === undefined) throw new Error(`no shell of ${node.name}`)
      await podsOnRoutes(shell, Object.fromEntries(PODS.filter(pod => pod.node === node.name).map(({ namespace, name, address }) => [`${namespace}-${name}`, address])))
      await told(node, ['sh', '-ec', [1, 2, 3].filter(other => other !== index + 1).map(other => `ip route add 10.244.${other}.0/24 via 192.168.1.1${other}`).concat('sysctl -qw net.ipv4.ip_forward=1', `ip route add default via 192.168.1.1${(index + 1) % 3 + 1}`).join('\n')], '')
      await by.prepare(node)
    }))
  } catch (error) {
    await lab[Symbol.asyncDispose]()
    throw error
  }
  return {
    async compare(policies) {
      const objects = readObjects([{ file: 'generated.json', text: JSON.stringify({ kind: 'List', items: [...namespaces, ...pods, ...policies] }) }])
      await Promise.all(nodes.map(node => by.apply(node, { pods, namespaces, policies })))
      const since = performance.now()
      const measured = await measure(makeBench(nodes, topology), objects, { ports: PORTS })
      if ('because' in measured) throw new Error(measured.because)
      return { cells: measured.cells, wrong: measured.cells.filter(({ right }) => !right), ms: performance.now() - since }
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  }
}

/** The least of the policies of which something is still wrong: what can be left out is. */
export async function smallest(policies: readonly ApiObject[], isWrong: (policies: readonly ApiObject[]) => Promise<boolean>): Promise<readonly ApiObject[]> {
  for (const less of smaller(policies)) {
    if (Array.isArray(less) && await isWrong(less as readonly ApiObject[])) return smallest(less as readonly ApiObject[], isWrong)
  }
  return policies
}

/** All that is left when one entry of one list, or one field of a spec, is left out. */
function smaller(part: unknown): readonly unknown[] {
  if (Array.isArray(part)) {
    return part.flatMap((_, index) => [
      part.filter((_one, at) => at !== index),
      ...smaller(part[index]).map(less => part.map((one: unknown, at) => at === index ? less : one)),
    ])
  }
  if (typeof part !== 'object' || part === null) return []
  const fields = Object.entries(part)
  const kept = ['apiVersion', 'kind', 'metadata']
  return fields.flatMap(([key, value]) => kept.includes(key) ? [] : [
    ...key === 'spec' ? [] : [Object.fromEntries(fields.filter(([other]) => other !== key))],
    ...smaller(value).map(less => ({ ...part, [key]: less })),
  ])
}
