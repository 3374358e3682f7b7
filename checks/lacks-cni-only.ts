import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { conditionsOf, NO_CNI, silence } from './node-conditions.ts'

/** `node-0 and node-1 lack nothing but a CNI plugin, if anything`: the one thing for which a node may still not be ready. */
export function lacksCniOnly(nodes: NonEmpty<string>): Check {
  return {
    claim: `the kubelets of ${list(nodes)} report, and lack nothing but a CNI plugin, if anything`,
    look: async bench => {
      const found = await conditionsOf(bench, nodes)
      if ('because' in found) return fail(found.because, ...found.evidence)
      for (const { node, status, lacks } of found.all) {
        if (status === undefined || status === 'Unknown') {
          const why = await silence(bench, node)
          return fail(why.because, found.evidence, why.evidence)
        }
        const other = lacks.filter(one => !NO_CNI.test(one))
        if (status !== 'True' && other.length > 0) return fail(`${node} is not ready: ${other.join(', ')}`, found.evidence)
      }
      return pass(found.evidence)
    },
  }
}
