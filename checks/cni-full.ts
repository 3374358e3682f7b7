import type { Check } from '../runner/core/bench.ts'
import { broadcastOf, contains, networkOf, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { isJoined, story } from './cni-story.ts'

/** `when node1 has given away its last address, the next pod is refused with an error; nobody gets an address twice, or one that is no machine's`. */
export function cniFull(node: string): Check {
  return {
    claim: `when ${node} has given away its last address, the next pod is refused with an error; nobody gets an address twice, or one that is no machine's`,
    look: async bench => {
      const told = await story(bench, node, 'full')
      if ('because' in told) return fail(told.because, ...told.evidence)
      const early = told.atOnce.find(one => !isJoined(one))
      if (early !== undefined && !isJoined(early)) return fail(`it refuses before: ${early.because}`, ...early.evidence)
      const all = [...told.atOnce.filter(isJoined), ...told.after]
      const [one] = all
      if (one === undefined) throw new Error('nobody joined')
      const twice = all.find(({ address }, index) => all.findIndex(other => other.address === address) !== index)
      if (twice !== undefined) return fail(`the pod number ${all.indexOf(twice) + 1} gets ${twice.address}, which another has`, ...told.evidence)
      const range = parseCidr(`${one.address}/${one.prefix}`)
      if (range === undefined) throw new Error(`${one.address}/${one.prefix} is no address`)
      for (const { address } of all) {
        const number = parseAddress(address) ?? 0
        if (!contains(range, number)) return fail(`the pod number ${all.findIndex(pod => pod.address === address) + 1} gets ${address}, which is not of the range of the others, a /${one.prefix}`, ...told.evidence)
        if (number === networkOf(range) || number === broadcastOf(range)) return fail(`a pod gets ${address}, which is no address for a machine: it is the first or the last of a /${one.prefix}`, ...told.evidence)
      }
      const hosts = 2 ** (32 - one.prefix) - 2
      if (told.refusal === undefined) return fail(`${all.length} pods have an address, and the range, a /${one.prefix}, has ${hosts}`, ...told.evidence)
      if (!told.refusal.proper) return fail(`after ${all.length} pods: ${told.refusal.because}`, ...told.refusal.evidence)
      // The gateway has one of them; a plugin may keep a few to itself.
      if (all.length < hosts - 4) return fail(`the range, a /${one.prefix}, has ${hosts} addresses, and it refuses after ${all.length} pods: ${told.refusal.because}`, ...told.refusal.evidence)
      return pass(...told.evidence, ...told.refusal.evidence)
    },
  }
}
