import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { runtimeOf } from './cri.ts'

/** `nothing of web is left on node1`: no pod of the name that runs, and no network namespace that belongs to no pod. */
export function nothingLeftOf(name: string, node: string): Check {
  return {
    claim: `nothing of ${name} is left on ${node}`,
    look: async bench => {
      const asked = await runtimeOf(bench, node)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { runtime: { pods }, evidence } = asked
      if (pods.some(pod => pod.name === name && pod.ready)) return fail(`${name} still runs on ${node}`, evidence)
      const namespaces = await bench.namespaces(node)
      const orphan = namespaces.find(({ named }) => named?.startsWith('cni-') && !pods.some(pod => pod.ready && pod.namespace === named))
      if (orphan !== undefined) return fail(`the network namespace ${orphan.named ?? ''} is still there, and no pod that runs has it`, evidence, orphan.evidence)
      const [own] = namespaces
      return own === undefined ? pass(evidence) : pass(evidence, own.evidence)
    },
  }
}
