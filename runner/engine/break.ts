// `lab break`: one fault of the lab's stock in a finished lab, for a learner to find. The journal has the fault's number, not
// its name: nobody finds out by reading what scrolls by.
import { setTimeout as pause } from 'node:timers/promises'
import type { StepVerdicts } from '../core/events.ts'
import { Unable } from '../core/mistake.ts'
import type { Node } from '../core/provider.ts'
import type { Judged } from '../core/verdict.ts'
import { makeBench } from './bench.ts'
import type { LoadedLab } from './course.ts'
import { bringToEnd } from './diff/index.ts'
import { Journal } from './journal.ts'
import { judgeAll, LOOK_MS, PATIENCE_MS } from './judge.ts'
import { differences, snapshots } from './proof.ts'
import { benchOf, checksOf, history, judgeSteps, lastingSteps, record, type Session } from './session.ts'
import { shells } from './shell.ts'
import { onSpareNodes } from './spare.ts'
import { stock, type Fault } from './stock.ts'

/** The same order for the same seed, on every machine. */
export function shuffled<T>(all: readonly T[], seed: number): readonly T[] {
  const random = numbersFrom(seed)
  return all.map(one => ({ one, key: random() })).toSorted((a, b) => a.key - b.key).map(({ one }) => one)
}

/** Mulberry32: small, and good enough to shuffle. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a deed came to. */
export type Effect =
  /** Claims do not hold any more: it is a fault. `whole`: the deed went through. */
  | { readonly kind: 'broke'; readonly claims: readonly string[]; readonly whole: boolean }
  /** Every claim still holds. */
  | { readonly kind: 'nothing' }
  /** It did not go through, because what it starts from is not there. `left`: it has changed something nevertheless. */
  | { readonly kind: 'failed'; readonly because: string; readonly left: boolean }

/** Does it, and looks, twice: a network that only trembles is not broken. */
export async function inject(fault: Fault, nodes: readonly Node[], judge: () => Promise<readonly Judged[]>): Promise<Effect> {
  const before = await snapshots(nodes)
  const because = await fault.deed(shells(nodes)).then(() => undefined, (error: unknown) => error instanceof Error ? error.message : String(error))
  const first = failing(await judge())
  if (first.length > 0) await pause(PATIENCE_MS)
  const claims = first.length === 0 ? first : failing(await judge())
  // Half of a deed can break a network as well as the whole.
  if (claims.length > 0) return { kind: 'broke', claims, whole: because === undefined }
  if (because === undefined) return { kind: 'nothing' }
  return { kind: 'failed', because, left: differences(before, await snapshots(nodes)).length > 0 }
}

function failing(judged: readonly Judged[]): readonly string[] {
  return [...new Set(judged.filter(({ verdict }) => verdict.status === 'fail').map(({ claim }) => claim))]
}

export type Broke =
  | { readonly kind: 'broke'; readonly claims: readonly string[]; readonly residue: boolean }
  /** What does not hold, so that there is nothing to break. */
  | { readonly kind: 'unfinished'; readonly steps: readonly StepVerdicts[] }
  | { readonly kind: 'already'; readonly since: number }

/**
 * Does the first fault, in the order that the seed gives, that makes a claim fail. Each is tried on spare nodes first, where the
 * lesson has been done to its end: what fails there, or breaks nothing, is not done to a learner's network, which has no undo.
 */
export async function breakLab(session: Session, seed: number, signal: AbortSignal): Promise<Broke> {
  const { home, loaded, provider } = session
  const journal = new Journal(home, loaded.slug)
  const before = history(journal.events())
  const ids = loaded.lesson.steps.map(step => step.id)
  const steps = await judgeSteps(session, ids, { patienceMs: PATIENCE_MS, explains: false })
  record(session, journal, before, steps)
  const unfinished = steps.filter(step => step.status !== 'pass')
  const { broken } = history(journal.events())
  if (broken?.mended === false) return { kind: 'already', since: broken.since }
  if (unfinished.length > 0) return { kind: 'unfinished', steps: unfinished }
  const nodes = await provider.nodes(loaded.slug)
  const checks = checksOf(lastingSteps(loaded))
  let residue = false
  for (const fault of shuffled(stock(loaded), seed)) {
    const tried = await onSpareNodes(session, signal, spare => tryOn(loaded, fault, spare))
    if (tried.kind !== 'broke' || !tried.whole) continue
    const effect = await inject(fault, nodes, () => judgeAll(checks, () => benchOf(session), { explains: false }))
    residue ||= effect.kind === 'nothing' || (effect.kind === 'failed' && effect.left)
    if (effect.kind !== 'broke') continue
    journal.write({ kind: 'broke', seed, fault: fault.number, claims: effect.claims })
    return { kind: 'broke', claims: effect.claims, residue }
  }
  throw new Unable(`nothing that ${loaded.slug} has in stock breaks it as it is now`)
}

/** On nodes where the whole lesson is done. */
export async function tryOn(loaded: LoadedLab, fault: Fault, spare: readonly Node[]): Promise<Effect> {
  const last = loaded.lesson.steps.at(-1)
  if (last === undefined) throw new Unable(`${loaded.slug} has no steps`)
  await bringToEnd(loaded, last.id, spare)
  const checks = checksOf(lastingSteps(loaded))
  return inject(fault, spare, () => judgeAll(checks, () => Promise.resolve(makeBench(spare, loaded.topology)), { leastMs: LOOK_MS, explains: false }))
}
