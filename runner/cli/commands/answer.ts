import { Usage } from '../../core/mistake.ts'
import { nearest, quoted } from '../../core/quoted.ts'
import { Journal } from '../../engine/journal.ts'
import { judge } from '../../engine/judge.ts'
import { benchOf, stepsOf } from '../../engine/session.ts'
import { home, session } from '../context.ts'
import { claimLines, coloured, json, result, statusCode } from '../print.ts'

export async function answer(name: string, value: string, options: { readonly json?: true }): Promise<number> {
  const at = await session()
  const answers = stepsOf(at.loaded).flatMap(({ step }) => Object.entries(step.answers ?? {}))
  const grader = answers.find(([key]) => key === name)?.[1]
  if (grader === undefined) {
    const names = answers.map(([key]) => key)
    const near = nearest(name, names)
    throw new Usage(names.length === 0 ? `${at.loaded.slug} asks no questions`
      : `${at.loaded.slug} does not ask ${quoted(name)}${near === undefined ? '' : `; the nearest is ${quoted(near)}`}. It asks ${names.join(', ')}.`)
  }
  const verdict = await judge({ claim: name, look: bench => grader.grade(bench, value.trim()) }, await benchOf(at))
  new Journal(home, at.loaded.slug).write({ kind: 'answered', name, value: value.slice(0, 200), status: verdict.status })
  if (options.json) json({ lab: at.loaded.slug, name, status: verdict.status, ...(verdict.status === 'pass' ? {} : { because: verdict.because }) })
  else result(claimLines({ claim: `${name}: ${value.trim()}`, verdict }, coloured(process.stdout)).join('\n'))
  return statusCode(verdict.status)
}
