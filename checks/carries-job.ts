import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
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
  /** The interfaces that are to carry it, each its share: a quarter at least of what each would have of equal ones. */
  readonly by: readonly string[]
  /** Of all bytes, so much at most by any other interface. Default: 0.01. */
  readonly elsewhere?: number
}

/** `the job of team-a moves`: it exchanges what it is there for, by whichever interface. */
export function jobMoves(job: Job): Check {
  return { claim: `the job of ${job.name} moves: ${list(Object.keys(job.pods))} exchange gradients`, look: bench => look(bench, job) }
}

/** `of the job of team-a net1 to net8 carry a share each, and all other interfaces together less than 1 %`: counted in bytes, in each of its pods. */
export function carriesJob(job: Job, carrying: Carrying): Check {
  const { by, elsewhere = 0.01 } = carrying
  return {
    claim: `of the bytes of ${job.name}'s job ${list(by)} carry a share each, and other interfaces less than ${elsewhere * 100} %`,
    look: bench => look(bench, job, carrying),
  }
}

async function look(bench: Parameters<Check['look']>[0], { port, pods }: Job, carrying?: Carrying): ReturnType<Check['look']> {
  const ends = endsOf(pods)
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
    const because = wrong(one.pod, one.tally, carrying)
    if (because !== undefined) return fail(because, first, ...rest)
  }
  return pass(first, ...rest)
}

function wrong(pod: string, tally: readonly Tally[], carrying: Carrying | undefined): string | undefined {
  const total = sum(tally)
  if (total < BYTES / 2) return `${pod} has moved ${total === 0 ? 'nothing' : `no more than ${total} bytes`} of it in ${MS / 1000} s: the job stands still`
  if (carrying === undefined) return undefined
  const { by, elsewhere = 0.01 } = carrying
  const others = tally.filter(({ link }) => !by.includes(link))
  const share = (links: readonly Tally[]): number => sum(links) / total
  if (share(others) >= elsewhere) return `${percent(share(others))} of what ${pod} moves of it ${others.length === 1 ? 'is' : 'are'} on ${list(others.map(({ link }) => link))}`
  const poor = by.find(link => share(tally.filter(one => one.link === link)) < 1 / by.length / 4)
  if (poor !== undefined) return `${poor} of ${pod} carries ${percent(share(tally.filter(one => one.link === poor)))} of it, where ${by.length} are to share it`
  return undefined
}

const sum = (links: readonly Tally[]): number => links.reduce((all, { out, in: into }) => all + out + into, 0)
const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
