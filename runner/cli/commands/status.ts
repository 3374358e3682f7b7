import { breaking } from '../../engine/breaking.ts'
import { Journal } from '../../engine/journal.ts'
import { readProgress } from '../../engine/progress.ts'
import { home, load, runningLabs } from '../context.ts'
import { clock } from '../mending.ts'
import { coloured, json, paint, remark, result } from '../print.ts'

export async function status(options: { readonly json?: true }): Promise<number> {
  const labs = await Promise.all((await runningLabs()).map(async ({ lab, provider, startedAt, nodes, from }) => {
    const alive = (await from.nodes(lab)).map(node => node.name)
    const { lesson } = await load(lab)
    const done = readProgress(home).get(lab) ?? new Set()
    const broken = breaking(new Journal(home, lab).events())
    return {
      lab, title: lesson.title, provider, startedAt: new Date(startedAt).toISOString(),
      nodes: nodes.map(name => ({ name, alive: alive.includes(name) })),
      steps: lesson.steps.map(({ id, title }) => ({ id, title, done: done.has(id) })),
      ...(broken?.mended === false ? { broken: { since: new Date(broken.since).toISOString() } } : {}),
    }
  }))
  if (options.json) {
    json({ labs })
    return 0
  }
  const style = paint(coloured(process.stdout))
  if (labs.length === 0) remark('no lab is running: `npx lab start`')
  for (const { lab, title, provider, nodes, steps, broken } of labs) {
    result(`${style('bold', lab)}  ${title}  ${style('dim', provider)}`)
    result(`  ${nodes.map(({ name, alive }) => alive ? name : style('red', `${name} (gone)`)).join(' ')}`)
    for (const { id, title: step, done } of steps) result(`  ${done ? style('green', '✓') : '○'} ${id}  ${style('dim', step)}`)
    if (broken !== undefined) result(`  ${style('yellow', `something is broken since ${clock(Date.parse(broken.since))}: find it`)}`)
  }
  return 0
}
