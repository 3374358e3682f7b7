import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { answering } from './arp-answers.ts'
import { allNamespaces, holders } from './ends.ts'

export interface OnWire {
  /** The segment that is asked on. */
  readonly on: string
  /** Who may answer. */
  readonly among: readonly string[]
}

/** `of node1, node2 and node3 exactly one answers for 192.168.1.240, and nobody else does`: by its address, by proxy ARP, or by a program. */
export function oneAnswers(address: string, { on, among }: OnWire): Check {
  return {
    claim: `of ${list(among)} exactly one answers for ${address}, and nobody else does`,
    look: async bench => {
      const { who, evidence } = await answering(bench, on, address)
      const nodes = [...new Set(who.map(one => one.node))]
      const [first, second] = nodes
      if (first === undefined) {
        const [holder] = holders(await allNamespaces(bench), address)
        const why = holder === undefined ? 'nobody has it' : `${holder.namespace.place.name} has it on ${holder.link.name}, and does not answer there`
        return fail(`nobody answers for ${address}: ${why}`, evidence)
      }
      const stranger = nodes.find(node => !among.includes(node))
      if (stranger !== undefined) return fail(`${stranger} answers for ${address}`, evidence)
      if (second !== undefined) {
        const named = who.map(({ mac, node }) => `${node} (${mac})`)
        return fail(`${list(named)} ${named.length === 2 ? 'both' : 'all'} answer for ${address}: whoever asks believes one of them, and another the next time`, evidence)
      }
      return pass(evidence)
    },
  }
}
