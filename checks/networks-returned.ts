import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { callAll } from './cni.ts'
import { asks, joins, linksOf, notBack, playground, refusal, type Rail } from './networks.ts'

/** `when a pod of node1 leaves, the devices of rail0, …, rail7 are back on it, with their names and MAC addresses`. */
export function networksReturned(node: string, rails: readonly Rail[]): Check {
  return {
    claim: `when a pod leaves, all its devices are back on ${node}, with their names and MAC addresses`,
    look: bench => playground(bench, node, async ground => {
      const { at, network } = ground
      const of = await asks(at, rails.map(rail => rail.network).join(','))
      const added = await joins(ground, of)
      if ('because' in added) return refusal(added)
      // Or all of them would be there without ever having been away.
      const { links, evidence } = await linksOf(at, of.name)
      const missing = rails.find(rail => !links.some(({ name }) => name === rail.interface))
      if (missing !== undefined) return fail(`the pod never had ${missing.interface}`, evidence, ...added.evidence)
      const left = await callAll(at.place, network, 'DEL', of, added.result.json)
      if (left !== undefined) return refusal(left)
      const back = await notBack(ground)
      if (back.because !== undefined) return fail(back.because, back.evidence, evidence)
      const after = await linksOf(at, of.name)
      return after.links.length === 0 ? pass(back.evidence, evidence) : fail(`the pod still has ${after.links.map(({ name }) => name).join(', ')}`, after.evidence)
    }),
  }
}
