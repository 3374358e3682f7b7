// Writes the parts of labs/README.md that are made from the lessons: sh runner/cli/launch --node docs/labs.ts
// Everything between `<!-- map -->` and `<!-- /map -->`, and so on. What a lesson does not say is not written. Needs no nodes; `npm test` says when it is due.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseLesson, type Lesson } from '../runner/core/lesson.ts'
import { listLabs, projectRoot } from '../runner/engine/course.ts'
import { MECHANISMS, SYSTEMS, type Mechanism } from './mechanisms.ts'
import { SUBJECTS, type Subject } from './subjects.ts'

const FILE = new URL('../labs/README.md', import.meta.url)

/** A lab as this page sees it. */
export interface MapLab {
  readonly number: string
  readonly slug: string
  readonly lesson: Lesson
  /** Numbers of labs whose results or words its lesson takes up. */
  readonly standsOn: readonly string[]
}

export function readCourse(): readonly MapLab[] {
  // Always the course of this project, whatever LAB_COURSE says.
  return listLabs(projectRoot).map(({ slug, dir }) => {
    const lesson = parseLesson(readFileSync(`${dir}/lesson.md`, 'utf8'), `labs/${slug}/lesson.md`)
    const number = slug.slice(0, 2)
    const text = [lesson.intro, ...lesson.steps.map(step => step.markdown)].join('\n')
    return { number, slug, lesson, standsOn: mentioned(text).filter(other => other < number) }
  })
}

/** The text with its generated parts made anew. */
export function generatedMap(readme: string, labs: readonly MapLab[] = readCourse()): string {
  return Object.entries({ map: map(labs), order: order(labs), systems: systems(labs), subjects: subjects(labs) })
    .reduce((text, [name, content]) => between(text, name, content), readme)
}

/** `lab 05`, `labs 02, 05 and 06`, `labs 05 to 10`, `labs 14 and 15`. */
export function mentioned(text: string): readonly string[] {
  const found = new Set<string>()
  for (const [said] of text.matchAll(/\blabs? \d\d(?:(?:,| and| to|, and| or)\s\d\d)*/gi)) {
    const numbers = said.match(/\d\d/g) ?? []
    for (const number of numbers) found.add(number)
    const [, from, to] = / (\d\d) to (\d\d)$/.exec(said) ?? []
    if (from !== undefined && to !== undefined) for (let at = Number(from); at < Number(to); at++) found.add(String(at).padStart(2, '0'))
  }
  return [...found].toSorted()
}

const PARTS: readonly (readonly [name: string, from: string, to: string])[] = [
  ['One node', '01', '04'], ['Between nodes', '05', '11'], ['Plugins', '12', '13'], ['Services and names', '14', '18'], ['Policies', '19', '19'],
  ['More than one network', '20', '21'], ['Clusters', '22', '23'], ['All of it', '24', '99'],
]

/** An arrow to each lab from those that it stands on, but for what these stand on in turn. */
function map(labs: readonly MapLab[]): string {
  const below = new Map<string, ReadonlySet<string>>()
  for (const { number, standsOn } of labs) below.set(number, new Set(standsOn.flatMap(other => [other, ...below.get(other) ?? []])))
  const there = new Set(labs.map(({ number }) => number))
  const arrows = labs.flatMap(({ number, standsOn }) => standsOn
    .filter(other => there.has(other) && !standsOn.some(between => between !== other && below.get(between)?.has(other) === true))
    .map(other => `  ${other} --> ${number}`))
  const boxes = PARTS.flatMap(([name, from, to], index) => {
    const own = labs.filter(({ number }) => number >= from && number <= to)
    return own.length === 0 ? [] : [`  subgraph part${index}["${name}"]`, ...own.map(({ number, lesson }) => `    ${number}["${number} · ${lesson.title.replaceAll('"', '')}"]`), '  end']
  })
  return ['```mermaid', 'graph LR', ...boxes, ...arrows, '```'].join('\n')
}

function order(labs: readonly MapLab[]): string {
  const byNumber = new Map(labs.map(lab => [lab.number, lab]))
  const linked = (number: string): string => byNumber.has(number) ? `[${number}](${byNumber.get(number)?.slug ?? ''}/lesson.md)` : number
  return [
    '| lab | it begins with | stands on | minutes | steps | questions |',
    '| --- | --- | --- | ---: | ---: | ---: |',
    ...labs.map(({ number, slug, lesson, standsOn }) => {
      const questions = lesson.steps.flatMap(step => step.blocks).filter(block => block.kind === 'answer').length
      return `| [${number} · ${lesson.title}](${slug}/lesson.md) | ${question(lesson.intro)} | ${standsOn.map(linked).join(' ')} | ${lesson.minutes} | ${lesson.steps.length} | ${questions} |`
    }),
    `| all | | | ${labs.reduce((sum, { lesson }) => sum + lesson.minutes, 0)} | ${labs.reduce((sum, { lesson }) => sum + lesson.steps.length, 0)} | |`,
  ].join('\n')
}

/** The last question before the lesson says what it is about. */
export function question(intro: string): string {
  const before = flat(intro.split(/\n\s*\n/).slice(0, 3).filter(part => !/^(```|In this lab\b)/.test(part)).join(' '))
  // A sign within an address or a number ends no sentence.
  return before.match(/(?:[^.?!:]|[.?!:](?!\s|$))+\?(?=\s|$)/g)?.at(-1)?.trim() ?? ''
}

function systems(labs: readonly MapLab[]): string {
  return SYSTEMS.flatMap(system => {
    const own = MECHANISMS.filter(one => one.system === system).flatMap(one => {
      const place = placeOf(labs, one.at)
      if (place === undefined) return []
      if (!holds(place.text, one.called)) throw new Error(`${one.at} does not say ${JSON.stringify(one.called)}, which ${system} is to call ${one.does}`)
      return [{ ...one, place }]
    })
    if (own.length === 0) return []
    return [`### ${system}`, '', '| what | is called | built, or told, in |', '| --- | --- | --- |',
      ...own.map(({ does, called, place }: Mechanism & { readonly place: Place }) => `| ${does} | ${called !== system && isCode(place.text, called) ? `\`${called}\`` : called} | ${place.link} |`), '']
  }).join('\n').trimEnd()
}

/** As the lesson has it; what has signs in it is code anyway. */
function isCode(text: string, called: string): boolean {
  return /[._/:-]/.test(called) || [...text.matchAll(/`([^`\n]+)`/g)].some(([, code = '']) => code.includes(called))
}

function subjects(labs: readonly MapLab[]): string {
  return ['| about | in |', '| --- | --- |', ...SUBJECTS.flatMap(subject => {
    const places = subject.at.flatMap(at => placeOf(labs, at) ?? [])
    return places.length === 0 ? [] : [`| ${subject.about} | ${places.map(({ link }) => link).join('<br>')} |`]
  })].join('\n')
}

export interface Place {
  readonly link: string
  readonly text: string
}

/** `14#shares`, `18#reading`, or all of `13`. Undefined: there is no such lab, so far. A section that a lab has not is a mistake. */
export function placeOf(labs: readonly MapLab[], at: string): Place | undefined {
  const [number = '', section] = at.split('#')
  const lab = labs.find(one => one.number === number)
  if (lab === undefined) return undefined
  const { slug, lesson } = lab
  const file = `${slug}/lesson.md`
  const whole = [lesson.intro, ...lesson.steps.map(({ markdown, title }) => `${title}\n${markdown}`), lesson.reading ?? ''].join('\n')
  if (section === undefined) return { link: `[${number} · ${lesson.title}](${file})`, text: whole }
  if (section === 'reading') {
    if (lesson.reading === undefined) throw new Error(`lab ${number} has no reading`)
    return { link: `[${number} · ${lesson.title}, its reading](${file})`, text: lesson.reading }
  }
  const step = lesson.steps.find(({ id }) => id === section)
  if (step === undefined) throw new Error(`lab ${number} has no step ${section}: ${lesson.steps.map(({ id }) => id).join(', ')}`)
  return { link: `[${number} · ${step.title}](${file}#${anchor(`${step.title} {#${step.id}}`)})`, text: `${step.title}\n${step.markdown}` }
}

/** Whether a text has these words, whatever lines and marks they are in. */
export function holds(text: string, words: string): boolean {
  return flat(text).toLowerCase().includes(flat(words).toLowerCase())
}

/** What of a subject's words none of its places has. Undefined: a lab of them is not there yet. */
export function missingOf(labs: readonly MapLab[], { at, words }: Subject): readonly string[] | undefined {
  const places = at.map(one => placeOf(labs, one))
  if (places.includes(undefined)) return undefined
  return words.filter(word => !places.some(place => place !== undefined && holds(place.text, word)))
}

function flat(text: string): string {
  return text.replaceAll(/\]\([^)]*\)/g, ']').replaceAll(/[*`[\]]/g, '').replaceAll(/\s+/g, ' ')
}

/** As GitHub makes it of a heading. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

function between(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const from = text.indexOf(open)
  const to = text.indexOf(close)
  if (from === -1 || to < from) throw new Error(`labs/README.md has no ${open} … ${close}`)
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`
}

if (import.meta.main) writeFileSync(FILE, generatedMap(readFileSync(FILE, 'utf8')))
