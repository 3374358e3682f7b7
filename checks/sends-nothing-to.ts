import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, holders } from './ends.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { rangeOf, someOf } from './some-of.ts'
import { readFrom } from './tool.ts'

/** `node1, node2 and node3 send nothing for 10.244.4.0/26 to node4`: it may go by a default, or nowhere. */
export function sendsNothingTo(nodes: readonly string[], range: string, to: string): Check {
  const cidr = rangeOf(range)
  return {
    claim: `${list(nodes)} send nothing for ${range} to ${to}`,
    look: async bench => {
      const namespaces = await allNamespaces(bench)
      const evidence: Evidence[] = []
      const questions = nodes.flatMap(node => someOf(cidr).map(address => ({ node, address })))
      const answers = await Promise.all(questions.map(async question => ({ ...question, asked: await bench.place(question.node).exec(['ip', '-j', 'route', 'get', question.address]) })))
      for (const { node, address, asked } of answers) {
        evidence.push(asked)
        if (asked.exitCode !== 0) {
          // No route, or one that says no. Anything else throws: it could not be looked at.
          await refusedRoute(bench.place(node), node, address, asked)
          continue
        }
        const { gateway, device } = readFrom(asked, readRoute)
        if (gateway === undefined) return fail(`${node} takes ${address} to be on ${device} itself`, asked)
        const holder = holders(namespaces, gateway).find(({ namespace }) => namespace.node === to)
        if (holder !== undefined) return fail(`${node} still sends ${address} via ${gateway}, which is ${to}`, asked)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected the name of a node')
      return pass(first, ...rest)
    },
  }
}
