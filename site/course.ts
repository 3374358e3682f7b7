// What the site shows, as whoever builds it has read it.
import type { Lab } from '../runner/core/lab.ts'
import type { Lesson } from '../runner/core/lesson.ts'
import type { Topology } from '../runner/core/topology.ts'
import type { Term } from './glossary.ts'

export interface Course {
  readonly labs: readonly CourseLab[]
  readonly checks: readonly CourseCheck[]
  readonly terms: readonly Term[]
}

export interface CourseLab {
  readonly slug: string
  readonly lesson: Lesson
  readonly lab: Lab
  readonly topology: Topology
}

/** A function of `hardway/checks`. */
export interface CourseCheck {
  readonly name: string
  /** The heading that it stands below in checks/index.ts. */
  readonly group: string
  /** Markdown: its docstring. */
  readonly says: string
  /** Slugs of the labs that use it. */
  readonly usedBy: readonly string[]
}

/** From checks/index.ts, the files that it names, and the labs' own scripts. */
export function readChecks(index: string, files: ReadonlyMap<string, string>, labs: ReadonlyMap<string, string>): readonly CourseCheck[] {
  let group = ''
  return index.split('\n').flatMap(line => {
    const heading = /^\/\/ (.+)$/.exec(line)?.[1]
    if (heading !== undefined) group = heading
    const [, names, file] = /^export \{ ([^}]+) \} from '\.\/([^']+)'/.exec(line) ?? []
    if (names === undefined || file === undefined) return []
    return names.split(',').map(name => name.trim()).filter(name => !name.startsWith('type ')).map(name => ({
      name, group, says: docOf(files.get(file) ?? '', name),
      usedBy: [...labs].filter(([, script]) => new RegExp(`\\b${name}\\(`).test(script)).map(([slug]) => slug),
    }))
  })
}

/** The comment right before the function. */
function docOf(source: string, name: string): string {
  const [, comment = ''] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export (?:async )?function ${name}\\b`).exec(source) ?? []
  return comment.split('\n').map(line => line.replace(/^\s*\*? ?/, '').trimEnd()).join('\n').trim()
}

/** A mistake that can be made after a step is done: what `lab break` does. */
export interface Fault {
  readonly slug: string
  readonly name: string
  readonly lab: CourseLab
  readonly step: string
  readonly refusedBy: string
}

export function faultsOf(course: Course): readonly Fault[] {
  return course.labs.flatMap(lab => Object.entries(lab.lab.steps).flatMap(([step, { mutants = {} }]) =>
    Object.entries(mutants).flatMap(([name, mutant]) => 'after' in mutant
      ? [{ slug: `${lab.slug.slice(0, 2)}-${slugOf(name)}`, name, lab, step, refusedBy: mutant.refusedBy }] : [])))
}

function slugOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')
}
