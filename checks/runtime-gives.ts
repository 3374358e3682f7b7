import type { Check } from '../runner/core/bench.ts'
import { contains, parseCidr } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { runtimeOf } from './cri.ts'

/** `the next pod of node1 gets an address of 10.244.1.0/24`: by the configuration that containerd has in force, not by a file. */
export function runtimeGives(node: string, cidr: string): Check {
  const range = parseCidr(cidr)
  if (range === undefined) throw new Error(`expected a range, for example 10.244.1.0/24, and got ${cidr}`)
  return {
    claim: `the next pod of ${node} gets an address of ${cidr}`,
    look: async bench => {
      const asked = await runtimeOf(bench, node)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { runtime: { networks }, evidence } = asked
      // The runtime's own network makes the loopback.
      const network = networks.find(({ ifname }) => ifname !== 'lo')
      if (network === undefined) return fail(`containerd on ${node} has no network for pods: none of its configurations is in force`, evidence)
      const ipam = network.plugins.find(plugin => plugin.ipam !== undefined)?.ipam
      if (ipam === undefined) return fail(`the network ${network.name}, which is in force on ${node}, gives pods no addresses: none of its plugins has an ipam`, evidence)
      if (ipam.subnets.length === 0) throw new CouldNotLook(`${node}: which addresses ${ipam.type} gives cannot be read from its configuration`, evidence)
      const foreign = ipam.subnets.filter(subnet => {
        const parsed = parseCidr(subnet)
        return parsed === undefined || parsed.prefix < range.prefix || !contains(range, parsed.address)
      })
      return foreign.length === 0 ? pass(evidence) : fail(`the network ${network.name}, which is in force on ${node}, gives addresses of ${list(foreign)}`, evidence)
    },
  }
}
