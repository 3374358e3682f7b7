import { Unable, Usage } from '../../core/mistake.ts'
import { Journal } from '../../engine/journal.ts'
import { PATIENCE_MS } from '../../engine/judge.ts'
import { findStep, history, judgeNow, judgeSteps, record, solve as solveStep, stepsOf } from '../../engine/session.ts'
import { home, session } from '../context.ts'
import { json, remark } from '../print.ts'

const SOLVED_MS = 5_000

/** Does the solution of the step that is named, of the one that a learner is at, or of all that do not hold yet. */
export async function solve(name: string | undefined, options: { readonly all?: true; readonly json?: true }): Promise<number> {
  if (name !== undefined && options.all) throw new Usage('either a step or --all')
  const at = await session()
  const nodes = await at.provider.nodes(at.loaded.slug)
  const journal = new Journal(home, at.loaded.slug)
  const solved: string[] = []
  if (name !== undefined) {
    const { id } = findStep(at.loaded, name)
    const [judged] = await judgeSteps(at, [id], { explains: false })
    if (judged?.status === 'pass') {
      remark(`${id} holds already`)
      if (options.json) json({ lab: at.loaded.slug, solved })
      return 0
    }
  }
  for (let next = await nextStep(); next !== undefined; next = options.all ? await nextStep() : undefined) {
    const id = next.id
    if (solved.includes(id)) throw new Unable(`the solution of ${id} was done and the step does not hold: \`npx lab goto ${id}\` starts it afresh`)
    const { text, step } = stepsOf(at.loaded).find(one => one.text.id === id) ?? fresh()
    // Before: whoever watches may see that it holds before we have come back, and nobody has learnt it. After: there is something new to see.
    journal.write({ kind: 'solved', step: id })
    await solveStep(text, step, nodes)
    journal.write({ kind: 'solved', step: id })
    // Only this one is waited for: the next does not hold yet, and would be waited for in vain.
    record(at, journal, history(journal.events()), await judgeSteps(at, [id], { patienceMs: SOLVED_MS, explains: false }))
    solved.push(id)
    remark(`did what the lesson does in ${id}`)
  }
  if (name !== undefined) await judgeNow(at, { patienceMs: PATIENCE_MS, explains: false })
  if (solved.length === 0) remark('nothing to solve: every step holds')
  if (options.json) json({ lab: at.loaded.slug, solved })
  return 0

  async function nextStep(): Promise<{ readonly id: string } | undefined> {
    if (name !== undefined) return findStep(at.loaded, name)
    const found = await judgeNow(at, { patienceMs: PATIENCE_MS, explains: false })
    const { completed } = history(journal.events())
    for (const { id } of at.loaded.lesson.steps) {
      if (found.find(judged => judged.id === id)?.status === 'pass') continue
      // It held. Asked together with all others, on a machine that is busy, it may be slow to say that it still does; to do it again would harm.
      if (!completed.has(id) || !await holdsAlone(id)) return { id }
    }
    return undefined
  }

  async function holdsAlone(id: string): Promise<boolean> {
    const judged = await judgeSteps(at, [id], { patienceMs: SOLVED_MS, explains: false })
    return judged.every(({ status }) => status === 'pass')
  }
}

function fresh(): never {
  throw new Unable('the step is gone')
}
