import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { buildSite } from '../../../site/build.ts'
import { readChecks, type Course } from '../../../site/course.ts'
import { parseGlossary } from '../../../site/glossary.ts'
import { Usage } from '../../core/mistake.ts'
import { listLabs, projectRoot } from '../../engine/course.ts'
import { load, root } from '../context.ts'
import { json, plain, remark } from '../print.ts'

/** In a folder that has it, a site may be written over. */
const MARK = 'assets/site.css'

/** Writes the course as static pages, which need no server. */
export async function buildSiteCommand(directory: string, options: { readonly json?: true }): Promise<number> {
  const target = resolve(directory)
  if (existsSync(target) && !isOurs(target)) throw new Usage(`${directory} is there already and is no site of this program: name a folder that is empty or that is not there`)
  const files = await buildSite(await readCourse())
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

async function readCourse(): Promise<Course> {
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
