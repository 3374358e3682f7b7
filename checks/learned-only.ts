import type { Check } from '../runner/core/bench.ts'
import { contains, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { NOT_BGP } from './learned-route.ts'
import { rangeOf } from './some-of.ts'
import { readFib } from './read/fib.ts'
import { tool } from './tool.ts'

/** `node1, node2 and node3 have learned nothing but ranges of 10.244.0.0/16`: no default, and nobody else's networks. */
export function learnedOnly(nodes: readonly string[], within: string): Check {
  const all = rangeOf(within)
  return {
    claim: `${list(nodes)} ${nodes.length === 1 ? 'has' : 'have'} learned nothing but ranges of ${within}`,
    look: async bench => {
      const tables = await Promise.all(nodes.map(async node => ({ node, ...await tool(bench.place(node), ['ip', '-4', '-j', '-d', 'route', 'show', 'table', 'all'], readFib) })))
      for (const { node, value, evidence } of tables) {
        const leaked = value.find(({ destination, gateways, protocol }) => {
          // A daemon's own: what has no next hop was told by nobody.
          if (gateways.length === 0 || NOT_BGP[protocol] !== undefined) return false
          const range = parseCidr(destination.includes('/') ? destination : `${destination}/32`)
          return range === undefined || range.prefix < all.prefix || !contains(all, range.address)
        })
        if (leaked !== undefined) return fail(`${node} has been told the way to ${leaked.destination}, by ${list(leaked.gateways)} (proto ${leaked.protocol})`, evidence)
      }
      const [first, ...rest] = tables.map(({ evidence }): Evidence => evidence)
      if (first === undefined) throw new Error('expected the name of a node')
      return pass(first, ...rest)
    },
  }
}
