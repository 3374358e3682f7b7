import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { namespaceAt } from './ends.ts'
import { tunnelsOf } from './tunnels-of.ts'

/** `node1 has a WireGuard interface that is up and has a key`: whoever makes it, the kernel or a program. */
export function wireguardUp(node: string): Check {
  return {
    claim: `${node} has a WireGuard interface that is up and has a key`,
    look: async bench => {
      const found = await namespaceAt(bench, node)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { links, evidence: seen } = found.namespace
      const { value: tunnels, evidence } = await tunnelsOf(bench, node)
      const link = (name: string) => links.find(one => one.name === name)
      if (tunnels.some(({ name, publicKey }) => publicKey !== undefined && link(name)?.up === true)) return pass(evidence, seen)
      const names = links.filter(one => one.kind === 'tun').map(one => one.name)
      const [tunnel] = tunnels
      if (tunnel === undefined) {
        return fail(names.length === 0 ? `${node} has no WireGuard interface` : `${node} has ${list(names)}, and no WireGuard answers for it`, evidence, seen)
      }
      if (link(tunnel.name) === undefined) return fail(`WireGuard on ${node} answers for ${tunnel.name}, and ${node} itself has no such interface`, evidence, seen)
      return fail(tunnel.publicKey === undefined ? `${tunnel.name} on ${node} has no private key` : `${tunnel.name} on ${node} is down`, evidence, seen)
    },
  }
}
