// Fills the cache with components of Kubernetes, for labs whose nodes may have them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fetchComponents, type Fetched } from '../../components/fetch.ts'
import { componentsFolder } from '../../components/cache.ts'
import { COMPONENTS, isComponent, type ComponentName } from '../../core/components.ts'
import { parseLesson } from '../../core/lesson.ts'
import { Usage } from '../../core/mistake.ts'
import { nearestOf, quoted } from '../../core/quoted.ts'
import { listLabs, topologyOf } from '../../engine/course.ts'
import { cache, root } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { json, remark, result } from '../print.ts'
import { progressOn, shownUntil } from '../progress.ts'

export interface FetchOptions {
  readonly all?: true
  readonly fromSource?: true
  readonly json?: true
}

export async function fetchCommand(names: readonly string[], options: FetchOptions): Promise<number> {
  if (names.length > 0 && options.all) throw new Usage('either components or --all')
  const asked = options.all ? COMPONENTS : names.length > 0 ? [...new Set(names.map(componentCalled))] : await askedByLabs()
  if (asked.length === 0) remark('no lab asks for a component')
  const progress = progressOn(process.stderr)
  const fetched = await shownUntil(progress, interruptible(signal => fetchComponents(asked, { cache, fromSource: options.fromSource === true, progress, signal })))
  if (options.json) json({ folder: componentsFolder(cache), components: fetched })
  else for (const one of fetched) result(line(one))
  return 0
}

function line({ name, version, from, there, ms }: Fetched): string {
  const how = from === 'release' ? 'as published' : 'built'
  return `${name.padEnd(24)} ${version.padEnd(8)} ${there ? `${how}, there already` : `${how}, in ${(ms / 1000).toFixed(0)} s`}`
}

function componentCalled(name: string): ComponentName {
  if (isComponent(name)) return name
  throw new Usage(`no component is called ${quoted(name)}; expected ${nearestOf(name, COMPONENTS)}`)
}

/** What the topologies of the labs name. A lesson that cannot be read is `lab lint`'s business. */
export async function askedByLabs(): Promise<readonly ComponentName[]> {
  const asked = new Set<ComponentName>()
  for (const { slug, dir } of listLabs(root)) {
    try {
      const { nodes } = await topologyOf(root, parseLesson(readFileSync(join(dir, 'lesson.md'), 'utf8'), slug))
      for (const name of nodes.flatMap(({ components = [] }) => components)) asked.add(name)
    } catch {
      continue
    }
  }
  return COMPONENTS.filter(name => asked.has(name))
}
