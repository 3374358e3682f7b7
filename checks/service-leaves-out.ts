import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { asking } from './asking.ts'
import { endOf, endsOf, type End, type NamedEnd } from './ends.ts'
import { say } from './explain.ts'
import { askedAt, listenersOf, namespacesOf, once, questionAt, TIMES, type Asked, type Ends, type Service } from './service.ts'

/**
 * `old, which answers at 10.244.3.3:5140, gets nothing of what red and node1 ask at 10.96.0.43:5140/udp`: new connections, 64 of each
 * client, so that one of two is missed less than once in 10^19 looks, and one part in five less than once in a million. It is up, or there would be
 * nothing to see: the same clients are answered by it where it is. What they hear at the Service is not asked here.
 */
export function serviceLeavesOut(from: Ends, service: Service, gone: End): Check {
  const [clients, asked, old] = [endsOf(from), askedAt(service), endOf(gone)]
  return {
    claim: `${old.name}, which answers at ${old.address}:${asked.targetPort}, gets nothing of what ${list(clients.map(end => end.name))} ask${clients.length === 1 ? 's' : ''} at ${asked.says}`,
    look: bench => look(bench, clients, asked, old),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], asked: Asked, old: NamedEnd): Promise<Verdict> {
  const { targetPort: port, protocol } = asked
  const answers = await asking(bench, [...listenersOf(asked), { end: old, port, protocol }], [
    ...clients.map(from => questionAt(from, asked, TIMES)),
    ...clients.map(from => ({ from, to: old.address, port, protocol })),
  ])
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  const named = await namespacesOf(bench, [old])
  for (const { from, to, replies, evidence } of answers) {
    const came = replies.filter(reply => (reply.kind === 'ok' || reply.kind === 'lost') && named.has(reply.by))
    if (to === asked.address && came.length > 0) return fail(`of ${replies.length} times that ${from.name} asks at ${asked.says}, ${came.length} are sent to ${old.name}`, ...evidence)
    const [reply] = replies
    if (to === old.address && (reply.kind !== 'ok' || came.length === 0)) {
      return fail(`${old.name} does not answer ${from.name} at ${old.address}:${port} (${reply.kind === 'lost' ? 'its answer does not come back' : say(reply)}): nobody could see what is sent to it`, ...evidence)
    }
  }
  return pass(...once(answers.flatMap(({ evidence }) => evidence)))
}
