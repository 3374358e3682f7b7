import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asking } from './asking.ts'
import { endOf, endsOf, type End } from './ends.ts'
import { nameOf } from './explain.ts'
import { anyOf, holds, say, type NodePort } from './node-port.ts'

/**
 * `node1 asks 127.0.0.1:31175, and either the agent or exporter answers`: where a program of the node's listens on the number of a node
 * port, whoever asks there has an answer, of one or of the other. Which, Kubernetes leaves open.
 */
export function loopbackPort(node: End, program: string, service: NodePort): Check {
  const [asker, pods] = [endOf(node), endsOf(service.pods)]
  return {
    claim: `${asker.name} asks 127.0.0.1:${service.port}, and ${program} or ${anyOf(pods)} answers`,
    look: async bench => {
      const answers = await asking(bench, [], [{ from: asker, to: '127.0.0.1', port: service.port, protocol: 'tcp' }])
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const [answered] = answers
      if (answered === undefined) throw new Error('nothing was asked')
      const [reply] = answered.replies
      if (reply.kind === 'ok') {
        const right = reply.by.own || pods.some(pod => holds(reply.by, pod.address))
        return right ? pass(...answered.evidence) : fail(`${nameOf(reply.by)} answers`, ...answered.evidence)
      }
      const { because, evidence } = await say(bench, { answered, node: { ...asker, name: '127.0.0.1' } }, reply)
      return fail(because, ...evidence)
    },
  }
}
