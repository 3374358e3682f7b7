import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import type { Answered } from './asking.ts'
import { readPorts } from './read/ports.ts'
import { ask, askedAt, disguised, namespacesOf, once, unanswered, TIMES, type Asked, type Service } from './service.ts'
import { tool } from './tool.ts'

/** A right Service is refused less often than this. */
const FALSE_ALARM = 1e-6

/**
 * `b1, b2 and b3 are answered at 10.96.0.42:29500, always, also by themselves`: each asks until it has been sent to itself, but for a chance of
 * one in a million for all of them, if choices are even; with three backends that is 64 times. Those who answer each other see each other; whom
 * one sees who answers itself is not asked: it cannot be itself.
 */
export function serviceHairpin(service: Service): Check {
  const asked = askedAt(service)
  const them = list(asked.backends.map(end => end.name))
  return {
    claim: asked.backends.length === 1 ? `${them} is answered at ${asked.says}, always, by itself` : `${them} are answered at ${asked.says}, always, also by themselves`,
    look: bench => look(bench, asked),
  }
}

async function look(bench: Bench, asked: Asked): Promise<Verdict> {
  const answers = await ask(bench, asked, asked.backends, timesFor(asked.backends.length))
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  const backends = await namespacesOf(bench, asked.backends)
  for (const answered of answers) {
    const missing = await unanswered(bench, asked, answered)
    if (missing !== undefined) {
      const own = answered.replies.some(reply => reply.kind === 'ok' && reply.by === answered.client) ? undefined : await portOf(bench, answered)
      return fail(own === undefined ? missing.because : `${missing.because}; ${own.says}`, ...missing.evidence, ...own === undefined ? [] : [own.evidence])
    }
    for (const reply of answered.replies) {
      if (reply.kind !== 'ok') continue
      const wrong = backends.has(reply.by) ? await disguised(bench, asked, answered, reply)
        : { because: `${reply.by.place.name} answers ${answered.from.name} at ${asked.says}`, evidence: answered.evidence }
      if (wrong !== undefined) return fail(wrong.because, ...wrong.evidence)
    }
    if (!answered.replies.some(reply => reply.kind === 'ok' && reply.by === answered.client)) {
      return fail(`of ${answered.replies.length} times that ${answered.from.name} asks at ${asked.says}, it is never sent to itself`, ...answered.evidence)
    }
  }
  return pass(...once(answers.flatMap(({ evidence }) => evidence)))
}

/** As often as it takes until nobody was left out by chance. */
function timesFor(backends: number): number {
  const missed = 1 - 1 / backends
  return backends === 1 ? TIMES : Math.max(TIMES, Math.ceil(Math.log(FALSE_ALARM / backends) / Math.log(missed)))
}

/** Whether the bridge that it is on sends a frame back by the port that it came from. */
async function portOf(bench: Bench, { client, from }: Answered): Promise<{ readonly says: string; readonly evidence: Evidence } | undefined> {
  const node = (await bench.namespaces(client.node)).find(one => one.own)
  const eth = client.links.find(link => link.addresses.some(held => held.split('/')[0] === from.address))
  const port = node?.links.find(link => link.index === eth?.peerIndex && link.master !== undefined)
  if (node === undefined || port === undefined) return undefined
  const { value, evidence } = await tool(node.place, ['bridge', '-j', '-d', 'link', 'show', 'dev', port.name], readPorts)
  const [found] = value
  return found === undefined ? undefined : { says: `${client.node} has ${found.hairpin ? 'hairpin on' : 'hairpin off'} at ${port.name}, ${from.name}'s port of ${port.master ?? 'the bridge'}`, evidence }
}
