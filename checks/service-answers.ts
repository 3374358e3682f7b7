import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endsOf, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { ask, askedAt, disguised, either, namespacesOf, once, unanswered, type Asked, type Ends, type Service } from './service.ts'

/**
 * `red and node1 are answered at 10.96.0.42:29500, always, by b1, b2 or b3, which sees who asks`: every connection of every client,
 * 64 each, so that a way that fails for one backend of three, or for one connection in five, shows: it is missed less than once in a million
 * looks, (4/5)^64. A node that asks may be seen by any address of its own.
 */
export function serviceAnswers(from: Ends, service: Service): Check {
  const [clients, asked] = [endsOf(from), askedAt(service)]
  const [are, s] = clients.length === 1 ? ['is', ''] : ['are', '']
  return {
    claim: `${list(clients.map(end => end.name))} ${are} answered at ${asked.says}, always${s}, by ${either(asked.backends)}, which sees who asks`,
    look: bench => look(bench, clients, asked),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], asked: Asked): Promise<Verdict> {
  const answers = await ask(bench, asked, clients)
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  const backends = await namespacesOf(bench, asked.backends)
  for (const answered of answers) {
    const missing = await unanswered(bench, asked, answered)
    if (missing !== undefined) return fail(missing.because, ...missing.evidence)
    for (const reply of answered.replies) {
      if (reply.kind !== 'ok') continue
      if (!backends.has(reply.by)) return fail(`${nameOf(reply.by)} answers ${answered.from.name} at ${asked.says}, and not ${either(asked.backends)}`, ...answered.evidence)
      const wrong = await disguised(bench, asked, answered, reply)
      if (wrong !== undefined) return fail(wrong.because, ...wrong.evidence)
    }
  }
  return pass(...once(answers.flatMap(({ evidence }) => evidence)))
}
