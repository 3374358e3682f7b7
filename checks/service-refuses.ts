import { setTimeout as pause } from 'node:timers/promises'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { asking, type Answered, type Protocol } from './asking.ts'
import { endsOf, type Missing, type NamedEnd } from './ends.ts'
import { nameOf, say } from './explain.ts'
import { askedAt, listenersOf, once, questionAt, type Asked, type Ends, type Service } from './service.ts'

/** A kernel sends no more than six ICMP errors to one address in a row, and then one a second (`icmp_ratelimit`): whoever asked a moment ago may go without. */
const ANOTHER_MS = 1_100

export interface Empty {
  readonly at: string
  /** Default: TCP. */
  readonly protocol?: Protocol
}

/**
 * `red and node1 are refused at 10.96.0.44:9100 at once, and answered at 10.96.0.42:29500`: a Service without endpoints says so, by a
 * reset or "port unreachable", as if nobody listened; whoever has to wait for nothing cannot tell it from a network that is broken. The other
 * Service shows that the client's questions get out, and that not everything is refused.
 */
export function serviceRefuses(from: Ends, empty: Empty, still: Service): Check {
  const [clients, asked, other] = [endsOf(from), askedAt({ ...empty, backends: still.backends, targetPort: still.targetPort }), askedAt(still)]
  return {
    claim: `${list(clients.map(end => end.name))} ${clients.length === 1 ? 'is' : 'are'} refused at ${asked.says} at once, and answered at ${other.says}`,
    look: bench => look(bench, clients, asked, other),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], empty: Asked, still: Asked): Promise<Verdict> {
  const ask = (from: NamedEnd, asked: Asked): ReturnType<typeof questionAt> => questionAt(from, asked, 1)
  const first = await asking(bench, listenersOf(still), clients.flatMap(from => [ask(from, empty), ask(from, still)]))
  if ('because' in first) return fail(first.because, ...first.evidence)
  const answers = await again(bench, still, first)
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  for (const { from, to, port, replies: [reply], evidence } of answers) {
    const how = reply.kind === 'lost' ? `${nameOf(reply.by)} hears it` : reply.kind === 'ok' ? `${nameOf(reply.by)} answers` : say(reply)
    const isEmpty = to === empty.address && port === empty.port
    if (isEmpty && reply.kind !== 'refused') return fail(`${from.name} is not refused at ${empty.says}: ${how}`, ...evidence)
    if (!isEmpty && reply.kind !== 'ok') return fail(`${from.name} is not answered at ${still.says} either (${how})`, ...evidence)
  }
  return pass(...once(answers.flatMap(({ evidence }) => evidence)))
}

/** Whoever heard nothing asks once more. */
async function again(bench: Bench, still: Asked, answers: readonly Answered[]): Promise<readonly Answered[] | Missing> {
  const silent = answers.filter(({ replies: [reply] }) => reply.kind === 'timeout')
  if (silent.length === 0) return answers
  await pause(ANOTHER_MS)
  const second = await asking(bench, listenersOf(still), silent.map(({ from, to, port, protocol }) => ({ from, to, port, protocol })))
  return 'because' in second ? second : answers.map(one => second[silent.indexOf(one)] ?? one)
}
