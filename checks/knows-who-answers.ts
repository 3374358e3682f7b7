import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { answering, ownerOfMac } from './arp-answers.ts'
import { allNamespaces } from './ends.ts'
import { readNeighbours } from './read/neighbours.ts'
import { tool } from './tool.ts'

/**
 * `tor takes 192.168.1.240 to be at who answers for it, and has not written that down for good`: what it remembers is compared
 * with who answers now. Who remembers nothing asks when it has to.
 */
export function knowsWhoAnswers(node: string, address: string, on: string): Check {
  return {
    claim: `${node} takes ${address} to be at who answers for it, and has not written that down for good`,
    look: async bench => {
      const [{ who, evidence }, neighbours] = await Promise.all([
        answering(bench, on, address),
        tool(bench.place(node), ['ip', '-j', 'neigh', 'show', 'to', address], readNeighbours),
      ])
      const [known] = neighbours.value.filter(one => one.mac !== undefined && !one.states.includes('FAILED') && !one.states.includes('INCOMPLETE'))
      if (known?.mac === undefined) return pass(neighbours.evidence, evidence)
      const whose = ownerOfMac(await allNamespaces(bench), known.mac)
      const remembered = `${known.mac}${whose === undefined ? ', which nobody has' : `, which is ${whose}`}`
      const [right] = who
      if (known.states.includes('PERMANENT') || known.states.includes('NOARP')) {
        return fail(`${node} has it written down that ${address} is at ${remembered}: whatever anybody says, it stays so`, neighbours.evidence, evidence)
      }
      if (who.some(({ mac }) => mac === known.mac)) return pass(neighbours.evidence, evidence)
      const now = right === undefined ? 'nobody answers for it' : `${right.node} (${right.mac}) answers for it`
      return fail(`${node} remembers ${address} at ${remembered}, and ${now}`, neighbours.evidence, evidence)
    },
  }
}
