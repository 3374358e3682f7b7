import { Journal } from '../../engine/journal.ts'
import { currentStep, history, judgeNow, stepsOf, type Session } from '../../engine/session.ts'
import type { StepVerdicts } from '../../core/events.ts'
import { session } from '../context.ts'
import { json, remark, result } from '../print.ts'

export interface HintGiven {
  readonly step: string
  readonly number: number
  readonly of: number
  readonly text: string
}

export async function hint(options: { readonly json?: true }): Promise<number> {
  const at = await session()
  const given = nextHint(at, await judgeNow(at, { explains: false }))
  if (options.json) json({ lab: at.loaded.slug, hint: given ?? null })
  else if (given === undefined) remark('no hint is needed: every step holds')
  else {
    remark(`hint ${given.number} of ${given.of} for ${given.step}`)
    result(given.text)
  }
  return 0
}

/** The next hint of the step that a learner is at, which climb from a question to the command; then the last again. */
export function nextHint({ home, loaded }: Session, found: readonly StepVerdicts[]): HintGiven | undefined {
  const current = currentStep(loaded, found)
  const step = stepsOf(loaded).find(({ text }) => text.id === current?.id)?.step
  if (current === undefined || step === undefined) return undefined
  const hints = step.hints ?? []
  if (hints.length === 0) return { step: current.id, number: 0, of: 0, text: 'This step has no hints; its claims say what must become true.' }
  const journal = new Journal(home, loaded.slug)
  const number = Math.min((history(journal.events()).hints.get(current.id) ?? 0) + 1, hints.length)
  const failing = found.find(({ id }) => id === current.id)?.verdicts.filter(({ verdict }) => verdict.status === 'fail').map(({ claim }) => claim) ?? []
  const said = hints[number - 1] ?? ''
  journal.write({ kind: 'hinted', step: current.id, number })
  return { step: current.id, number, of: hints.length, text: typeof said === 'function' ? said(failing) : said }
}
