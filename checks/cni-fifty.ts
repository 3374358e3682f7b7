import type { Check } from '../runner/core/bench.ts'
import { broadcastOf, contains, networkOf, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { AT_ONCE, isJoined, story } from './cni-story.ts'

/** `fifty pods that join the network of node1 at once get fifty addresses of 10.244.1.0/26`. */
export function cniFifty(node: string, range: string): Check {
  const within = parseCidr(range)
  if (within === undefined) throw new Error(`expected a range, for example 10.244.1.0/26, and got ${range}`)
  return {
    claim: `fifty pods that join the network of ${node} at once get fifty addresses of ${range}`,
    look: async bench => {
      const told = await story(bench, node, 'fifty')
      if ('because' in told) return fail(told.because, ...told.evidence)
      const refused = told.atOnce.flatMap(one => isJoined(one) ? [] : [one])
      const [first] = refused
      if (first !== undefined) return fail(`${refused.length} of ${AT_ONCE} get none: ${first.because}`, ...first.evidence)
      const joined = told.atOnce.filter(isJoined)
      for (const { address } of joined) {
        const number = parseAddress(address) ?? 0
        if (!contains(within, number)) return fail(`one gets ${address}, which is not of ${range}`, ...told.evidence)
        if (number === networkOf(within) || number === broadcastOf(within)) return fail(`one gets ${address}, which is no address for a machine: it is the first or the last of ${range}`, ...told.evidence)
        const gateway = joined.find(one => one.result['ips'] !== undefined && JSON.stringify(one.result['ips']).includes(`"gateway":"${address}"`))
        if (gateway !== undefined) return fail(`one gets ${address}, and that is the gateway of the others`, ...told.evidence)
        const twice = joined.filter(one => one.address === address)
        if (twice.length > 1) return fail(`${twice.length} of ${AT_ONCE} get ${address}; ${new Set(joined.map(one => one.address)).size} addresses for ${AT_ONCE} pods`, ...told.evidence)
      }
      return pass(...told.evidence)
    },
  }
}
