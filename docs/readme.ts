// Writes the parts of README.md that are made from the labs: sh runner/cli/launch --node docs/readme.ts
// Everything between `<!-- labs -->` and `<!-- /labs -->`, and so on. Needs no nodes; `npm test` says when it is due.
import { readFileSync, writeFileSync } from 'node:fs'
import { featureNames } from '../runner/cli/features.ts'
import { listLabs, loadLab, projectRoot, type LoadedLab } from '../runner/engine/course.ts'
import { listed, says, stillSo, type Proven } from './proven.ts'

const FILE = new URL('../README.md', import.meta.url)
/** What `npm run proof` saw last. */
export const PROOF = new URL('proof.json', import.meta.url)
export const proven = (): Proven => JSON.parse(readFileSync(PROOF, 'utf8')) as Proven

/** The text with its generated parts made anew. */
export async function generated(readme: string): Promise<string> {
  // Always the course of this project, whatever LAB_COURSE says.
  const labs = await Promise.all(listLabs(projectRoot).map(({ slug }) => loadLab(projectRoot, slug, { features: featureNames })))
  const last = proven()
  return Object.entries({ labs: table(labs, last), proof: says(last, new Map(labs.map(lab => [lab.slug, listed(lab)]))) })
    .reduce((text, [name, content]) => between(text, name, content), readme)
}

function table(labs: readonly LoadedLab[], last: Proven): string {
  const rows = labs.map(loaded => {
    const { slug, lesson, lab } = loaded
    const steps = Object.values(lab.steps)
    const [now, seen] = [listed(loaded), last[slug]]
    return { slug, title: lesson.title, minutes: lesson.minutes, steps: steps.length, claims: steps.reduce((sum, step) => sum + step.checks.length, 0),
      ...now, proof: stillSo(seen, now) ? `${seen.seconds} s` : '–' }
  })
  const sum = (part: 'minutes' | 'steps' | 'claims' | 'rightWays' | 'wrongWays' | 'questions'): number => rows.reduce((total, row) => total + row[part], 0)
  return [
    '| lab | minutes | steps | claims | other right ways | wrong ways | questions | proof |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ slug, title, minutes, steps, claims, rightWays, wrongWays, questions, proof }) =>
      `| [${slug.slice(0, 2)} · ${title}](labs/${slug}/lesson.md) | ${minutes} | ${steps} | ${claims} | ${rightWays} | ${wrongWays} | ${questions} | ${proof} |`),
    `| all | ${sum('minutes')} | ${sum('steps')} | ${sum('claims')} | ${sum('rightWays')} | ${sum('wrongWays')} | ${sum('questions')} | |`,
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
