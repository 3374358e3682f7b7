import type { Check } from '../runner/core/bench.ts'
import { contains, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asks, joins, linksOf, misled, playground, refusal } from './networks.ts'

/** `two pods of node1 that ask for shared are on the cable of vf7 at the same time, each with an address of its own of 10.57.0.0/16`. */
export function networksShared(node: string, name: string, device: string, range: string): Check {
  const within = parseCidr(range)
  if (within === undefined) throw new Error(`expected a range, for example 10.57.0.0/16, and got ${range}`)
  return {
    claim: `two pods of ${node} that ask for ${name} are on the cable of ${device} at the same time, each with an address of its own of ${range}`,
    look: bench => playground(bench, node, async ground => {
      const { at } = ground
      const had: { readonly address: string; readonly mac: string }[] = []
      const evidence = []
      const pods = [await asks(at, name), await asks(at, name)]
      for (const [index, of] of pods.entries()) {
        const added = await joins(ground, of)
        if ('because' in added) return index === 0 ? refusal(added) : fail(`the second pod: ${added.because}`, ...added.evidence)
        const seen = await linksOf(at, of.name)
        evidence.push(seen.evidence)
        const link = seen.links.find(each => each.name === 'net1')
        if (link === undefined) return fail(`a pod that asks for ${name} has ${seen.links.map(each => each.name).join(', ')}, and no net1`, seen.evidence, ...added.evidence)
        const [address = ''] = link.addresses.filter(each => !each.includes(':'))
        const number = parseAddress(address.split('/')[0] ?? '')
        if (number === undefined || !contains(within, number)) return fail(`net1 has ${address || 'no address'}, and has to have one of ${range}`, seen.evidence, ...added.evidence)
        if (Number(address.split('/')[1]) !== within.prefix) return fail(`net1 has ${address}: to it, who has another address of ${range} is on another wire`, seen.evidence, ...added.evidence)
        had.push({ address: address.split('/')[0] ?? '', mac: link.mac ?? '' })
      }
      for (const of of pods) {
        const { frames, evidence: heard } = await at.heard(of.name)
        const wrong = misled(frames, new Map([['net1', device]]))
        if (wrong !== undefined) return fail(wrong, heard, ...evidence)
        evidence.push(heard)
      }
      const [one, other] = had
      const [first, ...rest] = evidence
      if (one === undefined || other === undefined || first === undefined) throw new Error('two pods were expected')
      if (one.address === other.address) return fail(`both pods have ${one.address}`, first, ...rest)
      if (one.mac === other.mac) return fail(`both pods have the MAC address ${one.mac}`, first, ...rest)
      return pass(first, ...rest)
    }),
  }
}
