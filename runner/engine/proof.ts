// What `lab verify` establishes of a lab: fresh nodes fail, the printed commands pass, other right ways pass, every
// listed wrong way is refused by the claim that names its mistake, looking changes nothing, nothing is left behind.
import type { Bench } from '../core/bench.ts'
import { isComponent } from '../core/components.ts'
import type { Alternative, Deed, Mutant, Step } from '../core/lab.ts'
import type { LessonStep } from '../core/lesson.ts'
import type { Node, Provider, ProviderName } from '../core/provider.ts'
import { overall, type Judged, type Status, type Verdict } from '../core/verdict.ts'
import { makeBench } from './bench.ts'
import type { LoadedLab } from './course.ts'
import { judge, judgeAll, judgeLate, LOOK_MS, RIGHT, status } from './judge.ts'
import { bringTo, byStep, checksOf, lastingSteps, solve, stepsOf } from './session.ts'
import { shells, type } from './shell.ts'
import { onSpareNodes } from './spare.ts'

export interface AlternativeProof {
  readonly name: string
  readonly status: 'accepted' | 'refused' | 'skipped' | 'unknown'
  readonly because?: string
}

export interface MutantProof {
  readonly name: string
  readonly refusedBy: string
  /** `refused`: by the claim that names its mistake, and so killed. */
  readonly status: 'refused' | 'refused-otherwise' | 'survived' | 'unknown'
  /** The claims that refused it: the one that names its mistake, or the others if that one let it pass. */
  readonly by: readonly string[]
  readonly because?: string
}

export interface AnswerProof {
  readonly name: string
  readonly right: boolean
  /** Wrong answers that were accepted. */
  readonly accepted: readonly string[]
  readonly because?: string
}

export interface StepProof {
  readonly id: string
  /** Fresh nodes do not pass; or why it is right that they do. */
  readonly fresh: boolean | string
  readonly solution: boolean
  /** Judged again, it still passes. */
  readonly repeat: boolean
  /** Judging left the nodes as they were. */
  readonly unchanged: boolean
  readonly alternatives: readonly AlternativeProof[]
  readonly mutants: readonly MutantProof[]
  readonly answers: readonly AnswerProof[]
  /** One line for each thing that is not as it must be. */
  readonly because: readonly string[]
}

export interface LabProof {
  readonly id: string
  readonly provider: ProviderName
  readonly status: 'proven' | 'failed' | 'skipped'
  readonly because?: string
  readonly ms: number
  readonly steps: readonly StepProof[]
  readonly leaks: readonly string[]
}

export interface Proving {
  readonly provider: Provider
  readonly signal: AbortSignal
  /** Lets no more benches run at once than this machine can bear; see `limiter`. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>
  /** Of these kernel features and components those that nodes here have. */
  features(names: readonly string[]): readonly string[]
  /** Of a step's alternatives, and of its mutants, those that are tried. Default: all. */
  readonly tried?: <T>(ways: readonly T[]) => readonly T[]
  /** Told of every finished part, for a person who waits. */
  onPart(text: string): void
}

interface Trial {
  readonly bench: () => Promise<Bench>
  readonly nodes: readonly Node[]
}

export async function prove(loaded: LoadedLab, proving: Proving): Promise<LabProof> {
  // With its first nodes: before that it waits for other labs.
  let started: number | undefined
  const done = (rest: Pick<LabProof, 'status' | 'steps' | 'leaks'> & { because?: string }): LabProof =>
    ({ id: loaded.slug, provider: proving.provider.name, ms: started === undefined ? 0 : Math.round(performance.now() - started), ...rest })
  const missing = lacking(loaded.lesson.requires, proving)
  if (missing.length > 0) {
    return done({ status: 'skipped', because: lackSays(missing), steps: [], leaks: [] })
  }
  const trial = <T>(what: string, work: (trial: Trial) => Promise<T>): Promise<T> => proving.limit(async () => {
    proving.signal.throwIfAborted()
    started ??= performance.now()
    try {
      return await onSpareNodes({ loaded, provider: proving.provider }, proving.signal, nodes =>
        work({ nodes, bench: () => Promise.resolve(makeBench(nodes, loaded.topology)) }))
    } finally {
      proving.onPart(what)
    }
  })
  const steps = await Promise.all(stepsOf(loaded).map(({ text, step }) => proveStep(loaded, text, step, trial, proving)))
  const leaks = await proving.provider.leftovers({ remove: false })
  const proven = leaks.length === 0 && steps.every(step => step.because.length === 0)
  return done({ status: proven ? 'proven' : 'failed', steps, leaks })
}

type RunTrial = <T>(what: string, work: (trial: Trial) => Promise<T>) => Promise<T>

async function proveStep(loaded: LoadedLab, text: LessonStep, step: Step, trial: RunTrial, proving: Proving): Promise<StepProof> {
  const name = (part: string): string => `${loaded.slug} ${text.id}: ${part}`
  const { tried = all => all } = proving
  const [solved, alternatives, mutants] = await Promise.all([
    onceMoreIfUnknown(async () => {
      const main = await settle(trial(name('solution'), at => proveSolution(loaded, text, step, at)))
      return 'value' in main ? main.value : { ...UNSOLVED, status: 'unknown', because: [main.error] }
    }),
    Promise.all(tried(Object.entries(step.alternatives ?? {})).map(([key, way]) =>
      onceMoreIfUnknown(() => proveAlternative(key, way, loaded, text, step, (work) => trial(name(key), work), proving)))),
    Promise.all(tried(Object.entries(step.mutants ?? {})).map(([key, mutant]) =>
      onceMoreIfUnknown(() => proveMutant(key, mutant, loaded, text, step, (work) => trial(name(key), work))))),
  ])
  const { status: _, ...solution } = solved
  return {
    id: text.id, ...solution, alternatives, mutants,
    because: [
      ...solution.because,
      ...alternatives.filter(one => one.status === 'refused' || one.status === 'unknown')
        .map(one => `the right way "${one.name}" is ${one.status}: ${one.because ?? ''}`),
      ...mutants.filter(one => one.status !== 'refused')
        .map(one => `the wrong way "${one.name}" ${MUTANT_SAYS[one.status]}: ${one.because ?? ''}`),
      ...solution.answers.filter(one => !one.right || one.accepted.length > 0)
        .map(one => `the answer "${one.name}": ${one.because ?? `${one.accepted.join(', ')} was accepted`}`),
    ],
  }
}

/**
 * What could not be looked at says nothing, and is tried on fresh nodes once more. A typo stays one, and what was refused or passed has
 * been looked at: it is not asked twice.
 */
async function onceMoreIfUnknown<T extends { readonly status: string }>(prove: () => Promise<T>): Promise<T> {
  const first = await prove()
  return first.status === 'unknown' ? prove() : first
}

const MUTANT_SAYS = {
  refused: 'is refused',
  survived: 'passes',
  'refused-otherwise': 'is refused, but not by the claim that names its mistake',
  unknown: 'could not be judged',
} satisfies Record<MutantProof['status'], string>

interface SolutionProof extends Omit<StepProof, 'id' | 'alternatives' | 'mutants'> {
  readonly status: 'judged' | 'unknown'
}

const UNSOLVED = { fresh: false, solution: false, repeat: false, unchanged: false, answers: [] } satisfies Partial<SolutionProof>

async function proveSolution(loaded: LoadedLab, text: LessonStep, step: Step, { nodes, bench }: Trial): Promise<SolutionProof> {
  const because: string[] = []
  const seen = new Set<Status>()
  const wrong = (what: string, found: Status = 'fail'): void => {
    because.push(what)
    seen.add(found)
  }
  const expect = (wanted: Status, judged: readonly Judged[], otherwise: string): boolean => {
    const found = status(judged)
    if (found !== wanted) wrong(`${otherwise}: ${reasons(judged)}`, found)
    return found === wanted
  }
  const outcome = (): Pick<SolutionProof, 'status' | 'because'> => ({ status: seen.has('unknown') && seen.size === 1 ? 'unknown' : 'judged', because })
  await bringTo(loaded, nodes, text.id)
  // What holds already is the work of the step before, which a moment ago was not done: it is waited for, as all that is right is.
  const before = await judgeAll(step.checks, bench, step.alreadyTrue === undefined ? { leastMs: LOOK_MS, explains: false } : RIGHT)
  if (step.alreadyTrue !== undefined) expect('pass', before, 'it says that it is already true, and is not')
  const fresh = step.alreadyTrue ?? expect('fail', before, `fresh nodes ${status(before) === 'pass' ? 'pass' : 'could not be judged'}`)
  await solve(text, step, nodes)
  const solution = expect('pass', await judgeAll(step.checks, bench, RIGHT), 'the solution does not pass')
  // What is not right is not right later either.
  if (!solution) return { ...UNSOLVED, fresh, ...outcome() }
  // Now, and not sooner: whoever reads on has given the network a moment to become what it should be.
  await looks(text, nodes)
  const lookAgain = async (): Promise<{ readonly repeat: boolean; readonly changes: readonly string[] }> => {
    const state = await snapshots(nodes)
    // With the patience of `lab check`, and more: a busy machine answers late, and that is nobody's mistake.
    const repeat = expect('pass', await judgeAll(step.checks, bench, RIGHT), 'judged again it does not pass')
    return { repeat, changes: differences(state, await snapshots(nodes)) }
  }
  const again = await lookAgain()
  // A program of the learner's may do something at any moment: what looking changes, it changes each time.
  const { repeat, changes } = again.changes.length === 0 ? again : await lookAgain()
  if (changes.length > 0) wrong(`looking changed the nodes: ${changes.slice(0, 4).join('; ')}`)
  const answers = await Promise.all(Object.keys(step.answers ?? {}).map(key => proveAnswer(key, step, bench)))
  for (const { found } of answers) if (found !== 'pass') seen.add(found)
  if (loaded.lesson.steps.at(-1)?.id === text.id) {
    // What a later step does may undo an earlier one, and whoever has done all would be told that they have not.
    const lasting = lastingSteps(loaded)
    for (const { id, verdicts } of byStep(lasting, await judgeAll(checksOf(lasting), bench, RIGHT))) {
      expect('pass', verdicts, `at the end of the lab, step ${id} does not hold any more`)
    }
  }
  return { fresh, solution, repeat, unchanged: changes.length === 0, answers: answers.map(({ proof }) => proof), ...outcome() }
}

/** `look` fences change nothing, and are worth running: they end with 0. */
async function looks(text: LessonStep, nodes: readonly Node[]): Promise<void> {
  await type(text.blocks.filter(block => block.kind === 'command' && block.look), nodes)
}

async function proveAlternative(
  name: string, way: Deed<string> | Alternative, loaded: LoadedLab, text: LessonStep, step: Step,
  trial: <T>(work: (trial: Trial) => Promise<T>) => Promise<T>, proving: Proving,
): Promise<AlternativeProof> {
  const { instead, requires = [] } = typeof way === 'function' ? { instead: way } : way
  const missing = lacking(requires, proving)
  if (missing.length > 0) return { name, status: 'skipped', because: lackSays(missing) }
  const judged = await settle(trial(async ({ nodes, bench }) => {
    await bringTo(loaded, nodes, text.id)
    await instead(shells(nodes))
    return judgeAll(step.checks, bench, RIGHT)
  }))
  if ('error' in judged) return { name, status: 'unknown', because: judged.error }
  const whole = status(judged.value)
  return whole === 'pass' ? { name, status: 'accepted' }
    : { name, status: whole === 'fail' ? 'refused' : 'unknown', because: reasons(judged.value) }
}

async function proveMutant(
  name: string, mutant: Mutant, loaded: LoadedLab, text: LessonStep, step: Step,
  trial: <T>(work: (trial: Trial) => Promise<T>) => Promise<T>,
): Promise<MutantProof> {
  const { refusedBy } = mutant
  const judged = await settle(trial(async ({ nodes, bench }) => {
    await bringTo(loaded, nodes, text.id)
    const named = step.checks.filter(check => check.claim === refusedBy)
    if ('after' in mutant) {
      await solve(text, step, nodes)
      // What is broken must have been whole, or anything would refuse it. By all claims: to be asked leaves traces, as in what a router
      // remembers of its neighbours, and some mistakes are only seen in them.
      const whole = await judgeAll(step.checks, bench, RIGHT)
      if (status(whole) !== 'pass') throw new Error(`the solution does not pass before it is broken: ${reasons(whole)}`)
      await mutant.after(shells(nodes))
    } else await mutant.instead(shells(nodes))
    const judged = await judgeLate(named, bench, LOOK_MS)
    // What the others say matters only where the claim that it was written for lets it pass.
    return status(judged) === 'fail' ? judged : [...judged, ...await judgeAll(step.checks.filter(check => !named.includes(check)), bench, { leastMs: LOOK_MS, explains: false })]
  }))
  // A deed that itself goes wrong is a typo, not a wrong solution that was refused.
  if ('error' in judged) return { name, refusedBy, status: 'unknown', by: [], because: judged.error }
  const by = judged.value.filter(({ verdict }) => verdict.status === 'fail').map(({ claim }) => claim)
  if (by.includes(refusedBy)) return { name, refusedBy, status: 'refused', by }
  // That others refuse it says nothing of the claim that could not look.
  if (judged.value.some(({ claim, verdict }) => claim === refusedBy && verdict.status === 'unknown')) return { name, refusedBy, status: 'unknown', by, because: reasons(judged.value) }
  if (by.length > 0) return { name, refusedBy, status: 'refused-otherwise', by, because: reasons(judged.value) }
  return status(judged.value) === 'pass'
    ? { name, refusedBy, status: 'survived', by, because: 'every claim holds' }
    : { name, refusedBy, status: 'unknown', by, because: reasons(judged.value) }
}

/** With what came of it: an answer that could not be graded says nothing of the grader. */
async function proveAnswer(name: string, step: Step, bench: () => Promise<Bench>): Promise<{ readonly proof: AnswerProof; readonly found: Status }> {
  const answer = step.answers?.[name]
  if (answer === undefined) return { proof: { name, right: false, accepted: [], because: 'no grader' }, found: 'fail' }
  const grade = async (value: string): Promise<Verdict> =>
    judge({ claim: name, look: at => answer.grade(at, value) }, await bench(), LOOK_MS)
  const judged = await settle((async () => {
    const right = await answer.right(await bench())
    const wrong = await Promise.all(answer.wrong.filter(value => value !== right).map(async value => ({ value, verdict: await grade(value) })))
    return { verdict: await grade(right), wrong }
  })())
  if ('error' in judged) return { proof: { name, right: false, accepted: [], because: judged.error }, found: 'unknown' }
  const { verdict, wrong } = judged.value
  const unknown = wrong.find(one => one.verdict.status === 'unknown')
  const accepted = wrong.filter(one => one.verdict.status === 'pass').map(one => one.value)
  return {
    proof: {
      name, right: verdict.status === 'pass' && unknown === undefined, accepted,
      ...(verdict.status === 'pass' ? {} : { because: `the right answer is not accepted: ${verdict.because}` }),
    },
    found: accepted.length > 0 ? 'fail' : overall([verdict.status, ...unknown === undefined ? [] : [unknown.verdict.status]]),
  }
}

function reasons(judged: readonly Judged[]): string {
  return judged.flatMap(({ claim, verdict }) => verdict.status === 'pass' ? [] : [`${claim} (${verdict.because})`]).join('; ') || 'every claim holds'
}

export async function snapshots(nodes: readonly Node[]): Promise<ReadonlyMap<string, string>> {
  const taken = await Promise.all(nodes.filter(node => node.name !== 'fabric').map(async node =>
    // A machine that proves several labs at once takes its time, and nothing is learnt from that.
    [node.name, await node.exec(['/usr/local/lib/hardway/snapshot'], { timeoutMs: 60_000 })] as const))
  return new Map(taken.map(([name, evidence]) => {
    if (evidence.exitCode !== 0 || evidence.stdout === '') throw new Error(`could not take a snapshot of ${name}: ${evidence.stderr}`)
    return [name, evidence.stdout]
  }))
}

/** Lines that are in one snapshot and not in the other. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return [...before].flatMap(([name, text]) => {
    const [old, now] = [new Set(text.split('\n')), new Set((after.get(name) ?? '').split('\n'))]
    return [
      ...[...old].filter(line => !now.has(line)).map(line => `${name} lost "${line.trim()}"`),
      ...[...now].filter(line => !old.has(line)).map(line => `${name} has got "${line.trim()}"`),
    ]
  })
}

function lacking(names: readonly string[], proving: Proving): readonly string[] {
  const there = proving.features(names)
  return names.filter(name => !there.includes(name))
}

function lackSays(missing: readonly string[]): string {
  const components = missing.filter(isComponent)
  return `nodes here lack ${missing.join(', ')}${components.length === 0 ? '' : `: \`npx lab fetch ${components.join(' ')}\``}`
}

/** What went wrong, as a line, beside what came. */
async function settle<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: string }> {
  try {
    return { value: await work }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}
