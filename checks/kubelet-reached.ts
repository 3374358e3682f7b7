import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { askKubelets, lastWords, messageOf } from './api.ts'

/** `the API server reaches the kubelets of node-0 and node-1`: as it has to for logs, exec and port-forward. Each verifies the other, or it fails. */
export function kubeletReached(nodes: NonEmpty<string>): Check {
  return {
    claim: `the API server reaches the kubelets of ${list(nodes)}, and they let it in, as for logs and exec`,
    look: async bench => {
      const asked = await askKubelets(bench, nodes, '/healthz')
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      for (const { node, code, body } of asked.said) {
        if (code === 200 && body === 'ok') continue
        const log = await lastWords(bench, node, 'kubelet', '^F|^E|rror')
        const words = /refused|timeout|no route/.test(messageOf(body)) && log.words !== '' ? `; its log: ${log.words}` : ''
        return fail(`by the kubelet of ${node} it is told ${code}: ${messageOf(body)}${words}`, asked.evidence, log.evidence)
      }
      return pass(asked.evidence)
    },
  }
}
