// Puts things together: which provider, which lab, where state is.
import { existsSync } from 'node:fs'
import { Unable, Usage } from '../core/mistake.ts'
import type { Provider, ProviderName, RunningLab } from '../core/provider.ts'
import { courseRoot, listLabs, resolveLab, type LabSummary } from '../engine/course.ts'
import { folders } from '../engine/state.ts'
import type { Session } from '../engine/session.ts'
import { remark } from './print.ts'

export const { home, cache } = folders()
export const root = courseRoot()

export async function provider(name: ProviderName): Promise<Provider> {
  if (name === 'embedded') return (await import('../providers/embedded/index.ts')).embedded({ home, cache })
  if (name === 'docker') return (await import('../providers/docker/index.ts')).docker({ home, cache })
  return (await import('../providers/kind/index.ts')).kind({ home, cache })
}

export function providerName(name: string): ProviderName {
  if (name === 'embedded' || name === 'docker' || name === 'kind') return name
  throw new Usage(`there is no provider ${JSON.stringify(name)}: use embedded or docker, or kind for a topology that suits it`)
}

/** What was asked for, or what works here: embedded if it does, else docker. */
export async function chosenProvider(asked: string | undefined): Promise<Provider> {
  const name = asked ?? process.env['LAB_PROVIDER']
  if (name !== undefined) return provider(providerName(name))
  const embedded = await provider('embedded')
  const reasons = (await embedded.problems()).filter(problem => problem.severity === undefined)
  if (reasons.length === 0) return embedded
  const docker = await provider('docker')
  if ((await docker.problems()).every(problem => problem.severity !== undefined)) return docker
  throw new Unable([
    'no way to get nodes works here',
    ...reasons.map(({ what, mend }) => `  embedded: ${what}\n    mend it: ${mend}`),
    ...(await docker.problems()).map(({ what, mend }) => `  docker: ${what}\n    mend it: ${mend}`),
  ].join('\n'))
}

/** Providers that can have nodes here, asking no engine that was never used: asking one takes longer than all else. */
export async function usedProviders(): Promise<readonly Provider[]> {
  const used: Provider[] = process.platform === 'linux' ? [await provider('embedded')] : []
  const last = await lastUsed()
  for (const name of ['docker', 'kind'] as const) if (last.has(name)) used.push(await provider(name))
  return used
}

/** Those that labs were started with, and not stopped since. */
async function lastUsed(): Promise<ReadonlySet<ProviderName>> {
  const { Journal, journaled } = await import('../engine/journal.ts')
  return new Set(journaled(home).flatMap(lab => {
    const last = new Journal(home, lab).events().findLast(event => event.kind === 'started' || event.kind === 'stopped')
    return last?.kind === 'started' ? [last.provider] : []
  }))
}

/** Every provider that may have something of ours, used or not: a start that was killed may not have come to say so. */
export async function everyProvider(): Promise<readonly Provider[]> {
  const used = await usedProviders()
  const engines = await Promise.all((['docker', 'kind'] as const).filter(name => used.every(each => each.name !== name)).map(provider))
  if (engines.length === 0) return used
  const answers = (await (await provider('docker')).problems()).every(({ severity }) => severity !== undefined)
  return answers ? [...used, ...engines] : used
}

/** Every kept lab of these providers, the last started first. Default: of those that were used. */
export async function runningLabs(providers?: readonly Provider[]): Promise<readonly (RunningLab & { readonly from: Provider })[]> {
  const all = await Promise.all((providers ?? await usedProviders()).map(async from =>
    (await from.running()).map(running => ({ ...running, from }))))
  return all.flat().toSorted((a, b) => b.startedAt - a.startedAt)
}

/** The lab that a command means: the one that is named, or the last started; with several it says which. */
export async function session(name?: string): Promise<Session> {
  const running = await runningLabs()
  const meant = name === undefined ? undefined : await resolveLab(root, name)
  const found = meant === undefined ? running[0] : running.find(({ lab }) => lab === meant.slug)
  if (found === undefined) {
    throw new Unable(meant === undefined ? 'no lab is running: `npx lab start`' : `${meant.slug} is not running: \`npx lab start ${meant.slug}\``)
  }
  if (meant === undefined && running.length > 1) remark(`of ${running.length} running labs this means ${found.lab}, the last started`)
  return { home, provider: found.from, loaded: await load(found.lab) }
}

export async function load(slug: string): Promise<Session['loaded']> {
  const [{ loadLab }, { featureNames }] = await Promise.all([import('../engine/course.ts'), import('./features.ts')])
  return loadLab(root, slug, { features: featureNames })
}

/** The lab that `lab start` means without a name: the first that is not finished. */
export async function nextLab(): Promise<LabSummary> {
  const { readProgress } = await import('../engine/progress.ts')
  const progress = readProgress(home)
  const labs = listLabs(root)
  for (const lab of labs) {
    const done = progress.get(lab.slug)
    if (done === undefined) return lab
    const { parseLesson } = await import('../core/lesson.ts')
    const { readFileSync } = await import('node:fs')
    const { steps } = parseLesson(readFileSync(`${lab.dir}/lesson.md`, 'utf8'), lab.slug)
    if (!steps.every(step => done.has(step.id))) return lab
  }
  const first = labs[0]
  if (first === undefined) throw new Unable(`there are no labs in ${existsSync(`${root}/labs`) ? `${root}/labs` : root}: \`npx lab new my-lab\``)
  return first
}
