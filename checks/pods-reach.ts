import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail } from '../runner/core/verdict.ts'
import { placesOf } from './cri.ts'
import { reachEachOther } from './reaches.ts'

/** `web and db reach each other, and each sees the other's own address`: pods of a runtime, whatever addresses they were given. */
export function podsReach(pods: Readonly<Record<string, string>>): Check {
  return {
    claim: `${list(Object.keys(pods))} reach each other, and each sees the other's own address`,
    look: async bench => {
      const found = await placesOf(bench, pods)
      return 'because' in found ? fail(found.because, ...found.evidence) : reachEachOther(found.places, { keepingAddress: true }).look(bench)
    },
  }
}
