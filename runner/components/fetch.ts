// Fills the cache with components: what is published, or what Go makes of the source where that cannot be reached.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { components, SOURCES, thisArch } from '../../fixtures/kubernetes/components.ts'
import type { Component, ComponentName } from '../core/components.ts'
import type { Progress } from '../core/provider.ts'
import { build } from './build.ts'
import { componentsFolder, CONTENTS, contentsOf, folderName, isWhole, sha256, type Contents, type Sized } from './cache.ts'
import { download, synced, Unreached } from './download.ts'

export interface Fetching {
  readonly cache: string
  /** Never what is published. */
  readonly fromSource?: boolean
  readonly progress: Progress
  readonly signal: AbortSignal
  /** Default: those of fixtures/kubernetes. */
  readonly catalogue?: Readonly<Partial<Record<ComponentName, Component>>>
  readonly sources?: string
}

export interface Fetched {
  readonly name: ComponentName
  readonly version: string
  readonly from: Contents['from']
  /** It was there already. */
  readonly there: boolean
  readonly ms: number
}

/** One after another: each takes all processors, or all of the network. Whoever fetches at the same time is waited for. */
export async function fetchComponents(names: readonly ComponentName[], fetching: Fetching): Promise<readonly Fetched[]> {
  const folder = componentsFolder(fetching.cache)
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  return alone(join(folder, '.lock'), fetching, async () => {
    for (const half of await halfFetched(folder)) await rm(half, { recursive: true, force: true })
    const done: Fetched[] = []
    const away = new Set<string>()
    for (const name of names) done.push(await fetchOne(name, folder, fetching, away))
    return done
  })
}

const MAKING = '.making-'

/** What whoever was killed has left. */
async function halfFetched(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter(name => name.includes(MAKING) && !alive(Number(name.split(MAKING)[1]))).map(name => join(folder, name))
}

async function fetchOne(name: ComponentName, folder: string, { cache, fromSource = false, progress, signal, catalogue = components, sources = SOURCES }: Fetching, away: Set<string>): Promise<Fetched> {
  const started = performance.now()
  signal.throwIfAborted()
  const component = catalogue[name] ?? components[name]
  const target = join(folder, folderName(name, component))
  const done = (from: Contents['from'], there: boolean): Fetched => ({ name, version: component.version, from, there, ms: Math.round(performance.now() - started) })
  const before = contentsOf(target, component)
  // Asked for by hand, so there is time to look at every byte.
  if (before !== undefined && await isWhole(target, component)) return done(before.from, true)
  if (await stat(target).then(() => true, () => false)) progress.say(`${name} is damaged: it is fetched again`)
  const work = `${target}${MAKING}${process.pid}`
  await mkdir(work, { recursive: true })
  try {
    const built = (): Promise<void> => build({ name, source: component.source, sources, arch: thisArch, goFolder: join(cache, 'go'), progress, signal }, work)
    const from = await obtain(component, work, join(folder, '.parts'), built, away, { fromSource, progress, signal })
    await finish(work, component, from)
    await rm(target, { recursive: true, force: true })
    await rename(work, target)
    await synced(target)
    return done(from, false)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function obtain(
  { release, programs }: Component, into: string, parts: string, built: () => Promise<void>, away: Set<string>,
  { fromSource, progress, signal }: Required<Pick<Fetching, 'fromSource' | 'progress' | 'signal'>>,
): Promise<Contents['from']> {
  const published = release?.(thisArch)
  // Who has not answered once is not waited for again.
  const host = published === undefined ? '' : new URL(published.url).host
  if (published !== undefined && !fromSource && !away.has(host)) {
    try {
      await download(published, programs, into, parts, progress, signal)
      return 'release'
    } catch (error) {
      if (!(error instanceof Unreached)) throw error
      progress.say(error.message)
      away.add(host)
    }
  }
  await built()
  return 'source'
}

/** Says what is there, last of all, and that on the disk. Nodes are nobody's here, and read it none the less. */
async function finish(folder: string, { programs }: Component, from: Contents['from']): Promise<void> {
  for (const path of [folder, ...programs.map(program => join(folder, program))]) await chmod(path, 0o755)
  const sized = await Promise.all(programs.map(async (program): Promise<readonly [string, Sized]> => {
    const path = join(folder, program)
    await synced(path)
    return [program, { bytes: (await stat(path)).size, sha256: await sha256(path) }]
  }))
  const contents: Contents = { from, programs: Object.fromEntries(sized) }
  await writeFile(join(folder, CONTENTS), `${JSON.stringify(contents, null, 2)}\n`)
  await synced(join(folder, CONTENTS))
}

const WAIT_MS = 200
/** By then whoever has just made a lock has said who it is. */
const NAMELESS_MS = 5_000

/** A lock whose owner has died is nobody's. Two who take over one at the same time lose time, and nothing else: each has a folder of its own. */
async function alone<T>(path: string, { progress, signal }: Fetching, work: () => Promise<T>): Promise<T> {
  while (!taken(path)) {
    signal.throwIfAborted()
    const owner = ownerOf(path)
    if (owner === undefined ? ageOf(path) > NAMELESS_MS : !alive(owner)) rmSync(path, { force: true })
    else {
      progress.say(`waiting for process ${owner ?? '?'}, which is fetching components`)
      await pause(WAIT_MS)
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function taken(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function ownerOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function ageOf(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
