import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, holders } from './ends.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { rangeOf, someOf } from './some-of.ts'
import { readFrom } from './tool.ts'

/**
 * `node1 and node2 send on nothing for addresses of their own ranges that nobody has`: `{ node1: '10.244.1.0/26' }`.
 * With nothing but a default for them, what the network brings goes back to it, in a circle.
 */
export function unusedStay(own: Readonly<Record<string, string>>): Check {
  const ranges = Object.entries(own).map(([node, range]) => ({ node, range: rangeOf(range) }))
  return {
    claim: `${list(ranges.map(({ node }) => node))} send on nothing for addresses of their own ranges that nobody has`,
    look: async bench => {
      const namespaces = await allNamespaces(bench)
      const evidence: Evidence[] = []
      const questions = ranges.flatMap(({ node, range }) => someOf(range, address => holders(namespaces, address).length > 0).map(address => ({ node, address })))
      const answers = await Promise.all(questions.map(async question => ({ ...question, asked: await bench.place(question.node).exec(['ip', '-j', 'route', 'get', question.address]) })))
      for (const { node, address, asked } of answers) {
        evidence.push(asked)
        if (asked.exitCode !== 0) {
          await refusedRoute(bench.place(node), node, address, asked)
          continue
        }
        const { gateway, device } = readFrom(asked, readRoute)
        const wires = bench.topology.nodes.find(({ name }) => name === node)?.interfaces.map(({ name }) => name) ?? []
        if (gateway !== undefined) return fail(`${node} sends ${address}, which nobody has, on to ${gateway}`, asked)
        if (wires.includes(device)) return fail(`${node} sends ${address}, which nobody has, out of ${device}`, asked)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected a node and its range')
      return pass(first, ...rest)
    },
  }
}
