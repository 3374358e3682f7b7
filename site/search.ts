// What the search on the pages looks through: sections, as a script, since a page that is a file may load nothing else.
import MiniSearch, { type Options } from 'minisearch'
import type { Course } from './course.ts'
import { faultsOf } from './course.ts'
import { titleOf } from './pages.ts'

export interface Found {
  readonly id: string
  readonly title: string
  readonly under: string
  readonly text: string
}

/** The script of the pages is given the same. */
export const OPTIONS: Options<Found> = { fields: ['title', 'under', 'text'], storeFields: ['title', 'under'], searchOptions: { prefix: true, fuzzy: 0.1, boost: { title: 3, under: 1.5 }, combineWith: 'AND' } }

export function searchScript(course: Course): string {
  const index = new MiniSearch<Found>(OPTIONS)
  index.addAll([...sections(course)])
  // In a script `</` might end it, and U+2028 a line.
  const json = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
  return `window.hardwaySearch = ${json({ options: OPTIONS, index: JSON.stringify(index) })}\n`
}

function sections(course: Course): readonly Found[] {
  return [
    ...course.labs.flatMap(lab => [
      { id: `labs/${lab.slug}.html`, title: titleOf(lab), under: 'lab', text: lab.lesson.intro },
      ...lab.lesson.steps.map(step => ({
        id: `labs/${lab.slug}.html#${step.id}`, title: step.title, under: titleOf(lab),
        text: [step.markdown, ...lab.lab.steps[step.id]?.checks.map(({ claim }) => claim) ?? []].join('\n'),
      })),
      ...(lab.lesson.reading === undefined ? [] : [{ id: `labs/${lab.slug}.html#reading`, title: 'What real systems do', under: titleOf(lab), text: lab.lesson.reading }]),
    ]),
    ...course.terms.map(({ id, names, markdown }) => ({ id: `glossary.html#${id}`, title: names.join(', '), under: 'glossary', text: markdown })),
    ...course.checks.map(({ name, says }) => ({ id: `checks/${name}.html`, title: name, under: 'check', text: says })),
    ...faultsOf(course).map(({ slug, name, lab, refusedBy }) => ({ id: `faults/${slug}.html`, title: name, under: `fault of ${titleOf(lab)}`, text: refusedBy })),
  ]
}
