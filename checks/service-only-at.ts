import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { asking } from './asking.ts'
import { endsOf, type NamedEnd } from './ends.ts'
import { nameOf, say } from './explain.ts'
import { askedAt, listenersOf, once, questionAt, TIMES, type Asked, type Ends, type Service } from './service.ts'

/**
 * `no other port of 10.96.0.42 leads red and node1 to anybody`: neither the backends' own, where that is another, nor the next one.
 * Whether it is refused or silent is left open. At the Service's port they are answered in the same look.
 */
export function serviceOnlyAt(from: Ends, service: Service): Check {
  const [clients, asked] = [endsOf(from), askedAt(service)]
  return {
    claim: `no other port of ${asked.address} leads ${list(clients.map(end => end.name))} to anybody`,
    look: bench => look(bench, clients, asked),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], asked: Asked): Promise<Verdict> {
  const others = [...new Set([asked.targetPort, asked.port + 1])].filter(port => port !== asked.port)
  const answers = await asking(bench, listenersOf(asked), [
    ...clients.map(from => questionAt(from, asked, TIMES)),
    ...others.flatMap(port => clients.map(from => ({ from, to: asked.address, port, protocol: asked.protocol }))),
  ])
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  for (const { from, port, replies, evidence } of answers) {
    const found = replies.find(reply => reply.kind === 'ok' || reply.kind === 'lost' || reply.kind === 'wrong')
    if (port !== asked.port && found !== undefined) {
      return fail(`at port ${port} of ${asked.address} ${from.name} ${'by' in found ? `comes to ${nameOf(found.by)}` : 'is answered by something'}, and the Service has only port ${asked.port}`, ...evidence)
    }
    const silent = replies.find(reply => reply.kind !== 'ok')
    if (port === asked.port && silent !== undefined) return fail(`${from.name} is not answered at ${asked.says} either (${silent.kind === 'lost' ? `${nameOf(silent.by)} hears it` : say(silent)})`, ...evidence)
  }
  return pass(...once(answers.flatMap(({ evidence }) => evidence)))
}
