import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { readVxlans, type Vxlan } from './read/vxlans.ts'
import { tool } from './tool.ts'

/** `node1 and node2 each have a VXLAN interface that is up, with the same UDP port and the same VNI`, whatever they are. */
export function sameVxlan(first: string, second: string, ...more: readonly string[]): Check {
  const nodes = [first, second, ...more]
  return {
    claim: `${list(nodes)} each have a VXLAN interface that is up, with the same UDP port and the same VNI`,
    look: async bench => {
      const [one, ...others] = await Promise.all(nodes.map(node => interfacesOf(bench, node)))
      if (one === undefined) throw new Error('no node was given')
      const evidence: readonly [Evidence, ...Evidence[]] = [one.evidence, ...others.map(other => other.evidence)]
      for (const { node, vxlans } of [one, ...others]) {
        const [any] = vxlans
        if (any === undefined) return fail(`${node} has no VXLAN interface`, ...evidence)
        if (!vxlans.some(vxlan => vxlan.up)) return fail(`${any.name} of ${node} is down`, ...evidence)
      }
      const common = one.vxlans.some(mine => mine.up && others.every(({ vxlans }) => vxlans.some(theirs => theirs.up && agree(mine, theirs))))
      if (common) return pass(...evidence)
      const said = [one, ...others].map(({ node, vxlans }) => `${node} has ${list(vxlans.filter(vxlan => vxlan.up).map(inWords))}`)
      return fail(said.join(', '), ...evidence)
    },
  }
}

async function interfacesOf(bench: Bench, node: string): Promise<{ readonly node: string; readonly vxlans: readonly Vxlan[]; readonly evidence: Evidence }> {
  const { value, evidence } = await tool(bench.place(node), ['ip', '-j', '-d', 'link', 'show', 'type', 'vxlan'], readVxlans)
  return { node, vxlans: value, evidence }
}

/** An `external` one takes every identifier. */
function agree(one: Vxlan, other: Vxlan): boolean {
  return one.port === other.port && (one.vni === undefined || other.vni === undefined || one.vni === other.vni)
}

function inWords({ name, port, vni }: Vxlan): string {
  return `${name} with ${vni === undefined ? 'any VNI' : `VNI ${vni}`} and port ${port}`
}
