import type { StepVerdicts } from '../../core/events.ts'
import { overall } from '../../core/verdict.ts'
import { Journal } from '../../engine/journal.ts'
import { PATIENCE_MS } from '../../engine/judge.ts'
import { findStep, history, judgeNow, judgeSteps, record, type Session } from '../../engine/session.ts'
import { home, session } from '../context.ts'
import { gridLines, legend } from '../grid-lines.ts'
import { coloured, json, paint, plain, readingWidth, remark, result, statusCode, stepLines } from '../print.ts'

export async function check(name: string | undefined, options: { readonly json?: true }): Promise<number> {
  const at = await session()
  // Whoever reads is told of what held and of the step that they are at: what comes after it has not been read yet, and looking at
  // it, and for why it does not hold, may take many times as long. A script has it all.
  if (name === undefined && !options.json) return say(at, await judgeNow(at, { patienceMs: PATIENCE_MS }))
  const ids = name === undefined ? at.loaded.lesson.steps.map(step => step.id) : [findStep(at.loaded, name).id]
  const journal = new Journal(home, at.loaded.slug)
  const steps = await judgeSteps(at, ids, { patienceMs: PATIENCE_MS })
  record(at, journal, history(journal.events()), steps)
  if (!options.json) return say(at, steps)
  json(checkReport(at.loaded.slug, steps))
  return statusCode(overall(steps.map(step => step.status)))
}

function say({ loaded }: Session, steps: readonly StepVerdicts[]): number {
  const colour = coloured(process.stdout)
  const open = steps.find(step => step.status !== 'pass')
  for (const step of open === undefined ? steps : steps.slice(0, steps.indexOf(open) + 1)) {
    result([...stepLines(step, colour, readingWidth(process.stdout)), ...tableLines(step, colour)].join('\n'))
  }
  const all = loaded.lesson.steps
  const number = (id: string): number => all.findIndex(step => step.id === id) + 1
  const style = paint(coloured(process.stderr))
  remark(open !== undefined ? style('bold', plain(`step ${number(open.id)} of ${all.length} of ${loaded.slug} ${open.status === 'fail' ? 'does not hold' : 'could not be looked at'}`))
    : style('green', plain(steps.length === all.length ? `${all.length} of ${all.length} steps of ${loaded.slug} hold` : `${steps.map(({ id }) => id).join(', ')} of ${loaded.slug} holds`)))
  return statusCode(overall(steps.map(step => step.status)))
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
