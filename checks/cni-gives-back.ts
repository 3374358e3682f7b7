import type { Check } from '../runner/core/bench.ts'
import { fail } from '../runner/core/verdict.ts'
import { notFull, story, turnedOver } from './cni-story.ts'

/** `on a full node1, as many pods can join as have left: their addresses are free again, and no others`. */
export function cniGivesBack(node: string): Check {
  return {
    claim: `on a full ${node}, as many pods can join as have left: their addresses are free again, and no others`,
    look: async bench => {
      const told = await story(bench, node, 'left')
      if ('because' in told) return fail(told.because, ...told.evidence)
      return told.left === undefined ? notFull(told) : turnedOver(told.left, 'left', told)
    },
  }
}
