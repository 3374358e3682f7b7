import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asks, defines, joins, linksOf, notBack, playground, refusal, word, type Rail } from './networks.ts'

/**
 * `if the fifth of its networks cannot be had, a pod of node1 gets none: ADD is refused with an error, no interface is left, and every device is back`;
 * and once it can be had, the next pod gets all.
 */
export function networksAllOrNone(node: string, rails: readonly Rail[]): Check {
  return {
    claim: `if the fifth of its networks cannot be had, a pod of ${node} gets none: ADD is refused with an error, it has no interface left, and every device is back`,
    look: bench => playground(bench, node, async ground => {
      const { at, evidence: before } = ground
      const fifth = rails[4]
      if (fifth === undefined) throw new Error('expected five rails')
      const broken = word()
      // A device that is not there: nobody can know before the plugin is called.
      await defines(at, 'default', broken, `no-${broken}`, fifth.address)
      const names = rails.map(({ network }, index) => index === 4 ? broken : network)
      const of = await asks(at, names.join(','))
      const refused = await joins(ground, of)
      if (!('because' in refused)) return fail(`net5 cannot be had, since the node has no device no-${broken}, and ADD ends with 0`, ...refused.evidence)
      if (!refused.proper) return refusal(refused)
      const back = await notBack(ground)
      if (back.because !== undefined) return fail(`net5 could not be had, and after that ${back.because}`, back.evidence, ...refused.evidence)
      const within = await linksOf(at, of.name)
      if (within.links.length > 0) return fail(`net5 could not be had, and the pod still has ${within.links.map(({ name }) => name).join(', ')}`, within.evidence, ...refused.evidence)
      // As the kubelet does it: in a new namespace, under a new id. The positive control of all that.
      await defines(at, 'default', broken, fifth.device, fifth.address)
      const next = await asks(at, names.join(','))
      const added = await joins(ground, next)
      if ('because' in added) return fail(`once net5 can be had, the next pod does not get it: ${added.because}`, ...added.evidence, ...refused.evidence)
      const { links, evidence } = await linksOf(at, next.name)
      const missing = rails.find(rail => !links.some(({ name }) => name === rail.interface))
      return missing === undefined ? pass(back.evidence, ...refused.evidence, evidence, before) : fail(`once net5 can be had, the next pod has no ${missing.interface}`, evidence)
    }),
  }
}
