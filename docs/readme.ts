// Writes the parts of README.md that are made from the labs: sh runner/cli/launch --node docs/readme.ts
// Everything between `<!-- labs -->` and `<!-- /labs -->`. Needs no nodes; `npm test` says when it is due.
import { readFileSync, writeFileSync } from 'node:fs'
import { featureNames } from '../runner/cli/features.ts'
import { listLabs, loadLab, projectRoot, type LoadedLab } from '../runner/engine/course.ts'

const FILE = new URL('../README.md', import.meta.url)

/** The text with its generated parts made anew. */
export async function generated(readme: string): Promise<string> {
  // Always the course of this project, whatever LAB_COURSE says.
  const labs = await Promise.all(listLabs(projectRoot).map(({ slug }) => loadLab(projectRoot, slug, { features: featureNames })))
  return between(readme, 'labs', table(labs))
}

function table(labs: readonly LoadedLab[]): string {
  const rows = labs.map(({ slug, lesson, lab }) => {
    const steps = Object.values(lab.steps)
    const count = (part: 'checks' | 'alternatives' | 'mutants' | 'answers'): number => steps.reduce((sum, step) => sum + Object.keys(step[part] ?? {}).length, 0)
    return { slug, title: lesson.title, minutes: lesson.minutes, requires: lesson.requires, steps: steps.length,
      claims: count('checks'), ways: count('alternatives'), mutants: count('mutants'), questions: count('answers') }
  })
  const sum = (part: 'steps' | 'claims' | 'ways' | 'mutants' | 'questions'): number => rows.reduce((total, row) => total + row[part], 0)
  return [
    '| lab | minutes | steps | claims | other right ways | wrong ways | questions |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ slug, title, minutes, steps, claims, ways, mutants, questions }) =>
      `| [${slug.slice(0, 2)} · ${title}](labs/${slug}/lesson.md) | ${minutes} | ${steps} | ${claims} | ${ways} | ${mutants} | ${questions} |`),
    `| all | ${rows.reduce((total, row) => total + row.minutes, 0)} | ${sum('steps')} | ${sum('claims')} | ${sum('ways')} | ${sum('mutants')} | ${sum('questions')} |`,
  ].join('\n')
}

function between(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = text.indexOf(open)
  const to = text.indexOf(close)
  if (from === -1 || to < from) throw new Error(`README.md has no ${open} … ${close}`)
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`
}

if (import.meta.main) writeFileSync(FILE, await generated(readFileSync(FILE, 'utf8')))
