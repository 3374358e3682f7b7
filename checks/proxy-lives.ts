import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { curlSays, lastWords } from './api.ts'
import { inTime } from './in-time.ts'

/** `kube-proxy on node-0 and node-1 is alive`: rules that are there outlive who wrote them, and nothing fails until something changes. */
export function proxyLives(nodes: NonEmpty<string>): Check {
  return {
    claim: `kube-proxy on ${list(nodes)} is alive, and follows what changes`,
    look: async bench => {
      const evidence: Evidence[] = []
      for (const node of nodes) {
        const asked = await bench.place(node).exec(['curl', '-sSf', '--max-time', '4', 'http://127.0.0.1:10256/livez'])
        evidence.push(asked)
        if (asked.exitCode === 0) continue
        await inTime(bench.place(node), asked, ['127.0.0.1', 10256])
        const log = await lastWords(bench, node, 'kube-proxy', '^[EF][0-9]')
        return fail(`that of ${node} does not answer: ${curlSays(asked)}${log.words === '' ? '' : `; its log: ${log.words}`}. What rules there are stay as they are`, asked, log.evidence)
      }
      const [first, ...rest] = evidence
      if (first === undefined) throw new Error('expected a node')
      return pass(first, ...rest)
    },
  }
}
