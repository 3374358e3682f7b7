import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { darkWires } from './dark-wires.ts'
import { endsOf, ownerOf } from './ends.ts'
import { readTally, type Tally } from './read/tally.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/tally'
/** A few steps of a job, and as long as a busy machine may take for them. */
const [BYTES, MS] = [500_000, 3_000]

export interface Job {
  /** How it is called. */
  readonly name: string
  /** Where it exchanges what is much: a TCP port. */
  readonly port: number
  /** The pods that it runs in, by addresses or places. */
  readonly pods: Readonly<Record<string, string>>
}

export interface Carrying {
  /** The interfaces that are to carry it, and the wire of each: a quarter at least of what each would have of equal shares. */
  readonly by: Readonly<Record<string, string>>
  /** Of all bytes, so much at most by any other interface. Default: 0.01. */
  readonly elsewhere?: number
}

/** More of them do not fail by chance. */
const DARK = 1

/** `the job of team-a moves`: it exchanges what it is there for, by whichever interface. */
export function jobMoves(job: Job): Check {
  return { claim: `the job of ${job.name} moves: ${list(Object.keys(job.pods))} exchange gradients`, look: bench => look(bench, job) }
}

/** `every rail that is up carries a share of team-a's job, and other interfaces less than 1 % of its bytes`: counted in each of its pods. */
export function carriesJob(job: Job, carrying: Carrying): Check {
  const { elsewhere = 0.01 } = carrying
  return {
    claim: `every rail that is up carries a share of the job of ${job.name}, and other interfaces less than ${elsewhere * 100} % of its bytes`,
    look: bench => look(bench, job, carrying),
  }
}

async function look(bench: Parameters<Check['look']>[0], { port, pods }: Job, carrying?: Carrying): ReturnType<Check['look']> {
  const ends = endsOf(pods)
  const dark = carrying === undefined ? [] : await darkWires(bench, Object.values(carrying.by))
  const [down] = dark
  if (dark.length > DARK && down !== undefined) return fail(`${list(dark.map(({ segment }) => segment))} are down`, down.evidence)
  const by = Object.entries(carrying?.by ?? {}).filter(([, segment]) => !dark.some(one => one.segment === segment)).map(([link]) => link)
  const idle = Object.keys(carrying?.by ?? {}).filter(link => !by.includes(link))
  const counted = await Promise.all(ends.map(async end => {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return owner
    const evidence = await owner.namespace.place.exec([TOOL, String(port), String(BYTES), String(MS)])
    if (evidence.exitCode !== 0) throw unable(evidence)
    return { pod: end.name, tally: readFrom(evidence, readTally), evidence }
  }))
  const evidence: Evidence[] = []
  for (const one of counted) {
    if ('because' in one) return fail(one.because, ...one.evidence)
    evidence.push(one.evidence)
  }
  const [first, ...rest] = evidence
  if (first === undefined) throw new Error('nothing was counted')
  for (const one of counted) {
    if ('because' in one) continue
    const because = wrong(one.pod, one.tally, carrying === undefined ? undefined : { by, idle, elsewhere: carrying.elsewhere ?? 0.01 })
    if (because !== undefined) return fail(because, first, ...rest)
  }
  return pass(first, ...rest)
}

function wrong(pod: string, tally: readonly Tally[], carrying: { readonly by: readonly string[]; readonly idle: readonly string[]; readonly elsewhere: number } | undefined): string | undefined {
  const total = sum(tally)
  if (total < BYTES / 2) return `${pod} has moved ${total === 0 ? 'nothing' : `no more than ${total} bytes`} of it in ${MS / 1000} s: the job stands still`
  if (carrying === undefined) return undefined
  const { by, idle, elsewhere } = carrying
  // What is sent again and again into a wire that is dead is no share of anything.
  const others = tally.filter(({ link }) => !by.includes(link) && !idle.includes(link))
  const share = (links: readonly Tally[]): number => sum(links) / total
  if (share(others) >= elsewhere) return `${percent(share(others))} of what ${pod} moves of it ${others.length === 1 ? 'is' : 'are'} on ${list(others.map(({ link }) => link))}`
  const poor = by.find(link => share(tally.filter(one => one.link === link)) < 1 / by.length / 4)
  if (poor !== undefined) return `${poor} of ${pod} carries ${percent(share(tally.filter(one => one.link === poor)))} of it, where ${by.length} are to share it`
  return undefined
}

const sum = (links: readonly Tally[]): number => links.reduce((all, { out, in: into }) => all + out + into, 0)
const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
