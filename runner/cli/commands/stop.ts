import { Unable, Usage } from '../../core/mistake.ts'
import { resolveLab } from '../../engine/course.ts'
import { stop as stopLab } from '../../engine/session.ts'
import { home, provider, root, runningLabs, usedProviders } from '../context.ts'
import { json, remark } from '../print.ts'

export async function stop(name: string | undefined, options: { readonly all?: true; readonly json?: true }): Promise<number> {
  if (name !== undefined && options.all) throw new Usage('either a lab or --all')
  // First, and also where no lab is running: a start that was killed may have left something. What it had asked its engine for may be done
  // meanwhile, and be a lab that is running.
  if (options.all) for (const from of await everyProvider()) await from.leftovers({ remove: true })
  const running = await runningLabs()
  const meant = name === undefined ? undefined : (await resolveLab(root, name)).slug
  const labs = options.all ? running : running.filter(({ lab }) => lab === (meant ?? running[0]?.lab))
  for (const { lab, from } of labs) {
    await stopLab(home, from, lab)
    remark(`stopped ${lab}`)
  }
  if (!options.all && labs.length === 0 && meant === undefined) throw new Unable('no lab is running')
  if (options.json) json({ stopped: labs.map(({ lab }) => lab) })
  return 0
}

async function everyProvider(): Promise<readonly { leftovers(options: { remove: boolean }): Promise<readonly string[]> }[]> {
  const used = await usedProviders()
  const engines = await Promise.all((['docker', 'kind'] as const).filter(name => used.every(each => each.name !== name)).map(provider))
  if (engines.length === 0) return used
  const answers = (await (await provider('docker')).problems()).every(({ severity }) => severity !== undefined)
  return answers ? [...used, ...engines] : used
}
