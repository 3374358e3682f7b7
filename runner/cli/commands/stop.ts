import { Unable, Usage } from '../../core/mistake.ts'
import type { Provider } from '../../core/provider.ts'
import { resolveLab } from '../../engine/course.ts'
import { stop as stopLab } from '../../engine/session.ts'
import { everyProvider, home, root, runningLabs } from '../context.ts'
import { json, remark } from '../print.ts'

export async function stop(name: string | undefined, options: { readonly all?: true; readonly json?: true }): Promise<number> {
  if (name !== undefined && options.all) throw new Usage('either a lab or --all')
  const every = options.all ? await everyProvider() : undefined
  // First, and also where no lab is running: a start that was killed may have left something. What it had asked its engine for may be done
  // meanwhile, and be a lab that is running.
  for (const from of every ?? []) await from.leftovers({ remove: true })
  const meant = name === undefined ? undefined : (await resolveLab(root, name)).slug
  const chosen = async (providers?: readonly Provider[]) => {
    const running = await runningLabs(providers)
    return options.all ? running : running.filter(({ lab }) => lab === (meant ?? running[0]?.lab))
  }
  let labs = await chosen(every)
  if (labs.length === 0 && every === undefined) labs = await chosen(await everyProvider())
  for (const { lab, from } of labs) {
    await stopLab(home, from, lab)
    remark(`stopped ${lab}`)
  }
  if (!options.all && labs.length === 0 && meant === undefined) throw new Unable('no lab is running')
  if (options.json) json({ stopped: labs.map(({ lab }) => lab) })
  return 0
}
