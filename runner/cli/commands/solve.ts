import { Unable, Usage } from '../../core/mistake.ts'
import { Journal } from '../../engine/journal.ts'
import { PATIENCE_MS } from '../../engine/judge.ts'
import { currentStep, findStep, history, judgeNow, judgeSteps, record, solve as solveStep, stepsOf } from '../../engine/session.ts'
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
    const [judged] = await judgeSteps(at, [id])
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
    await solveStep(text, step, nodes)
    journal.write({ kind: 'solved', step: id })
    // Only this one is waited for: the next does not hold yet, and would be waited for in vain.
    record(at, journal, history(journal.events()), await judgeSteps(at, [id], { patienceMs: SOLVED_MS, explains: false }))
    solved.push(id)
    remark(`did what the lesson does in ${id}`)
  }
  if (name !== undefined) await judgeNow(at, { patienceMs: PATIENCE_MS })
  if (solved.length === 0) remark('nothing to solve: every step holds')
  if (options.json) json({ lab: at.loaded.slug, solved })
  return 0

  async function nextStep(): Promise<{ readonly id: string } | undefined> {
    return name !== undefined ? findStep(at.loaded, name) : currentStep(at.loaded, await judgeNow(at, { patienceMs: PATIENCE_MS, explains: false }))
  }
}

function fresh(): never {
  throw new Unable('the step is gone')
}
