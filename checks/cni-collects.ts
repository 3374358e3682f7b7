import type { Check } from '../runner/core/bench.ts'
import { fail } from '../runner/core/verdict.ts'
import { notFull, story, turnedOver } from './cni-story.ts'

/** `GC on node1 frees the addresses of pods that are not on its list, and no others`. */
export function cniCollects(node: string): Check {
  return {
    claim: `GC on ${node} frees the addresses of pods that are not on its list, and no others`,
    look: async bench => {
      const told = await story(bench, node, 'collected')
      if ('because' in told) return fail(told.because, ...told.evidence)
      if (told.collected !== undefined) return turnedOver(told.collected, 'vanished', told)
      return told.left?.refusal === undefined ? notFull(told) : fail(`pods cannot even leave: ${told.left.refusal.because}`, ...told.left.refusal.evidence)
    },
  }
}
