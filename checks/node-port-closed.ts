import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asking } from './asking.ts'
import { endOf, type End } from './ends.ts'
import { listenersOf, say, type NodePort } from './node-port.ts'

/**
 * `port 30080 of node1 leads ext nowhere, while that of node2 does not`: refused or not answered. The other node is the control: whom ext
 * does not reach there either is not closed to ext, but gone.
 */
export function nodePortClosed(from: End, node: End, service: NodePort, openNode: End): Check {
  const [client, closed, open] = [endOf(from), endOf(node), endOf(openNode)]
  return {
    claim: `port ${service.port} of ${closed.name} leads ${client.name} nowhere, and that of ${open.name} somewhere`,
    look: async bench => {
      const answers = await asking(bench, listenersOf(service), [closed, open].map(end => ({ from: client, to: end.address, port: service.port, protocol: 'tcp', times: 4 })))
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const [shut, control] = answers
      if (shut === undefined || control === undefined) throw new Error('nothing was asked')
      const silent = control.replies.find(({ kind }) => kind !== 'ok')
      if (silent !== undefined) {
        const { because, evidence } = await say(bench, { answered: control, node: open }, silent)
        return fail(because, ...evidence)
      }
      // What comes to a pod went through, whether or not the answer found its way back.
      const through = shut.replies.find(({ kind }) => kind !== 'refused' && kind !== 'timeout' && kind !== 'unreachable')
      if (through === undefined) return pass(...shut.evidence, ...control.evidence)
      const { because, evidence } = await say(bench, { answered: shut, node: closed }, through)
      return fail(because, ...evidence)
    },
  }
}
