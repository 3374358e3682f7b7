import type { Check } from '../runner/core/bench.ts'
import { contains, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { runningPod } from './cri.ts'

/** `web runs on node1, with an address of 10.244.1.0/24 and a loopback`: what the runtime calls ready, and the kernel of its namespace. */
export function podUp(name: string, node: string, cidr: string): Check {
  const range = parseCidr(cidr)
  if (range === undefined) throw new Error(`expected a range, for example 10.244.1.0/24, and got ${cidr}`)
  return {
    claim: `${name} runs on ${node}, with an address of ${cidr} and a loopback`,
    look: async bench => {
      const found = await runningPod(bench, name, node)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { namespace, evidence } = found
      const held = namespace.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses.map(address => ({ link, cidr: parseCidr(address) })))
      const own = held.find(one => one.cidr !== undefined && contains(range, one.cidr.address))
      if (own === undefined) {
        const others = held.filter(one => one.cidr !== undefined).map(({ link }) => `${link.name} has ${link.addresses.find(address => parseCidr(address) !== undefined) ?? ''}`)
        return fail(`${name} has no address of ${cidr}: ${others[0] ?? 'it has none at all'}`, ...evidence)
      }
      if (!own.link.up) return fail(`${own.link.name} of ${name} is down`, ...evidence)
      const lo = namespace.links.find(link => link.name === 'lo')
      return lo?.up ? pass(...evidence) : fail(`lo of ${name} is down: nothing in it can ask 127.0.0.1`, ...evidence)
    },
  }
}
