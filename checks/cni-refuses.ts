import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { attachment, call, refused, withNetwork, type Call } from './cni.ts'

/**
 * `what the plugins of node1 are asked and cannot do they refuse, with an error as JSON and an exit code`: a verb that
 * nobody knows, a configuration that ends in the middle, and ADD without the name of a container.
 */
export function cniRefuses(node: string): Check {
  return {
    claim: `what the plugins of ${node} are asked and cannot do they refuse, with an error as JSON and an exit code`,
    look: bench => withNetwork(bench, node, async (network, { place }) => {
      const of = attachment()
      const questions: readonly (readonly [string, Call])[] = [
        ['a verb that nobody knows, FROBNICATE', { verb: 'FROBNICATE', of }],
        ['ADD with a configuration that ends in the middle', { verb: 'ADD', of, stdin: '{"cniVersion": "1.1.0", "name": ' }],
        ['ADD without CNI_CONTAINERID', { verb: 'ADD', of, without: 'CNI_CONTAINERID' }],
      ]
      const evidence: Evidence[] = []
      for (const plugin of network.plugins) {
        for (const [what, question] of questions) {
          const called = await call(place, network, plugin, question)
          evidence.push(called.evidence)
          if (called.ok) return fail(`${plugin.type} is asked for ${what}, and ends with 0`, called.evidence)
          const { proper, because } = refused(called, [called.evidence])
          if (!proper) return fail(`asked for ${what}: ${because}`, called.evidence)
          if (question.without !== undefined && !called.stdout.includes(question.without)) return fail(`asked for ${what}, ${plugin.type} does not say which variable is missing: ${called.stdout.trim().slice(0, 200)}`, called.evidence)
        }
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('the network has no plugin')
      return pass(first, ...rest)
    }),
  }
}
