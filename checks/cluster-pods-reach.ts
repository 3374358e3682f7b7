import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, type NonEmpty } from '../runner/core/verdict.ts'
import { addressesOf, podsOf } from './pods-of.ts'
import { reachEachOther } from './reaches.ts'

/** `the pods of web on node-0 and node-1 reach each other, and each sees the other's own address`: whichever pods they are today. */
export function clusterPodsReach(app: string, nodes: NonEmpty<string>): Check {
  return {
    claim: `the pods of ${app} on ${list(nodes)} reach each other, and each sees the other's own address`,
    look: async bench => {
      const found = await podsOf(bench, app, nodes)
      return 'because' in found ? fail(found.because, ...found.evidence) : reachEachOther(addressesOf(found.pods), { keepingAddress: true }).look(bench)
    },
  }
}
