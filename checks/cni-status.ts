import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { story } from './cni-story.ts'

/** `asked for STATUS, the plugins of node1 are ready before the first pod, and refuse when no address is left`. */
export function cniStatus(node: string): Check {
  return {
    claim: `asked for STATUS, the plugins of ${node} are ready before the first pod, and refuse when no address is left`,
    look: async bench => {
      const told = await story(bench, node, 'full')
      if ('because' in told) return fail(told.because, ...told.evidence)
      if (told.ready !== undefined) return fail(`nobody has joined yet: ${told.ready.because}`, ...told.ready.evidence)
      if (told.refusal === undefined) return fail('it could not be filled to the last address', ...told.evidence)
      if (told.full === undefined) return fail('no address is left, and STATUS ends with 0', ...told.evidence)
      return told.full.proper ? pass(...told.evidence, ...told.full.evidence) : fail(`no address is left: ${told.full.because}`, ...told.full.evidence)
    },
  }
}
