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

/** What a proof of it saw. */
export interface Seen extends Listed {
  readonly seconds: number
  /** Right ways that this machine could not try, and why. */
  readonly skipped?: readonly string[]
}

export interface Proven {
  /** The last proof of all labs together. */
  readonly course?: Seen & { readonly labs: number; readonly date: string; readonly provider: string; readonly machine: string }
  /** The last proof of each, alone or among all. */
  readonly labs: Readonly<{ [slug: string]: Seen }>
}

export function listed({ lab }: LoadedLab): Listed {
  const count = (part: 'alternatives' | 'mutants' | 'answers'): number => Object.values(lab.steps).reduce((sum, step) => sum + Object.keys(step[part] ?? {}).length, 0)
  return { rightWays: count('alternatives'), wrongWays: count('mutants'), questions: count('answers') }
}

/** Whether it is this lab that was proven, and not what it was before somebody changed it. */
export function stillSo(seen: Seen | undefined, now: Listed): seen is Seen {
  return seen !== undefined && COUNTED.every(what => seen[what] === now[what])
}

const COUNTED = ['rightWays', 'wrongWays', 'questions'] as const

/** What a report of `lab verify --json` says of these labs, or an error that says why it proves less than all of them. */
export function seenIn(report: Report, labs: ReadonlyMap<string, Listed>): Readonly<{ [slug: string]: Seen }> {
  if (report.part !== undefined) throw new Error(`only part ${report.part} of the ways was tried`)
  return Object.fromEntries([...labs].map(([slug, now]) => {
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
      seconds: Math.round(proof.ms / 1000), rightWays: ways.length, wrongWays: mutants.length, questions: answers.length, ...(skipped.length === 0 ? {} : { skipped }),
    }
    const differs = COUNTED.find(what => seen[what] !== now[what])
    if (differs !== undefined) throw new Error(`${slug} has ${now[differs]} ${SAID[differs]}, and ${seen[differs]} were tried`)
    return [slug, seen]
  }))
}

const SAID = { rightWays: 'other right ways', wrongWays: 'wrong ways', questions: 'questions' } satisfies { [what in typeof COUNTED[number]]: string }

/** Everything together, in the time that it took together. */
export function together(report: Report, seen: Readonly<{ [slug: string]: Seen }>): Seen & { readonly labs: number; readonly provider: string } {
  const all = Object.values(seen)
  const sum = (what: typeof COUNTED[number]): number => all.reduce((total, one) => total + one[what], 0)
  const skipped = all.flatMap(one => one.skipped ?? [])
  return {
    labs: all.length, seconds: Math.round(report.ms / 1000), rightWays: sum('rightWays'), wrongWays: sum('wrongWays'), questions: sum('questions'),
    provider: [...new Set(report.labs.map(({ provider }) => provider))].join(', '), ...(skipped.length === 0 ? {} : { skipped }),
  }
}

/** What the README says of it, below its table. */
export function says({ course, labs }: Proven, now: ReadonlyMap<string, Listed>): string {
  const changed = [...now].flatMap(([slug, one]) => stillSo(labs[slug], one) ? [] : [slug.slice(0, 2)])
  const since = changed.length === 0 ? [] : [`Not proven by it as they are now: ${changed.join(', ')}. \`npm run proof ${changed.join(' ')}\` does that.`]
  if (course === undefined) return '`npm run proof` proves the whole course and writes here what it saw. So far nobody has run it for all labs.'
  const { seconds, rightWays, wrongWays, questions, skipped = [] } = course
  const minutes = Math.round(seconds / 60)
  return [
    `On ${course.date} \`npm run proof\`, which runs \`npx lab verify --all --jobs ${JOBS}\`, proved the whole course, ${course.labs} labs, in ${minutes} minute${minutes === 1 ? '' : 's'}:`,
    `${wrongWays} of ${wrongWays} wrong ways were refused by the claim that names the mistake, ${rightWays - skipped.length} of ${rightWays} other right ways were accepted, and ${questions} questions took the right`,
    `answer and no wrong one. Provider ${course.provider}; ${course.machine}. The last column has the seconds of each lab's part of it, or of its own later \`npm run proof NN\`.`,
    ...skipped.length === 0 ? [] : [`Not tried there: ${skipped.join('; ')}.`],
    ...since,
  ].join('\n')
}
