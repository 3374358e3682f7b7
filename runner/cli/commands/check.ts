import type { StepVerdicts } from '../../core/events.ts'
import { overall } from '../../core/verdict.ts'
import { Journal } from '../../engine/journal.ts'
import { PATIENCE_MS } from '../../engine/judge.ts'
import { findStep, history, judgeSteps, record } from '../../engine/session.ts'
import { home, session } from '../context.ts'
import { gridLines, legend } from '../grid-lines.ts'
import { coloured, json, paint, plain, remark, result, statusCode, stepLines } from '../print.ts'

export async function check(name: string | undefined, options: { readonly json?: true }): Promise<number> {
  const at = await session()
  const ids = name === undefined ? at.loaded.lesson.steps.map(step => step.id) : [findStep(at.loaded, name).id]
  const journal = new Journal(home, at.loaded.slug)
  const steps = await judgeSteps(at, ids, { patienceMs: PATIENCE_MS })
  record(at, journal, history(journal.events()), steps)
  const status = overall(steps.map(step => step.status))
  if (options.json) {
    json(checkReport(at.loaded.slug, steps))
    return statusCode(status)
  }
  const colour = coloured(process.stdout)
  // What comes after the step that a learner is at has not been read yet; a script has it all.
  const shown = steps.slice(0, steps.findIndex(step => step.status !== 'pass') + 1)
  for (const step of shown.length === 0 ? steps : shown) result([...stepLines(step, colour), ...tableLines(step, colour)].join('\n'))
  const held = steps.filter(step => step.status === 'pass').length
  remark(paint(coloured(process.stderr))(status === 'pass' ? 'green' : 'bold', plain(`${held} of ${steps.length} steps of ${at.loaded.slug} hold`)))
  return statusCode(status)
}

/** Of what was measured, the parts in which something is wrong. */
function tableLines({ verdicts }: StepVerdicts, colour: boolean): readonly string[] {
  const grids = verdicts.flatMap(({ verdict }) => verdict.status === 'fail' ? verdict.table ?? [] : []).filter(({ cells }) => cells.flat().some(cell => cell?.right === false))
  if (grids.length === 0) return []
  return [...grids.flatMap(grid => [...gridLines(grid, colour), '']).map(line => line === '' ? '' : `    ${line}`), `    ${legend(grids, colour)}`, '']
}

/** What `lab check --json` promises. */
export function checkReport(lab: string, steps: readonly StepVerdicts[]): unknown {
  return {
    lab,
    steps: steps.map(({ id, title, status, verdicts }) => ({
      id, title, status,
      verdicts: verdicts.map(({ claim, verdict }) => ({
        claim, status: verdict.status, ...(verdict.status === 'pass' ? {} : { because: verdict.because }), evidence: verdict.evidence,
        ...(verdict.status === 'unknown' || verdict.table === undefined ? {} : { table: verdict.table }),
      })),
    })),
  }
}
