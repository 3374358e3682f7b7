// The course as the site's tests have it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { featureNames } from '../../runner/cli/features.ts'
import { listLabs, loadLab, projectRoot } from '../../runner/engine/course.ts'
import { readChecks, type Course } from '../../site/course.ts'
import { parseGlossary } from '../../site/glossary.ts'

export async function siteCourse(): Promise<Course> {
  const labs = await Promise.all(listLabs(projectRoot).map(({ slug }) => loadLab(projectRoot, slug, { features: featureNames })))
  const check = (name: string): string => readFileSync(join(projectRoot, 'checks', name), 'utf8')
  const index = check('index.ts')
  const files = new Map([...index.matchAll(/from '\.\/([^']+)'/g)].map(([, name = '']) => [name, check(name)]))
  return {
    labs,
    terms: parseGlossary(readFileSync(join(projectRoot, 'labs/glossary.md'), 'utf8'), 'labs/glossary.md'),
    checks: readChecks(index, files, new Map(labs.map(({ slug, dir }) => [slug, readFileSync(join(dir, 'lab.ts'), 'utf8')]))),
  }
}
