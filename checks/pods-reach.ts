import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail } from '../runner/core/verdict.ts'
import { runningPod } from './cri.ts'
import { reachEachOther } from './reaches.ts'

/** `web and db reach each other, and each sees the other's own address`: pods of a runtime, whatever addresses they were given. */
export function podsReach(pods: Readonly<Record<string, string>>): Check {
  const all = Object.entries(pods)
  return {
    claim: `${list(all.map(([name]) => name))} reach each other, and each sees the other's own address`,
    look: async bench => {
      const places: Record<string, string> = {}
      for (const [name, node] of all) {
        const found = await runningPod(bench, name, node)
        if ('because' in found) return fail(found.because, ...found.evidence)
        places[name] = `${node}/${found.namespace.named ?? ''}`
      }
      return reachEachOther(places, { keepingAddress: true }).look(bench)
    },
  }
}
