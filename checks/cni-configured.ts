import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { configured } from './cni.ts'

/** `the first CNI configuration of node1 names programs that are there to be run`: what a runtime needs before it calls any. */
export function cniConfigured(node: string): Check {
  return {
    claim: `the first CNI configuration of ${node} names programs that are there to be run`,
    look: async bench => {
      const found = await configured(bench.place(node))
      return 'because' in found ? fail(found.because, ...found.evidence) : pass(...found.evidence)
    },
  }
}
