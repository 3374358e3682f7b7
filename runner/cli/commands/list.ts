import { listLabs } from '../../engine/course.ts'
import { readProgress } from '../../engine/progress.ts'
import { home, root } from '../context.ts'
import { coloured, json, paint, remark, result } from '../print.ts'

/** Reads no more of each lesson than its head: this is what a learner calls most, to look around. */
export async function list(options: { readonly json?: true }): Promise<number> {
  const progress = readProgress(home)
  const labs = listLabs(root).map(({ slug, title, minutes }) => ({ lab: slug, title, minutes, done: [...progress.get(slug) ?? []] }))
  if (options.json) {
    json({ labs })
    return 0
  }
  if (labs.length === 0) remark('there are no labs here: `npx lab new my-lab`')
  const style = paint(coloured(process.stdout))
  const width = Math.max(...labs.map(({ lab }) => lab.length), 0)
  for (const { lab, title, minutes, done } of labs) {
    const steps = done.length === 0 ? '' : style('green', `  ${done.length} ${done.length === 1 ? 'step' : 'steps'} done`)
    result(`${style('bold', lab.padEnd(width))}  ${title}${minutes === undefined ? '' : style('dim', `  ${minutes} min`)}${steps}`)
  }
  return 0
}
