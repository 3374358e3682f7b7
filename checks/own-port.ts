import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asking, type Protocol, type Question } from './asking.ts'
import { endsOf } from './ends.ts'
import { nameOf } from './explain.ts'
import { holds, say, type Ends } from './node-port.ts'

export interface Port {
  readonly port: number
  readonly protocol?: Protocol
}

/** `web2 asks ext on port 31175, and ext itself answers`: what a node does for its own ports is not done to those of others. */
export function ownPort(from: Ends, to: Ends, ports: readonly Port[]): Check {
  const [clients, servers] = [endsOf(from), endsOf(to)]
  const named = ports.map(({ port, protocol = 'tcp' }) => `${protocol === 'udp' ? 'UDP ' : ''}port ${port}`)
  return {
    claim: `${list(clients.map(end => end.name))} ${clients.length === 1 ? 'asks' : 'ask'} ${list(servers.map(end => end.name))} on ${list(named)}, and ${servers.length === 1 ? `${servers[0]?.name ?? ''} itself answers` : 'each answers itself'}`,
    look: async bench => {
      const listeners = servers.flatMap(end => ports.map(({ port, protocol = 'tcp' }) => ({ end, port, protocol })))
      const questions = listeners.flatMap(({ end, port, protocol }) => clients.map((from): { end: typeof end; question: Question } => ({ end, question: { from, to: end.address, port, protocol } })))
      const answers = await asking(bench, listeners, questions.map(({ question }) => question))
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      for (const [index, answered] of answers.entries()) {
        const end = questions[index]?.end
        if (end === undefined) continue
        const [reply] = answered.replies
        if (reply.kind === 'ok' && holds(reply.by, end.address)) continue
        if (reply.kind === 'ok') return fail(`${answered.from.name} asks ${end.name} on ${answered.protocol === 'udp' ? 'UDP ' : ''}port ${answered.port}, and ${nameOf(reply.by)} answers: what was for ${end.address} was sent elsewhere`, ...answered.evidence)
        const { because, evidence } = await say(bench, { answered, node: end }, reply)
        return fail(because, ...evidence)
      }
      const [evidence, ...rest] = new Set(answers.flatMap(answered => answered.evidence))
      if (evidence === undefined) throw new Error('nothing was asked')
      return pass(evidence, ...rest)
    },
  }
}
