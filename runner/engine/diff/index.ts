// Compares a learner's network with the one that the lesson's own commands make, which are done on nodes of their own.
import type { StepVerdicts } from '../../core/events.ts'
import type { LessonStep } from '../../core/lesson.ts'
import type { Node } from '../../core/provider.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { makeBench } from '../bench.ts'
import type { LoadedLab } from '../course.ts'
import { Journal } from '../journal.ts'
import { judgeAll, PATIENCE_MS, RIGHT, status } from '../judge.ts'
import { observe } from '../observe/index.ts'
import { bringTo, findStep, history, judgeSteps, solve, stepsOf, type Session } from '../session.ts'
import { onSpareNodes } from '../spare.ts'
import { compare } from './compare.ts'
import type { Difference } from './difference.ts'

export interface Diff {
  /** The step after whose solution it was compared. */
  readonly step: string
  readonly title: string
  /** Every claim of it, and of those before it, holds. */
  readonly holds: boolean
  readonly differences: readonly Difference[]
}

/** With the end of the step that is named, or of the one that a learner is at. */
export async function diff(session: Session, name: string | undefined, signal: AbortSignal): Promise<Diff> {
  const { loaded, provider } = session
  const judged = await judgeSteps(session, loaded.lesson.steps.map(step => step.id), { patienceMs: PATIENCE_MS, explains: false })
  const step = name === undefined ? stepNow(session, judged) : findStep(loaded, name)
  if (step === undefined) throw new CouldNotLook(`${loaded.slug} has no steps`)
  const have = await observe(await provider.nodes(loaded.slug), loaded.topology)
  const want = await onSpareNodes(session, signal, async nodes => {
    await bringToEnd(loaded, step.id, nodes)
    return observe(nodes, loaded.topology)
  })
  return { step: step.id, title: step.title, holds: holds(loaded, judged, step.id), differences: compare(have, want) }
}

/** The first that neither holds nor has held in this run: what is broken now and was whole is compared with what came of it since. */
function stepNow({ home, loaded }: Session, judged: readonly StepVerdicts[]): LessonStep | undefined {
  const { completed } = history(new Journal(home, loaded.slug).events())
  const steps = loaded.lesson.steps
  return steps.find(({ id }) => !completed.has(id) && judged.find(step => step.id === id)?.status !== 'pass') ?? steps.at(-1)
}

function holds({ lesson }: LoadedLab, judged: readonly StepVerdicts[], last: string): boolean {
  const ids = lesson.steps.map(step => step.id)
  return ids.slice(0, ids.indexOf(last) + 1).every(id => judged.find(step => step.id === id)?.status === 'pass')
}

/** Does all that the lesson does up to the end of a step, and waits until that holds: daemons take their time. */
export async function bringToEnd(loaded: LoadedLab, last: string, nodes: readonly Node[]): Promise<void> {
  await bringTo(loaded, nodes, last)
  const found = stepsOf(loaded).find(({ text }) => text.id === last)
  if (found === undefined) throw new CouldNotLook(`${loaded.slug} has no step ${last}`)
  await solve(found.text, found.step, nodes)
  const judged = await judgeAll(found.step.checks, () => Promise.resolve(makeBench(nodes, loaded.topology)), { ...RIGHT, explains: false })
  if (status(judged) !== 'pass') throw new CouldNotLook(`the lesson's own solution of ${last} does not hold here: \`npx lab verify ${loaded.slug.slice(0, 2)}\` says more`)
}
