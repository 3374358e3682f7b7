// Finds and loads labs. What `lab list` needs imports nothing heavy; parsers come with loadLab.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { glance } from '../core/front-matter.ts'
import type { Lab } from '../core/lab.ts'
import type { Lesson } from '../core/lesson.ts'
import { Mistake, Mistakes, Usage, type Position } from '../core/mistake.ts'
import type { Topology } from '../core/topology.ts'

/** A lab as a list shows it. */
export interface LabSummary {
  readonly slug: string
  readonly dir: string
  /** The slug where the front matter has none. */
  readonly title: string
  readonly minutes: number | undefined
}

export interface LoadedLab {
  readonly slug: string
  readonly dir: string
  readonly lesson: Lesson
  readonly lab: Lab
  readonly topology: Topology
}

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

/** The folder that `labs/` is in: this project, or what LAB_COURSE names. */
export function courseRoot(): string {
  return resolve(process.env.LAB_COURSE || projectRoot)
}

/** Every lab of the course, in order. */
export function listLabs(root: string = courseRoot()): readonly LabSummary[] {
  return labFolders(root).map(slug => {
    const dir = join(root, 'labs', slug)
    const { title, minutes } = glance(readFileSync(join(dir, 'lesson.md'), 'utf8'))
    return { slug, dir, title: title || slug, minutes }
  })
}

function labFolders(root: string): readonly string[] {
  const labs = join(root, 'labs')
  if (!existsSync(labs)) return []
  return readdirSync(labs)
    .filter(name => /^\d\d-[a-z0-9-]+$/.test(name) && existsSync(join(labs, name, 'lesson.md')))
    .toSorted()
}

/** The lab that is meant by its slug, its name without the number, its number, or the beginning of one of these. */
export async function resolveLab(root: string, name: string): Promise<LabSummary> {
  const labs = listLabs(root)
  const bare = (lab: LabSummary) => lab.slug.slice(3)
  const exact = labs.filter(lab => lab.slug === name || bare(lab) === name || (/^\d{1,2}$/.test(name) && Number(lab.slug.slice(0, 2)) === Number(name)))
  const begun = name === '' ? [] : labs.filter(lab => lab.slug.startsWith(name) || bare(lab).startsWith(name))
  const meant = exact.length > 0 ? exact : begun
  const [lab] = meant
  if (lab !== undefined && meant.length === 1) return lab
  const { nearest, oneOf, quoted } = await import('../core/quoted.ts')
  if (lab !== undefined) throw new Usage(`${quoted(name)} can be ${oneOf(meant.map(one => one.slug))}`)
  const names = labs.flatMap(one => [one.slug, bare(one)])
  const best = nearest(name, names)
  const slug = labs.find(one => one.slug === best || bare(one) === best)?.slug
  throw new Usage(`no lab is called ${quoted(name)}${slug ? `; the nearest is ${quoted(slug)}` : ''}. See \`npx lab list\`.`)
}

/** Reads a lab and proves that its files agree. Throws Mistakes. `features` are the names that a `requires` may have. */
export async function loadLab(root: string, slug: string, options: { readonly features?: readonly string[] } = {}): Promise<LoadedLab> {
  const dir = join(root, 'labs', slug)
  const [{ parseLesson }, { disagreements }] = await Promise.all([import('../core/lesson.ts'), import('../core/agree.ts')])
  const file = (path: string) => relative(root, path)
  const lesson = parseLesson(read(join(dir, 'lesson.md'), root), file(join(dir, 'lesson.md')))
  const topology = await topologyOf(root, lesson)
  const path = join(dir, 'lab.ts')
  const text = read(path, root)
  const lab = await importLab(path, root, text)
  const mistakes = disagreements(lesson, lab, topology, { file: file(path), text }, options.features)
  if (mistakes.length > 0) throw new Mistakes(mistakes)
  // Its shape is what disagreements has just looked at.
  return { slug, dir, lesson, lab: lab as Lab, topology }
}

function read(path: string, root: string): string {
  if (!existsSync(path)) {
    const at = { file: relative(root, path), line: 1, column: 1 }
    throw new Mistakes([new Mistake(at, { what: 'there is no such file', expected: 'one in each lab', example: 'npx lab new my-lab' })])
  }
  return readFileSync(path, 'utf8')
}

/** The topology that a lesson names, or has in itself. */
export async function topologyOf(root: string, lesson: Lesson): Promise<Topology> {
  return 'inline' in lesson.topology ? lesson.topology.inline : readTopologyFile(root, lesson.topology.name, lesson.topologyAt)
}

/** A course may bring topologies of its own. */
async function readTopologyFile(root: string, name: string, at: Position): Promise<Topology> {
  const { parseTopology } = await import('../core/topology.ts')
  const folders = [...new Set([root, projectRoot].map(each => join(resolve(each), 'fixtures', 'topologies')))]
  for (const folder of folders) {
    const path = join(folder, `${name}.yaml`)
    if (existsSync(path)) return parseTopology(readFileSync(path, 'utf8'), relative(root, path))
  }
  const { nearestOf, quoted } = await import('../core/quoted.ts')
  const names = folders.filter(folder => existsSync(folder)).flatMap(folder => readdirSync(folder)).filter(each => each.endsWith('.yaml')).map(each => each.slice(0, -5))
  throw new Mistakes([new Mistake(at, { what: `no file of fixtures/topologies is called ${quoted(`${name}.yaml`)}`, expected: nearestOf(name, names) })])
}

async function importLab(path: string, root: string, text: string): Promise<unknown> {
  if (!resolve(path).startsWith(projectRoot)) resolveHardwayFromHere()
  try {
    const module: { default?: unknown } = await import(pathToFileURL(path).href)
    return module.default
  } catch (error) {
    throw new Mistakes([whileImporting(error, path, root, text)])
  }
}

let hooked = false

/** A course elsewhere has no node_modules to find "hardway/lab" in. */
function resolveHardwayFromHere(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve: (specifier, context, next) => specifier.startsWith('hardway/') ? next(specifier, { ...context, parentURL: import.meta.url }) : next(specifier, context),
  })
}

/** Node says where it went wrong in the stack: above the message for syntax, below it for what was thrown. */
function whileImporting(error: unknown, path: string, root: string, text: string): Mistake {
  const message = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
  const what = `lab.ts cannot be imported: ${plain(message, root)}`
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return new Mistake(placeOf(stack, message, path, root, text), { what, expected: remedy(message, stack) })
}

function remedy(message: string, stack: string): string {
  if (message.includes('does not provide an export')) return 'a name that it exports'
  if (/ERR_(MODULE_NOT_FOUND|PACKAGE_PATH_NOT_EXPORTED|UNSUPPORTED_DIR_IMPORT)/.test(stack)) return 'a module that is there'
  if (/SyntaxError/.test(stack)) return 'TypeScript that Node can run by leaving out the types'
  return 'a module that does nothing but define the lab'
}

/** One line, and no path of this machine. */
function plain(message: string, root: string): string {
  return message.replace(/ imported from .*$/, '').replaceAll(/\p{Cc}/gu, ' ').replaceAll(pathToFileURL(join(root, sep)).href, '').replaceAll(join(root, sep), '')
}

function placeOf(stack: string, message: string, path: string, root: string, text: string): Position {
  const toPath = (from: string) => (from.startsWith('file:') ? fileURLToPath(from) : from)
  const file = (from: string) => relative(root, toPath(from))
  const head = /^((?:file:|\/).*?):(\d+)\n([^]*?)\n(\s*)\^/.exec(stack)
  if (head?.[1] !== undefined) return { file: file(head[1]), line: Number(head[2]), column: (head[4]?.length ?? 0) + 1 }
  for (const frame of stack.matchAll(/\(?((?:file:\/\/)?\/[^\s()]+?)(?:\?[^\s():]*)?:(\d+):(\d+)\)?$/gm)) {
    const from = toPath(frame[1] ?? '')
    const ours = from.startsWith(join(resolve(root), sep)) && !from.includes('/node_modules/') && from !== fileURLToPath(import.meta.url)
    if (ours) return { file: file(from), line: Number(frame[2]), column: Number(frame[3]) }
  }
  // What is missing is named in the message; the import that asks for it ends alike.
  const missing = /'([^']*)'/.exec(message)?.[1]?.split('/').at(-1)
  const index = missing ? text.indexOf(missing) : -1
  const before = text.slice(0, Math.max(index, 0)).split('\n')
  return { file: file(path), line: before.length, column: index === -1 ? 1 : (/['"][^'"]*$/.exec(before.at(-1) ?? '')?.index ?? 0) + 1 }
}
