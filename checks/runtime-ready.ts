import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { runtimeOf } from './cri.ts'

/** `containerd on node1 says that the network of pods is ready`: NetworkReady, as a kubelet asks for it. */
export function runtimeReady(node: string): Check {
  return {
    claim: `containerd on ${node} says that the network of pods is ready`,
    look: async bench => {
      const asked = await runtimeOf(bench, node)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const { runtime: { network, loaded }, evidence } = asked
      if (network.ready) return pass(evidence)
      const said = network.message.replace('Network plugin returns error: ', '')
      // The first is what a node's status shows; the second, only containerd's own information and its log.
      return fail(`NetworkReady is false: ${said}${loaded === 'OK' || loaded === '' ? '' : `. Of its configurations containerd says: ${loaded.replace(/^cni config load failed: /, '')}`}`, evidence)
    },
  }
}
