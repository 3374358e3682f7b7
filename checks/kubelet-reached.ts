import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type NonEmpty } from '../runner/core/verdict.ts'
import { askApi, lastWords, messageOf } from './api.ts'

/** `the API server reaches the kubelets of node-0 and node-1`: as it has to for logs, exec and port-forward. Each verifies the other, or it fails. */
export function kubeletReached(nodes: NonEmpty<string>): Check {
  return {
    claim: `the API server reaches the kubelets of ${list(nodes)}, and they let it in, as for logs and exec`,
    look: async bench => {
      const [first, ...rest] = nodes.map(node => `/api/v1/nodes/${node}/proxy/healthz`)
      if (first === undefined) throw new Error('expected a node')
      const asked = await askApi(bench, first, ...rest)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      for (const [index, node] of nodes.entries()) {
        const got = asked.got[index]
        if (got?.code === 200 && got.body === 'ok') continue
        const log = await lastWords(bench, node, 'kubelet', '^F|^E|rror')
        const words = /refused|timeout|no route/.test(messageOf(got?.body)) && log.words !== '' ? `; its log: ${log.words}` : ''
        return fail(`by the kubelet of ${node} it is told ${got?.code ?? 'nothing'}: ${messageOf(got?.body)}${words}`, asked.evidence, log.evidence)
      }
      return pass(asked.evidence)
    },
  }
}
