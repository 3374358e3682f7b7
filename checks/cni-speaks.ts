import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { call, refused, tried, withNetwork } from './cni.ts'
import { readVersions } from './read/cni.ts'

/** `asked for VERSION, the plugins of node1 say which versions they speak, that of the network among them`. */
export function cniSpeaks(node: string): Check {
  return {
    claim: `asked for VERSION, the plugins of ${node} say which versions they speak, that of the network among them`,
    look: bench => withNetwork(bench, node, async (network, { place }) => {
      const evidence: Evidence[] = []
      for (const plugin of network.plugins) {
        // Of all variables, VERSION comes with this one alone.
        const called = await call(place, network, plugin, { verb: 'VERSION', stdin: JSON.stringify({ cniVersion: network.cniVersion }) })
        if (!called.ok) {
          const { because } = refused(called, [called.evidence])
          return fail(because, called.evidence)
        }
        const versions = tried(() => readVersions(called.stdout))
        if ('because' in versions) return fail(`what ${plugin.type} prints after VERSION ${versions.because}`, called.evidence)
        if (!versions.includes(network.cniVersion)) return fail(`the network is in ${network.cniVersion}, and ${plugin.type} speaks ${versions.join(', ')}`, called.evidence)
        evidence.push(called.evidence)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('the network has no plugin')
      return pass(first, ...rest)
    }),
  }
}
