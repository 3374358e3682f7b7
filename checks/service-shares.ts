import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { fewest, most } from './chance.ts'
import { endsOf, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { ask, askedAt, namespacesOf, once, unanswered, type Asked, type Ends, type Service } from './service.ts'

/** Connections, of all clients together: so many at first, and in all where those leave a doubt. */
const AT_FIRST = 600
const IN_ALL = 1500
/** A right Service is refused less often than this. */
const FALSE_ALARM = 1e-6
/** What is even passes a bound of the first ones so often, and is then asked more. */
const DOUBT = 0.2
/** A share may be off by so much of itself before chance comes in: 0.33 is a third. */
const TOLERANCE = 0.02

/**
 * `b1, b2 and b3 each get a third of what red, green and violet ask at 10.96.0.42:29500`. That is a statement about chance, and so is this:
 * 600 connections, as many from each client, and 1,500 if those leave a doubt. Each backend's number, of each client and of all, has to lie
 * between two bounds outside of which a Service that chooses evenly (a share may be off by 2 % of itself) is found less than once in a million
 * looks, with all the bounds of both rounds together: exact tails of the binomial distribution, the million divided among them. Three clients
 * and three backends: 108 to 229 of 500, and 392 to 612 of 1,500. The first round passes only what is far nearer to even than that; whatever
 * is between is a doubt. So chances of 1/3, 1/3 and the rest, which give 33, 22 and 44 %, are refused if all three nodes have them; on one node
 * only what is farther off is. One that takes turns passes, too. Every connection has to be answered: that is exact.
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
  const first = await round(bench, clients, asked, AT_FIRST)
  if ('verdict' in first) return first.verdict
  const far = outside(first.counted, asked, FALSE_ALARM / 2)
  if (far !== undefined || outside(first.counted, asked, DOUBT) === undefined) return verdictOf(far, first, asked)
  const more = await round(bench, clients, asked, IN_ALL - AT_FIRST)
  if ('verdict' in more) return more.verdict
  const all = {
    counted: first.counted.map((one, index) => together(one.who, [one, ...more.counted.slice(index, index + 1)])),
    evidence: [...first.evidence, ...more.evidence],
  }
  return verdictOf(outside(all.counted, asked, FALSE_ALARM / 2), all, asked)
}

interface Round {
  /** All clients together, and each. */
  readonly counted: readonly Counted[]
  readonly evidence: readonly Evidence[]
}

interface Counted {
  readonly who: string
  readonly n: number
  readonly counts: ReadonlyMap<string, number>
}

async function round(bench: Bench, clients: readonly NamedEnd[], asked: Asked, connections: number): Promise<Round | { readonly verdict: Verdict }> {
  const answers = await ask(bench, asked, clients, Math.ceil(connections / clients.length))
  if ('because' in answers) return { verdict: fail(answers.because, ...answers.evidence) }
  const backends = await namespacesOf(bench, asked.backends)
  const counted: Counted[] = []
  for (const answered of answers) {
    const missing = await unanswered(bench, asked, answered)
    if (missing !== undefined) return { verdict: fail(missing.because, ...missing.evidence) }
    const counts = new Map(asked.backends.map(end => [end.name, 0]))
    for (const reply of answered.replies) {
      if (reply.kind !== 'ok') continue
      const name = backends.get(reply.by)?.name
      if (name === undefined) return { verdict: fail(`${nameOf(reply.by)} answers ${answered.from.name} at ${asked.says}`, ...answered.evidence) }
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    counted.push({ who: answered.from.name, n: answered.replies.length, counts })
  }
  return {
    counted: clients.length === 1 ? counted : [together(list(clients.map(end => end.name)), counted), ...counted],
    evidence: answers.flatMap(one => one.evidence),
  }
}

function together(who: string, parts: readonly Counted[]): Counted {
  const names = new Set(parts.flatMap(({ counts }) => [...counts.keys()]))
  return {
    who, n: parts.reduce((sum, { n }) => sum + n, 0),
    counts: new Map([...names].map(name => [name, parts.reduce((sum, { counts }) => sum + (counts.get(name) ?? 0), 0)])),
  }
}

interface Outside extends Counted {
  readonly name: string
  readonly low: number
  readonly high: number
}

/** The first count that even choices pass less often than `chance`, of all bounds together. */
function outside(counted: readonly Counted[], asked: Asked, chance: number): Outside | undefined {
  for (const one of counted) {
    const bounds = boundsOf(one.n, asked.backends.length, chance / tails(counted, asked))
    const name = [...one.counts].find(([, count]) => count < bounds.low || count > bounds.high)?.[0]
    if (name !== undefined) return { ...one, name, ...bounds }
  }
  return undefined
}

function tails(counted: readonly Counted[], { backends }: Asked): number {
  return 2 * backends.length * counted.length
}

function verdictOf(far: Outside | undefined, { counted, evidence }: Round, asked: Asked): Verdict {
  const bounds = tails(counted, asked)
  const tally: Evidence = {
    place: 'counted', argv: ['connections', asked.says], exitCode: 0, stderr: '', ms: 0,
    stdout: [
      ...counted.map(({ who, n, counts }) => {
        const { low, high } = boundsOf(n, asked.backends.length, FALSE_ALARM / 2 / bounds)
        return `${who}: ${shown(counts)} of ${n}, ${low} to ${high} each\n`
      }),
      `Where each backend has an even chance, one of these ${bounds} bounds is passed less than once in ${(1 / FALSE_ALARM).toLocaleString('en')} looks.\n`,
    ].join(''),
  }
  const seen = once([tally, ...evidence])
  if (far === undefined) return pass(...seen)
  const { who, n, counts, name, low, high } = far
  const asks = counted.length > 1 && who === counted[0]?.who ? 'ask' : 'asks'
  return fail(`of ${n} times that ${who} ${asks}, ${name} is sent ${counts.get(name) ?? 0}, where ${low} to ${high} could be chance: ${shown(counts)}`, ...seen)
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
