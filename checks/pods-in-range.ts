import type { Check } from '../runner/core/bench.ts'
import { contains, parseAddress } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { rangesOf } from './nodes-have-ranges.ts'
import { podsOf } from './pods-of.ts'

/** `pods of web run on node-0 and node-1, each at an address of its node's range`: the range that the API has, whoever told the plugin. */
export function podsInRange(app: string, nodes: NonEmpty<string>): Check {
  return {
    claim: `pods of ${app} run on ${list(nodes)}, each at an address of its own node's range`,
    look: async bench => {
      const [found, known] = await Promise.all([podsOf(bench, app, nodes), rangesOf(bench, nodes)])
      if ('because' in found) return fail(found.because, ...found.evidence)
      if ('because' in known) return fail(known.because, ...known.evidence)
      for (const { name, node, address, namespace } of found.pods) {
        const number = parseAddress(address)
        if (number === undefined) throw new CouldNotLook(`${name} has ${address}, which is no IPv4 address`, found.evidence)
        const own = known.all.find(range => range.name === node)
        const other = known.all.find(({ cidr }) => contains(cidr, number))
        if (own === undefined || contains(own.cidr, number)) continue
        const whose = other === undefined ? 'which is no node\'s' : `which is of the range of ${other.name}`
        return fail(`${name} on ${node} has ${address}, ${whose}; that of ${node} is ${own.written}`, found.evidence, known.evidence, namespace.evidence)
      }
      return pass(found.evidence, known.evidence)
    },
  }
}
