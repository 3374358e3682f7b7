import { isDeepStrictEqual } from 'node:util'
import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { add, attachment, callAll, withNetwork } from './cni.ts'

/** `whatever the plugins after the first print on node1, it is what the first has printed`: and there are some. */
export function cniPassesOn(node: string): Check {
  return {
    claim: `whatever the plugins after the first print on ${node}, it is what the first has printed`,
    look: bench => withNetwork(bench, node, async (network, { place, pods }) => {
      const of = attachment()
      await pods(of.name)
      const added = await add(place, network, of)
      if ('because' in added) return fail(added.because, ...added.evidence)
      const [first, ...rest] = added.each
      if (rest.length === 0) return fail(`the network ${network.name} has one plugin, ${network.plugins[0]?.type ?? ''}`, ...added.evidence)
      const other = rest.findIndex(one => !isDeepStrictEqual(one.json, first.json))
      if (other >= 0) return fail(`${network.plugins[other + 1]?.type ?? ''} prints something else than it was told as prevResult`, ...added.evidence)
      for (const verb of ['CHECK', 'DEL'] as const) {
        const refusal = await callAll(place, network, verb, of, added.result.json)
        if (refusal !== undefined) return fail(refusal.because, ...refusal.evidence)
      }
      return pass(...added.evidence)
    }),
  }
}
