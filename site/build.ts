// The whole static site, as files.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Course } from './course.ts'
import { makeHighlight } from './highlight.ts'
import { pagesOf, rendered } from './pages.ts'
import { searchScript } from './search.ts'

const require = createRequire(import.meta.url)

/** Paths from the site's root, with forward slashes, and what is in each. */
export async function buildSite(course: Course): Promise<ReadonlyMap<string, string | Buffer>> {
  const pages = rendered(course, pagesOf(course, await makeHighlight()))
  const own = (name: string): string => readFileSync(new URL(`assets/${name}`, import.meta.url), 'utf8')
  const font = (name: string): Buffer => readFileSync(require.resolve(`@fontsource-variable/${name}`))
  return new Map<string, string | Buffer>([
    ...pages,
    ['assets/site.css', own('site.css')], ['assets/site.js', own('site.js')], ['assets/theme.js', own('theme.js')],
    ['assets/index.js', searchScript(course)],
    // The module's own form for a script that is loaded by its name.
    ['assets/minisearch.js', readFileSync(join(dirname(require.resolve('minisearch')), '../umd/index.js'), 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n')],
    ['assets/inter.woff2', font('inter/files/inter-latin-wght-normal.woff2')],
    ['assets/jetbrains-mono.woff2', font('jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2')],
  ])
}
