// Looks, and makes a verdict of whatever comes of it: anything thrown becomes `unknown`.
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench, Check } from '../core/bench.ts'
import { CouldNotLook, overall, unknown, type Judged, type Status, type Verdict } from '../core/verdict.ts'
import { forOneLook } from './bench.ts'

export interface Judging {
  /** Milliseconds that a look is given before it is `unknown`, where its check asks for less. For whoever does much else at once. Default: 0. */
  readonly leastMs?: number
  /** How long a failing claim is looked at again: networks take a moment to become what they were told to be. */
  readonly patienceMs?: number
  /** Whether failures are explained, which takes a while. Default: yes, by the last look. */
  readonly explains?: boolean
  /** Whether patience may end with this look. Default: when all pass. */
  readonly enough?: (judged: readonly Judged[]) => boolean
}

const DEADLINE_MS = 20_000
/** What each look is given at least on nodes of the runner's own: while as many benches run as this machine can bear, it takes several times as long as it would alone. */
export const LOOK_MS = 180_000
/** How right ways are waited for there: a right network takes a moment to become one, and daemons that missed each other try again after 5 s. */
export const RIGHT: Judging = { patienceMs: 10_000, leastMs: LOOK_MS }
const BETWEEN_LOOKS_MS = 50

/**
 * How long `lab check` waits for a claim to become true. A network that was told something a moment ago takes a
 * moment to become it, and a wrong one has to stay wrong for as long in the proof.
 */
export const PATIENCE_MS = 600

export async function judge(check: Check, bench: Bench, leastMs = 0): Promise<Verdict> {
  const deadline = new AbortController()
  const deadlineMs = Math.max(check.deadlineMs ?? DEADLINE_MS, leastMs)
  try {
    return await Promise.race([
      check.look(bench),
      pause(deadlineMs, unknown(`no answer after ${deadlineMs / 1000} s`), { signal: deadline.signal }),
    ])
  } catch (error) {
    if (error instanceof CouldNotLook) return unknown(error.message, ...error.evidence)
    return unknown(error instanceof Error ? error.message : String(error))
  } finally {
    deadline.abort()
  }
}

/** Judges all checks at once, each look on a bench of its own making, until it is enough or patience ends. */
export async function judgeAll(checks: readonly Check[], bench: () => Promise<Bench>, judging: Judging = {}): Promise<readonly Judged[]> {
  const { patienceMs = 0, explains = true, leastMs, enough = judged => status(judged) === 'pass' } = judging
  const until = performance.now() + patienceMs
  for (;;) {
    const last = performance.now() >= until
    // All of them: what held a moment ago may not any more, and a step is true as a whole or not at all.
    const judged = await look(checks, last && explains ? await bench() : unexplained(await bench()), leastMs)
    if (last || enough(judged)) return judged
    await pause(BETWEEN_LOOKS_MS)
  }
}

/** For a look that counts and is not read. */
function unexplained(bench: Bench): Bench {
  return { ...bench, trace: undefined }
}

async function look(checks: readonly Check[], at: Bench, leastMs?: number): Promise<readonly Judged[]> {
  const bench = forOneLook(at)
  try {
    return await Promise.all(checks.map(async check => ({ claim: check.claim, verdict: await judge(check, bench, leastMs) })))
  } finally {
    await bench.end()
  }
}

/** Judges once, after as long as `lab check` is patient: what is wrong only while it comes up is not wrong. */
export async function judgeLate(checks: readonly Check[], bench: () => Promise<Bench>, leastMs?: number): Promise<readonly Judged[]> {
  await pause(PATIENCE_MS)
  return look(checks, unexplained(await bench()), leastMs)
}

export function status(judged: readonly Judged[]): Status {
  return overall(judged.map(({ verdict }) => verdict.status))
}
