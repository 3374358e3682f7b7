// What the page shows of what has happened: a fold over the journal's events. Pure; it runs in the browser.
import type { Event, StepVerdicts } from '../../runner/core/events.ts'
import type { Hello } from './protocol.ts'

export interface Shown {
  /** The last verdicts of each step. */
  readonly verdicts: Readonly<Record<string, StepVerdicts>>
  /** Steps that have held in this run. */
  readonly held: ReadonlySet<string>
  readonly stopped: boolean
  /** Somebody has broken it for the learner to find: what does not hold is said, and not why. */
  readonly hunting: boolean
  /** What was last worth saying. */
  readonly told: string | undefined
}

export const nothing: Shown = { verdicts: {}, held: new Set(), stopped: false, hunting: false, told: undefined }

export function after(shown: Shown, event: Event): Shown {
  switch (event.kind) {
    case 'started': return { ...nothing, told: shown.stopped ? 'the nodes are new' : shown.told }
    case 'reset': return { ...nothing, told: 'the nodes are new' }
    case 'stopped': return { ...shown, stopped: true, told: 'the lab was stopped' }
    case 'judged': return { ...shown, verdicts: { ...shown.verdicts, ...Object.fromEntries(event.steps.map(step => [step.id, step])) } }
    case 'completed': return { ...shown, held: new Set([...shown.held, event.step]) }
    case 'broke': return { ...shown, hunting: true, told: 'Something is broken now. Find it, and mend it.' }
    case 'mended': return { ...shown, hunting: false }
    case 'regressed': return shown.hunting ? shown : { ...shown, told: `${event.claims[0] ?? 'a claim'}: this held before${event.since.length === 0 ? '' : `; since then: ${event.since.at(-1) ?? ''}`}` }
    default: return shown
  }
}

/** The step that a learner is at: the first that does not hold. */
export function currentStep(hello: Hello, shown: Shown): string | undefined {
  return hello.steps.find(({ id }) => shown.verdicts[id]?.status !== 'pass')?.id
}

export type Mark = 'pass' | 'fail' | 'unknown' | 'later'

/** A step's dot: what holds, what a learner is at, what comes later. */
export function markOf(hello: Hello, shown: Shown, step: string): Mark | 'now' {
  const status = shown.verdicts[step]?.status
  if (status === 'pass') return 'pass'
  if (status === 'fail' && shown.held.has(step)) return 'fail'
  return currentStep(hello, shown) === step ? 'now' : 'later'
}
