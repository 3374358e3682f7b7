// What README.md says of the last proof, from what `npm run proof` keeps in docs/proof.json. Pure: the command is docs/proof.ts.
import type { Report } from '../runner/cli/commands/verify.ts'
import type { LoadedLab } from '../runner/engine/course.ts'

/** Of benches at once: one waits while the other works. */
export const JOBS = '2'

/** What of a lab is to be proven, in numbers. */
export interface Listed {
  readonly rightWays: number
  readonly wrongWays: number
  readonly questions: number
}

/** What a proof of it saw, and where. */
export interface Seen extends Listed {
  readonly seconds: number
  readonly date: string
  readonly provider: string
  readonly machine: string
  /** Right ways that this machine could not try, and why. */
  readonly skipped?: readonly string[]
}

/** The last proof of each lab, alone or among all, by its name; without those that the last proof did not prove. */
export type Proven = Readonly<{ [slug: string]: Seen }>

export function listed({ lab }: LoadedLab): Listed {
  const count = (part: 'alternatives' | 'mutants' | 'answers'): number => Object.values(lab.steps).reduce((sum, step) => sum + Object.keys(step[part] ?? {}).length, 0)
  return { rightWays: count('alternatives'), wrongWays: count('mutants'), questions: count('answers') }
}

/** Whether it is this lab that was proven, and not what it was before somebody changed it. */
export function stillSo(seen: Seen | undefined, now: Listed): seen is Seen {
  return seen !== undefined && COUNTED.every(what => seen[what] === now[what])
}

const COUNTED = ['rightWays', 'wrongWays', 'questions'] as const

/** What a report of `lab verify --json` says of a lab, or an error that says why it proves less than all of it. */
export function seenIn(report: Report, slug: string, now: Listed, at: Pick<Seen, 'date' | 'machine'>): Seen {
  if (report.part !== undefined) throw new Error(`only part ${report.part} of the ways was tried`)
  const proof = report.labs.find(({ id }) => id === slug)
  if (proof === undefined) throw new Error(`${slug} is not in the report`)
  const because = [proof.because ?? [], ...proof.steps.map(step => step.because), proof.leaks].flat()
  if (proof.status !== 'proven') throw new Error(`${slug} ${proof.status === 'failed' ? 'is not proven' : 'was skipped'}: ${because.join('; ')}`)
  const [ways, mutants, answers] = [proof.steps.flatMap(step => step.alternatives), proof.steps.flatMap(step => step.mutants), proof.steps.flatMap(step => step.answers)]
  const not = [...ways.filter(({ status }) => status !== 'accepted' && status !== 'skipped'), ...mutants.filter(({ status }) => status !== 'refused'),
    ...answers.filter(({ right, accepted }) => !right || accepted.length > 0)]
  if (not.length > 0) throw new Error(`${slug} is said to be proven, and is not: ${not.map(({ name }) => name).join(', ')}`)
  const skipped = ways.flatMap(({ name, status, because: why = '' }) => status === 'skipped' ? [`"${name}" of ${slug.slice(0, 2)}: ${why}`] : [])
  const seen: Seen = {
    seconds: Math.round(proof.ms / 1000), ...at, provider: proof.provider, rightWays: ways.length, wrongWays: mutants.length, questions: answers.length, ...(skipped.length === 0 ? {} : { skipped }),
  }
  const differs = COUNTED.find(what => seen[what] !== now[what])
  if (differs !== undefined) throw new Error(`${slug} has ${now[differs]} ${SAID[differs]}, and ${seen[differs]} were tried`)
  return seen
}

const SAID = { rightWays: 'other right ways', wrongWays: 'wrong ways', questions: 'questions' } satisfies { [what in typeof COUNTED[number]]: string }

/** What the README says of it, below its table. */
export function says(proven: Proven, now: ReadonlyMap<string, Listed>): string {
  const [seen, not]: [Seen[], string[]] = [[], []]
  for (const [slug, listed] of now) {
    const one = proven[slug]
    if (stillSo(one, listed)) seen.push(one)
    else not.push(slug.slice(0, 2))
  }
  const runs = `\`npm run proof\`, which runs \`npx lab verify --all --jobs ${JOBS}\``
  if (seen.length === 0) return `${runs}, writes here what it saw. So far nobody has run it.`
  const sum = (what: typeof COUNTED[number] | 'seconds'): number => seen.reduce((total, one) => total + one[what], 0)
  const each = (what: 'date' | 'provider' | 'machine'): string => [...new Set(seen.map(one => one[what]))].toSorted().join(', ')
  const skipped = seen.flatMap(one => one.skipped ?? [])
  const minutes = Math.round(sum('seconds') / 60)
  return [
    `On ${each('date')} ${runs}, proved ${not.length === 0 ? 'the whole course' : `${seen.length} of ${now.size} labs as they are now`}, ${minutes} minute${minutes === 1 ? '' : 's'} for ${seen.length} lab${seen.length === 1 ? '' : 's'}:`,
    `${sum('wrongWays')} of ${sum('wrongWays')} wrong ways were refused by the claim that names the mistake, ${sum('rightWays') - skipped.length} of ${sum('rightWays')} other right ways were accepted, and ${sum('questions')} questions took the right`,
    `answer and no wrong one. Provider ${each('provider')}; ${each('machine')}. The last column has the seconds of each lab. \`npm run proof 05\` proves one again.`,
    ...skipped.length === 0 ? [] : [`Not tried there: ${skipped.join('; ')}.`],
    ...not.length === 0 ? [] : [`Not proven by it as they are now: ${not.join(', ')}. \`npm run proof ${not.join(' ')}\` does that.`],
  ].join('\n')
}
