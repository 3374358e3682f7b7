// A learner's lab: start, stop, judge, solve, go to. Each flow reads as a list.
import type { Bench, Check } from '../core/bench.ts'
import type { Event, StepVerdicts } from '../core/events.ts'
import type { Step } from '../core/lab.ts'
import type { LessonStep } from '../core/lesson.ts'
import { Unable, Usage } from '../core/mistake.ts'
import type { Node, Problem, Progress, Provider } from '../core/provider.ts'
import { printedSolution } from '../core/agree.ts'
import { quoted, nearest } from '../core/quoted.ts'
import { makeBench } from './bench.ts'
import { breaking, type Breaking } from './breaking.ts'
import type { LoadedLab } from './course.ts'
import { Journal } from './journal.ts'
import { judge, judgeAll, status, type Judging } from './judge.ts'
import { alone } from './lock.ts'
import type { Judged, Verdict } from '../core/verdict.ts'
import { recordProgress } from './progress.ts'

export interface Session {
  readonly home: string
  readonly provider: Provider
  readonly loaded: LoadedLab
}

export interface StepOf {
  readonly text: LessonStep
  readonly step: Step
}

/** Steps in the lesson's order, each with what lab.ts says of it. */
export function stepsOf(loaded: LoadedLab): readonly StepOf[] {
  return loaded.lesson.steps.map(text => {
    const step = loaded.lab.steps[text.id]
    if (step === undefined) throw new Unable(`${loaded.slug} has no step ${text.id}`)
    return { text, step }
  })
}

/** Those whose claims hold when the whole lesson has been done: no later one replaces them. */
export function lastingSteps(loaded: LoadedLab): readonly StepOf[] {
  const steps = stepsOf(loaded)
  return steps.filter(({ text }) => !steps.some(({ step }) => step.replaces?.includes(text.id)))
}

/** Starts fresh nodes and brings them to the beginning of `upTo`, or of the lab. */
export async function start(session: Session, progress: Progress, signal: AbortSignal, upTo?: string): Promise<readonly Node[]> {
  const { home, provider, loaded } = session
  await works(provider)
  await provider.prepare(progress)
  return alone(home, loaded.slug, async () => {
    await provider.leftovers({ remove: true })
    await provider.down(loaded.slug)
    const journal = new Journal(home, loaded.slug)
    journal.begin()
    await provider.up(loaded.slug, loaded.topology, {
      signal, keep: true,
      setUp: async () => bringTo(loaded, await provider.nodes(loaded.slug), upTo),
    })
    const nodes = await provider.nodes(loaded.slug)
    journal.write({ kind: 'started', provider: provider.name, nodes: loaded.topology.nodes.map(node => node.name) })
    if (upTo !== undefined) {
      journal.write({ kind: 'went', step: upTo })
      const ids = loaded.lesson.steps.map(step => step.id)
      for (const step of ids.slice(0, ids.indexOf(upTo))) journal.write({ kind: 'solved', step })
    }
    return nodes
  })
}

/** Sets up, then replays the solutions of the steps before `upTo`. */
export async function bringTo(loaded: LoadedLab, nodes: readonly Node[], upTo?: string): Promise<void> {
  if (loaded.lab.setup !== undefined) await setUp(loaded, nodes)
  if (upTo === undefined) return
  for (const { text, step } of stepsOf(loaded)) {
    if (text.id === upTo) return
    await solve(text, step, nodes)
  }
}

/** What an author's function does not manage is no fault of this program: it is said whose it is, with what was said of it. */
async function setUp({ slug, lab }: LoadedLab, nodes: readonly Node[]): Promise<void> {
  const { shells } = await import('./shell.ts')
  try {
    await lab.setup?.(shells(nodes))
  } catch (error) {
    if (error instanceof Unable) throw error
    throw new Unable(`\`setup\` in lab.ts of ${slug} failed: ${(error instanceof Error ? error.message : String(error)).trim()}`)
  }
}

/** Does what the lesson prints, or what lab.ts has where it prints nothing. */
export async function solve(text: LessonStep, step: Step, nodes: readonly Node[]): Promise<void> {
  // zx is loaded by what types, not by what only looks.
  const { shells, type } = await import('./shell.ts')
  await type(printedSolution(text), nodes)
  await step.solution?.(shells(nodes))
}

/** Fresh nodes at the beginning of a step, or of the lab. */
export async function startAfresh(session: Session, progress: Progress, signal: AbortSignal, step?: string): Promise<void> {
  await start(session, progress, signal, step)
  if (step === undefined) new Journal(session.home, session.loaded.slug).write({ kind: 'reset' })
}

/** Grades the answer to a question on the nodes as they are now. Undefined: nothing is asked that is called so. */
export async function gradeAnswer(session: Session, name: string, value: string): Promise<Verdict | undefined> {
  const grader = stepsOf(session.loaded).map(({ step }) => step.answers?.[name]).find(one => one !== undefined)
  if (grader === undefined) return undefined
  const verdict = await judge({ claim: name, look: bench => grader.grade(bench, value.trim()) }, await benchOf(session))
  new Journal(session.home, session.loaded.slug).write({ kind: 'answered', name, value: value.slice(0, 200), status: verdict.status })
  return verdict
}

export async function stop(home: string, provider: Provider, lab: string): Promise<void> {
  await alone(home, lab, async () => {
    const there = (await provider.running()).some(running => running.lab === lab)
    await provider.down(lab)
    await provider.leftovers({ remove: true })
    if (there) new Journal(home, lab).write({ kind: 'stopped' })
  })
}

export async function works(provider: Provider): Promise<readonly Problem[]> {
  const problems = await provider.problems()
  const hard = problems.filter(problem => problem.severity === undefined)
  if (hard.length > 0) {
    throw new Unable(hard.map(problem => `${problem.what}\n  mend it: ${problem.mend}`).join('\n'))
  }
  return problems
}

/** A bench on the nodes as they are now, or why there is none. */
export async function benchOf({ provider, loaded }: Session): Promise<Bench> {
  const nodes = await provider.nodes(loaded.slug)
  if (nodes.length === 0) throw new Unable(`${loaded.slug} is not running: \`npx lab start ${loaded.slug}\``)
  return makeBench(nodes, loaded.topology)
}

export function findStep(loaded: LoadedLab, id: string): LessonStep {
  const ids = loaded.lesson.steps.map(step => step.id)
  const exact = loaded.lesson.steps.find((step, index) => step.id === id || String(index + 1) === id)
  const begun = loaded.lesson.steps.filter(step => step.id.startsWith(id))
  const found = exact ?? (begun.length === 1 ? begun[0] : undefined)
  if (found !== undefined) return found
  const near = nearest(id, ids)
  throw new Usage(`${loaded.slug} has no step ${quoted(id)}${near === undefined ? '' : `; the nearest is ${quoted(near)}`}. It has ${ids.join(', ')}.`)
}

/** Judges steps all at once, on one bench a look: what several claims ask of the kernel is asked once. */
export async function judgeSteps(session: Session, ids: readonly string[], judging: Judging = {}): Promise<readonly StepVerdicts[]> {
  const asked = stepsOf(session.loaded).filter(({ text }) => ids.includes(text.id))
  const found = (judged: readonly Judged[]): readonly StepVerdicts[] => replaced(byStep(asked, judged).map((step, index) => ({ step, replaces: asked[index]?.step.replaces ?? [] })))
  return found(await judgeAll(checksOf(asked), () => benchOf(session), { ...judging, enough: judged => found(judged).every(step => step.status === 'pass') }))
}

export function checksOf(steps: readonly StepOf[]): readonly Check[] {
  return steps.flatMap(({ step }) => step.checks)
}

/** Verdicts of `checksOf` those steps, in its order. */
export function byStep(steps: readonly StepOf[], judged: readonly Judged[]): readonly StepVerdicts[] {
  let next = 0
  return steps.map(({ text, step }) => {
    const own = judged.slice(next, next += step.checks.length)
    return { id: text.id, title: text.title, status: status(own), verdicts: own }
  })
}

/** A step that does not hold, because a later one that does has made it untrue, is as good as one that holds. */
export function replaced(steps: readonly { readonly step: StepVerdicts; readonly replaces: readonly string[] }[]): readonly StepVerdicts[] {
  return steps.map(({ step }) => {
    const by = steps.find(later => later.step.status === 'pass' && later.replaces.includes(step.id))
    if (step.status === 'pass' || by === undefined) return step
    return { ...step, status: 'pass', verdicts: step.verdicts.filter(({ verdict }) => verdict.status === 'pass'), replacedBy: by.step.id }
  })
}

/** What the journal says of this run: the steps that have held, and the commands typed since each last did. */
export interface History {
  readonly completed: ReadonlySet<string>
  readonly commandsSince: ReadonlyMap<string, readonly string[]>
  readonly hints: ReadonlyMap<string, number>
  /** Steps whose solution was done by this program: nobody learnt them. */
  readonly given: ReadonlySet<string>
  /** The gist of each step's last judging. */
  readonly last: ReadonlyMap<string, string>
  /** What `lab break` did last, if it did. */
  readonly broken: Breaking | undefined
}

export function history(events: readonly Event[]): History {
  const completed = new Set<string>()
  const since = new Map<string, string[]>()
  const hints = new Map<string, number>()
  const last = new Map<string, string>()
  const given = new Set<string>()
  for (const event of events) {
    if (event.kind === 'started' || event.kind === 'reset') {
      for (const one of [completed, since, last, given]) one.clear()
    } else if (event.kind === 'completed') completed.add(event.step)
    else if (event.kind === 'judged') {
      for (const step of event.steps) {
        last.set(step.id, gist(step))
        if (step.status === 'pass') since.set(step.id, [])
      }
    } else if (event.kind === 'command') {
      for (const commands of since.values()) commands.push(`${event.place}: ${event.text}`)
    } else if (event.kind === 'solved') given.add(event.step)
    else if (event.kind === 'hinted') hints.set(event.step, Math.max(event.number, hints.get(event.step) ?? 0))
  }
  return { completed, commandsSince: since, hints, last, given, broken: breaking(events) }
}

export interface Showing {
  /** Told of each part; of one in which something fails twice, the second time with the reason, which takes a packet or two. */
  readonly onPart?: (part: readonly StepVerdicts[]) => void
  /** What was found before, where nothing has been done since: what looks the same is not explained again. */
  readonly known?: readonly StepVerdicts[]
}

/**
 * Judges the first step that has not held in this run, and if it holds now the next, and so on; then every step that
 * had held. Tells of each part as soon as it is known, and writes to the journal what came of all.
 */
export async function judgeNow(session: Session, judging: Judging & Showing = {}): Promise<readonly StepVerdicts[]> {
  const { home, loaded } = session
  const journal = new Journal(home, loaded.slug)
  const before = history(journal.events())
  const ids = loaded.lesson.steps.map(step => step.id)
  const found: StepVerdicts[] = []
  const judge = async (part: readonly string[]): Promise<void> => {
    const judged = judging.onPart === undefined ? await judgeSteps(session, part, judging) : await shown(session, part, judging)
    found.push(...judged)
    // Written before it is told: what a learner types when they have seen it comes after it in the journal.
    record(session, journal, before, judged)
    judging.onPart?.(judged)
  }
  for (const id of ids.filter(one => !before.completed.has(one))) {
    await judge([id])
    if (found.at(-1)?.status !== 'pass') break
  }
  const held = ids.filter(id => before.completed.has(id))
  if (held.length > 0) await judge(held)
  return found.toSorted((a, b) => position(loaded, a.id) - position(loaded, b.id))
}

function position(loaded: LoadedLab, id: string): number {
  return loaded.lesson.steps.findIndex(step => step.id === id)
}

/** Writes what is news: a judging that found what the last one did is not. */
export function record({ home, loaded }: Session, journal: Journal, before: History, found: readonly StepVerdicts[]): void {
  const news = found.filter(step => before.last.get(step.id) !== gist(step))
  for (const step of news) {
    if (step.status === 'pass' && !before.completed.has(step.id)) {
      journal.write({ kind: 'completed', step: step.id })
      // Asked now: while this look was under way `lab solve` may have begun.
      if (!history(journal.events()).given.has(step.id)) recordProgress(home, loaded.slug, step.id)
    }
    const failing = step.verdicts.filter(({ verdict }) => verdict.status === 'fail').map(({ claim }) => claim)
    if (failing.length > 0 && before.completed.has(step.id)) {
      journal.write({ kind: 'regressed', step: step.id, claims: failing, since: before.commandsSince.get(step.id)?.slice(-10) ?? [] })
    }
  }
  if (news.length > 0) journal.write({ kind: 'judged', steps: news.map(forJournal) })
  if (before.broken?.mended === false && found.length === loaded.lesson.steps.length && found.every(step => step.status === 'pass')) mended(journal)
}

/** What was broken holds again. The journal is asked once more: another process may have been quicker to say so. */
function mended(journal: Journal): void {
  const broken = breaking(journal.events())
  if (broken === undefined || broken.mended) return
  const { fault, since, commands, claims, regressions, helped } = broken
  journal.write({ kind: 'mended', fault, ms: Date.now() - since, commands, claims: claims.length, regressions, helped })
}

/** What holds is told at once; what fails is shown as such before it is explained. */
async function shown(session: Session, part: readonly string[], { onPart, known = [], ...judging }: Judging & Showing): Promise<readonly StepVerdicts[]> {
  const quick = await judgeSteps(session, part, { ...judging, explains: false })
  if (quick.every(step => step.status === 'pass')) return quick
  const before = part.flatMap(id => known.find(step => step.id === id) ?? [])
  if (before.every(step => step.status !== 'unknown') && outline(before) === outline(quick)) return before
  onPart?.(quick)
  return judgeSteps(session, part, judging)
}

/** Which claims hold and which do not. */
function outline(steps: readonly StepVerdicts[]): string {
  return JSON.stringify(steps.map(({ id, verdicts }) => [id, verdicts.map(({ verdict }) => verdict.status)]))
}

/** What of a judging a reader would call different. */
function gist({ verdicts }: StepVerdicts): string {
  return JSON.stringify(verdicts.map(({ claim, verdict }) => [claim, verdict.status, verdict.status === 'pass' ? '' : verdict.because]))
}

const KEPT_OUTPUT = 4_000

/** Evidence without what is too long to be read by anybody. */
function forJournal(step: StepVerdicts): StepVerdicts {
  const short = (text: string): string => text.length > KEPT_OUTPUT ? `${text.slice(0, KEPT_OUTPUT)}\n[${text.length - KEPT_OUTPUT} more characters]` : text
  return {
    ...step,
    verdicts: step.verdicts.map(({ claim, verdict }) => ({
      claim,
      // map keeps an array's length, which its type does not say.
      verdict: { ...verdict, evidence: verdict.evidence.map(one => ({ ...one, stdout: short(one.stdout), stderr: short(one.stderr) })) } as Verdict,
    })),
  }
}

/** The step a learner is at: the first that does not hold. Undefined: all hold. */
export function currentStep(loaded: LoadedLab, found: readonly StepVerdicts[]): LessonStep | undefined {
  return loaded.lesson.steps.find(step => found.find(judged => judged.id === step.id)?.status !== 'pass')
}
