// The whole static site, as files.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { LabRecord } from '../runner/core/record.ts'
import type { Course } from './course.ts'
import { makeHighlight } from './highlight.ts'
import { pagesOf, rendered } from './pages.ts'
import { picturesOf } from './pictures.ts'
import { searchScript } from './search.ts'

const require = createRequire(import.meta.url)

/** Paths from the site's root, with forward slashes, and what is in each. `records`: by the lab's slug. */
export async function buildSite(course: Course, records: ReadonlyMap<string, LabRecord> = new Map()): Promise<ReadonlyMap<string, string | Buffer>> {
  const pictures = new Map(await Promise.all(course.labs.flatMap(lab => {
    const record = records.get(lab.slug)
    return record === undefined ? [] : [picturesOf(lab, record).then(drawn => [lab.slug, drawn] as const)]
  })))
  const pages = rendered(course, pagesOf(course, await makeHighlight(), pictures))
  const own = (name: string): string => readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8')
  const font = (name: string): Buffer => readFileSync(require.resolve(`@fontsource-variable/${name}`))
  return new Map<string, string | Buffer>([
    ...pages,
    ['assets/site.css', own('site.css')], ['assets/drawing.css', own('drawing.css')], ['assets/site.js', own('site.js')], ['assets/theme.js', own('theme.js')],
    ['assets/index.js', searchScript(course)],
    // The module's own form for a script that is loaded by its name.
    ['assets/minisearch.js', readFileSync(join(dirname(require.resolve('minisearch')), '../umd/index.js'), 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n')],
    ['assets/inter.woff2', font('inter/files/inter-latin-wght-normal.woff2')],
    ['assets/jetbrains-mono.woff2', font('jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2')],
  ])
}
