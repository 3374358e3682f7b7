import { Usage } from '../../core/mistake.ts'
import { nearest, quoted } from '../../core/quoted.ts'
import { gradeAnswer, stepsOf } from '../../engine/session.ts'
import { session } from '../context.ts'
import { claimLines, coloured, json, readingWidth, result, statusCode } from '../print.ts'

export async function answer(name: string, value: string, options: { readonly json?: true }): Promise<number> {
  const at = await session()
  const verdict = await gradeAnswer(at, name, value)
  if (verdict === undefined) {
    const names = stepsOf(at.loaded).flatMap(({ step }) => Object.keys(step.answers ?? {}))
    const near = nearest(name, names)
    throw new Usage(names.length === 0 ? `${at.loaded.slug} asks no questions`
      : `${at.loaded.slug} does not ask ${quoted(name)}${near === undefined ? '' : `; the nearest is ${quoted(near)}`}. It asks ${names.join(', ')}.`)
  }
  if (options.json) json({ lab: at.loaded.slug, name, status: verdict.status, ...(verdict.status === 'pass' ? {} : { because: verdict.because }) })
  else result(claimLines({ claim: `${name}: ${value.trim()}`, verdict }, coloured(process.stdout), readingWidth(process.stdout)).join('\n'))
  return statusCode(verdict.status)
}
