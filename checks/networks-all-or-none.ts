import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readNetwork, type Network } from './read/cni.ts'
import { asks, defines, joins, linksOf, notBack, playground, refusal, word, type Rail } from './networks.ts'

const ONE = { type: 'host-local', ranges: [[{ subnet: '10.90.0.0/24', rangeStart: '10.90.0.5', rangeEnd: '10.90.0.5' }]] }

/**
 * `if the fifth of its networks cannot be had, a pod of node1 gets none: ADD is refused with an error, no interface is left, every device is back,
 * and every address free`; and once it can be had, the next pod gets all. Where addresses are kept is nobody's business: there is one for eth0
 * and one for net1, so the next pod has those of the one that was refused, or none.
 */
export function networksAllOrNone(node: string, range: string, rails: readonly Rail[]): Check {
  return {
    claim: `if the fifth of its networks cannot be had, a pod of ${node} gets none: ADD is refused with an error, it has no interface left, every device is back, and every address free`,
    look: bench => playground(bench, node, async whole => {
      const ground = { ...whole, network: withOneAddress(whole.network, range) }
      const { at, evidence: before } = ground
      const [first, , , , fifth] = rails
      if (first === undefined || fifth === undefined) throw new Error('expected five rails')
      const [scarce, broken] = [word(), word()]
      // A device that is not there: nobody can know before the plugin is called.
      await Promise.all([defines(at, 'default', scarce, first.device, ONE), defines(at, 'default', broken, `no-${broken}`, fifth.address)])
      const names = rails.map(rail => rail === first ? scarce : rail === fifth ? broken : rail.network)
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
      if ('because' in added) return fail(`once net5 can be had, the next pod does not get it, with one address for eth0 and one for net1: ${added.because}`, ...added.evidence, ...refused.evidence)
      const { links, evidence } = await linksOf(at, next.name)
      const missing = rails.find(rail => !links.some(({ name }) => name === rail.interface))
      if (missing !== undefined) return fail(`once net5 can be had, the next pod has no ${missing.interface}`, evidence)
      const more = await joins(ground, await asks(at, ''))
      if (!('because' in more)) throw new CouldNotLook(`${at.place.name}: two pods get an address out of ${onlyOne(range)}, so nobody knows whether that of the first was free`, ...more.evidence)
      return pass(back.evidence, ...refused.evidence, evidence, before)
    }),
  }
}

/** The gateway has the other one. */
function withOneAddress({ plugins, ...network }: Network, range: string): Network {
  return readNetwork(JSON.stringify({ ...network, plugins: plugins.map(({ config }) => config) }).replaceAll(range, onlyOne(range)))
}

function onlyOne(range: string): string {
  return range.replace(/\d+$/, '30')
}
