import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { lastWords } from './api.ts'
import { conditionsOf, NO_CNI, silence, type Ready } from './node-conditions.ts'

/** `node-0 and node-1 are Ready`. Where the runtime has no network its own log says why. */
export function nodesReady(nodes: NonEmpty<string>): Check {
  return {
    claim: `${list(nodes)} are Ready: their runtimes have read a configuration of CNI`,
    look: async bench => {
      const found = await conditionsOf(bench, nodes)
      if ('because' in found) return fail(found.because, ...found.evidence)
      for (const ready of found.all) {
        if (ready.status === 'True') continue
        const why = await whyNot(bench, ready)
        return fail(why.because, found.evidence, why.evidence)
      }
      return pass(found.evidence)
    },
  }
}

async function whyNot(bench: Bench, { node, status, lacks }: Ready): Promise<{ readonly because: string; readonly evidence: Evidence }> {
  if (status === undefined || status === 'Unknown') return silence(bench, node)
  const because = `${node} is not ready: ${lacks.join(', ')}`
  const log = await lastWords(bench, node, 'containerd', 'cni config|load cni')
  return { because: lacks.some(one => NO_CNI.test(one)) && log.words !== '' ? `${because}; containerd's log: ${log.words}` : because, evidence: log.evidence }
}
