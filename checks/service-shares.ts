import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { fewest, most } from './chance.ts'
import { endsOf, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { ask, askedAt, namespacesOf, once, unanswered, type Asked, type Ends, type Service } from './service.ts'

/** Connections, of all clients together. */
const SAMPLE = 1500
/** A right Service is refused less often than this. */
const FALSE_ALARM = 1e-6
/** A share may be off by so much of itself before chance comes in: 0.33 is a third. */
const TOLERANCE = 0.02

/**
 * `b1, b2 and b3 each get a third of what red, green and violet ask at 10.96.0.42:29500`. That is a statement about chance, and so is this:
 * 1,500 connections, as many from each client. Each backend's number, of each client and of all, has to lie between two bounds
 * outside of which a Service that chooses evenly (a share may be off by 2 % of itself) is found less than once in a million looks, with
 * all the bounds together: exact tails of the binomial distribution, the million divided among them. Three clients and three backends: 109 to 228
 * of 500, and 394 to 610 of 1,500. Chances of 1/3, 1/3 and the rest, which give 33, 22 and 44 %, are refused if all three nodes have them; on
 * one node only what is farther off is. One that takes turns passes, too. Every connection has to be answered: that is exact.
 */
export function serviceShares(from: Ends, service: Service): Check {
  const [clients, asked] = [endsOf(from), askedAt(service)]
  const share = { 1: 'all', 2: 'half', 3: 'a third', 4: 'a quarter' }[asked.backends.length] ?? `one part in ${asked.backends.length}`
  return {
    claim: `${list(asked.backends.map(end => end.name))} ${asked.backends.length === 1 ? 'gets' : 'each get'} ${share} of what ${list(clients.map(end => end.name))} ask${clients.length === 1 ? 's' : ''} at ${asked.says}`,
    look: bench => look(bench, clients, asked),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], asked: Asked): Promise<Verdict> {
  const each = Math.ceil(SAMPLE / clients.length)
  const answers = await ask(bench, asked, clients, each)
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  const backends = await namespacesOf(bench, asked.backends)
  const counted: Counted[] = []
  for (const answered of answers) {
    const missing = await unanswered(bench, asked, answered)
    if (missing !== undefined) return fail(missing.because, ...missing.evidence)
    const counts = new Map(asked.backends.map(end => [end.name, 0]))
    for (const reply of answered.replies) {
      if (reply.kind !== 'ok') continue
      const name = backends.get(reply.by)?.name
      if (name === undefined) return fail(`${nameOf(reply.by)} answers ${answered.from.name} at ${asked.says}`, ...answered.evidence)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    counted.push({ who: answered.from.name, n: answered.replies.length, counts })
  }
  const total: Counted = {
    who: list(clients.map(end => end.name)), n: counted.reduce((sum, { n }) => sum + n, 0),
    counts: new Map(asked.backends.map(({ name }) => [name, counted.reduce((sum, { counts }) => sum + (counts.get(name) ?? 0), 0)])),
  }
  const samples = clients.length === 1 ? counted : [total, ...counted]
  const tails = 2 * asked.backends.length * samples.length
  const judged = samples.map(sample => ({ ...sample, ...boundsOf(sample.n, asked.backends.length, FALSE_ALARM / tails) }))
  const tally: Evidence = {
    place: 'counted', argv: ['connections', asked.says], exitCode: 0, stderr: '', ms: 0,
    stdout: [
      ...judged.map(({ who, n, counts, low, high }) => `${who}: ${shown(counts)} of ${n}, ${low} to ${high} each\n`),
      `Where each backend has an even chance, one of these ${tails} bounds is passed less than once in ${(1 / FALSE_ALARM).toLocaleString('en')} looks.\n`,
    ].join(''),
  }
  const evidence = once([tally, ...answers.flatMap(one => one.evidence)])
  for (const { who, n, counts, low, high } of judged) {
    const wrong = [...counts].find(([, count]) => count < low || count > high)
    if (wrong === undefined) continue
    return fail(`of ${n} times that ${who} ask${who === total.who && clients.length > 1 ? '' : 's'}, ${wrong[0]} is sent ${wrong[1]}, where ${low} to ${high} could be chance: ${shown(counts)}`, ...evidence)
  }
  return pass(...evidence)
}

interface Counted {
  readonly who: string
  readonly n: number
  readonly counts: ReadonlyMap<string, number>
}

/** What one backend of so many may get of `n`. */
export function boundsOf(n: number, backends: number, chance: number): { readonly low: number; readonly high: number } {
  const share = 1 / backends
  if (backends === 1) return { low: n, high: n }
  return { low: fewest(n, share * (1 - TOLERANCE), chance), high: most(n, share * (1 + TOLERANCE), chance) }
}

function shown(counts: ReadonlyMap<string, number>): string {
  return list([...counts].map(([name, count]) => `${name} ${count}`))
}
