import type { Check } from '../runner/core/bench.ts'
import { parseCidr, formatAddress } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom } from './tool.ts'

/** `node1 has a way to the pods of node2, 10.244.2.0/24`, by a tunnel or without. On a node that has no default route. */
export function knowsWay(node: string, to: string, subnet: string): Check {
  const range = parseCidr(subnet)
  if (range === undefined) throw new Error(`expected a subnet, for example 10.244.1.0/24, and got ${subnet}`)
  const some = formatAddress(range.address + 2)
  return {
    claim: `${node} has a way to the pods of ${to}, ${subnet}`,
    look: async bench => {
      const asked = await bench.place(node).exec(['ip', '-j', 'route', 'get', some])
      if (asked.exitCode !== 0) {
        const { because, refusal, evidence } = await refusedRoute(bench.place(node), node, some, asked)
        return fail(because ?? `${node} refuses to send to ${some} ("${refusal}")`, ...evidence)
      }
      const { local, device } = readFrom(asked, readRoute)
      if (local) return fail(`${some} is ${node}'s own address`, asked)
      return device === 'cni0' ? fail(`${node} takes ${some} for a pod of its own`, asked) : pass(asked)
    },
  }
}
