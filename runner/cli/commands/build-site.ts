import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { buildSite } from '../../../site/build.ts'
import { readChecks, type Course, type CourseLab } from '../../../site/course.ts'
import { parseGlossary } from '../../../site/glossary.ts'
import { Usage } from '../../core/mistake.ts'
import type { LabRecord } from '../../core/record.ts'
import { listLabs, projectRoot, type LoadedLab } from '../../engine/course.ts'
import { instancesOf, limiter } from '../../engine/limit.ts'
import { recordLab } from '../../engine/record-lab.ts'
import { works } from '../../engine/session.ts'
import { cache, chosenProvider, home, load, root } from '../context.ts'
import { nodesHave } from '../features.ts'
import { interruptible } from '../interrupt.ts'
import { json, plain, remark } from '../print.ts'
import { progressOn, shownUntil } from '../progress.ts'
import { BENCHES_PER_PROCESSOR } from './verify.ts'

/** In a folder that has it, a site may be written over. */
const MARK = 'assets/site.css'

export interface BuildOptions {
  readonly json?: true
  /** False with --no-record. */
  readonly record: boolean
  readonly provider?: string
}

/** Writes the course as static pages, which need no server. */
export async function buildSiteCommand(directory: string, options: BuildOptions): Promise<number> {
  const target = resolve(directory)
  if (existsSync(target) && !isOurs(target)) throw new Usage(`${directory} is there already and is no site of this program: name a folder that is empty or that is not there`)
  const course = await readCourse()
  const files = await buildSite(course, options.record ? await recorded(course.labs, options.provider) : new Map())
  for (const [path, content] of files) {
    const file = join(target, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  const pages = [...files.keys()].filter(path => path.endsWith('.html'))
  if (options.json) json({ directory: target, pages })
  remark(plain(`${pages.length} pages in ${directory}: open ${join(directory, 'index.html')}`))
  return 0
}

function isOurs(target: string): boolean {
  try {
    return readdirSync(target).length === 0 || existsSync(join(target, MARK))
  } catch {
    return false
  }
}

/** Each lab done on nodes; those that this kernel cannot do have no pictures, and that is said. */
async function recorded(labs: readonly LoadedLab[], asked: string | undefined): Promise<ReadonlyMap<string, LabRecord>> {
  const provider = await chosenProvider(asked)
  await works(provider)
  const progress = progressOn(process.stderr)
  return shownUntil(progress, interruptible(async signal => {
    await provider.prepare(progress)
    const limit = limiter(BENCHES_PER_PROCESSOR * availableParallelism())
    const features = await nodesHave(provider, [...new Set(labs.flatMap(({ lesson }) => lesson.requires))], cache, signal)
    return new Map((await Promise.all(labs.map(async loaded => {
      const missing = loaded.lesson.requires.filter(name => !features.has(name))
      if (missing.length > 0) {
        remark(`no pictures of ${loaded.slug}: nodes here lack ${missing.join(', ')}`)
        return []
      }
      return [[loaded.slug, await recordLab({ home, provider, loaded }, { signal, limit: work => limit(work, { instances: instancesOf(loaded.topology) }), onPart: text => progress.say(text) })] as const]
    }))).flat())
  }))
}

async function readCourse(): Promise<Course & { readonly labs: readonly (CourseLab & LoadedLab)[] }> {
  const labs = await Promise.all(listLabs(root).map(async ({ slug, dir }) => ({ ...await load(slug), script: readFileSync(join(dir, 'lab.ts'), 'utf8') })))
  if (labs.length === 0) throw new Usage(`there are no labs in ${root}`)
  const checks = join(projectRoot, 'checks')
  const sources = new Map(readdirSync(checks).filter(name => name.endsWith('.ts')).map(name => [name, readFileSync(join(checks, name), 'utf8')]))
  const glossary = join(root, 'labs/glossary.md')
  return {
    labs,
    checks: readChecks(sources.get('index.ts') ?? '', sources, new Map(labs.map(({ slug, script }) => [slug, script]))),
    terms: existsSync(glossary) ? parseGlossary(readFileSync(glossary, 'utf8'), 'labs/glossary.md') : [],
  }
}
