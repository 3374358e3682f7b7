import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { waysTo } from './learned-behind.ts'
import { called, inside, listeners, processesOf } from './processes.ts'

export interface ServedOn {
  /** The nodes that could have pods of the Service. */
  readonly nodes: readonly string[]
  /** Where such a pod listens, and what it is called in the claim. */
  readonly port: number
  readonly pod: string
}

/**
 * `tor sends 203.0.113.240 to each node with a proxy that listens, and to no other`: who listens is read from the processes of today,
 * so a pod that has gone without a word is gone.
 */
export function sentWhereServed(router: string, address: string, { nodes, port, pod }: ServedOn): Check {
  return {
    claim: `${router} sends what is for ${address} to each node with a ${pod} that listens on port ${port}, and to no other`,
    look: async bench => {
      const [ways, ...perNode] = await Promise.all([waysTo(bench, router, address), ...nodes.map(async node => {
        const [{ value, evidence }, namespaces] = await Promise.all([processesOf(bench, node), bench.namespaces(node)])
        const serving = namespaces.filter(namespace => !namespace.own).flatMap(namespace => listeners(inside(value, namespace), port))
        return { node, serving, evidence }
      })])
      const evidence = [...ways.evidence, ...perNode.map(one => one.evidence)] as const
      const [first, ...rest] = evidence
      // By the default route, or by none: not to a node.
      const via = ways.route?.type === 'unicast' ? ways.nodes.filter(node => nodes.includes(node)) : []
      for (const { node, serving } of perNode) {
        const [listener] = serving
        if (listener === undefined && via.includes(node)) return fail(`${router} sends it to ${node}, where no pod listens on port ${port}${via.length > 1 ? `: one of ${via.length} connections comes to nobody` : ''}`, first, ...rest)
        if (listener !== undefined && !via.includes(node)) return fail(`${router} sends it ${via.length === 0 ? 'to no node' : `to ${list(via)} alone`}, and on ${node} ${called(listener)} listens`, first, ...rest)
      }
      return pass(first, ...rest)
    },
  }
}
