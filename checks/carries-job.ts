import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import type { Topology } from '../runner/core/topology.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { capture } from './capture.ts'
import { darkWires } from './dark-wires.ts'
import { addressesOf, endsOf, ownerOf } from './ends.ts'
import { readHexFrames } from './read/hex-frames.ts'
import { readTally, type Tally } from './read/tally.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/tally'
/** A few steps of a job, and as long as a busy machine may take for them. */
const [BYTES, MS] = [500_000, 3_000]
/** As many frames of it on the wires. */
const FRAMES = 200

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

/** `every rail that is up carries a share of team-a's job, and other interfaces less than 1 % of its bytes`: counted in each of its pods, and on the wires: an interface may be on another than its name says. */
export function carriesJob(job: Job, carrying: Carrying): Check {
  const { elsewhere = 0.01 } = carrying
  return {
    claim: `every rail that is up carries a share of the job of ${job.name}, and other interfaces less than ${elsewhere * 100} % of its bytes`,
    look: bench => look(bench, job, carrying),
  }
}

async function look(bench: Bench, { name, port, pods }: Job, carrying?: Carrying): Promise<Verdict> {
  const dark = carrying === undefined ? [] : await darkWires(bench, Object.values(carrying.by))
  const [down] = dark
  if (dark.length > DARK && down !== undefined) return fail(`${list(dark.map(({ segment }) => segment))} are down`, down.evidence)
  const ends: { readonly pod: string; readonly namespace: Namespace }[] = []
  for (const end of endsOf(pods)) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    ends.push({ pod: end.name, namespace: owner.namespace })
  }
  const wires = carrying === undefined ? undefined : await capture(bench, { filter: jobOf(port, ends.map(({ namespace }) => namespace)), bytes: 80, most: FRAMES })
  try {
    const counted = await Promise.all(ends.map(async ({ pod, namespace }) => {
      const evidence = await namespace.place.exec([TOOL, String(port), String(BYTES), String(MS)])
      if (evidence.exitCode !== 0) throw unable(evidence)
      return { pod, tally: readFrom(evidence, readTally), evidence }
    }))
    const [first, ...rest] = counted.map(({ evidence }) => evidence)
    if (first === undefined) throw new Error('nothing was counted')
    const shared = Object.entries(carrying?.by ?? {}).filter(([, segment]) => !dark.some(one => one.segment === segment))
    const elsewhere = carrying?.elsewhere ?? 0.01
    for (const { pod, tally } of counted) {
      const because = wrong(pod, tally, carrying === undefined ? undefined : { by: shared.map(([link]) => link), elsewhere })
      if (because !== undefined) return fail(because, first, ...rest)
    }
    if (wires === undefined) return pass(first, ...rest)
    const seen = crossed(bench.topology, await wires.whole())
    const total = sum(seen)
    if (total === 0) throw new CouldNotLook(`nothing of the job of ${name} is seen on the wires, though its pods move it`, first, ...rest)
    const segments = shared.map(([, segment]) => segment)
    const poor = segments.find(segment => sum(seen.filter(({ link }) => link === segment)) / total < 1 / segments.length / 4)
    if (poor === undefined) return pass(first, ...rest)
    return fail(`${poor} carries ${percent(sum(seen.filter(({ link }) => link === poor)) / total)} of it: ${shared.find(([, segment]) => segment === poor)?.[0] ?? ''} of ${list(ends.map(({ pod }) => pod))} is on another wire`, first, ...rest)
  } finally {
    // It takes its time to end, and leaves nothing in a node: nobody waits for it.
    wires?.running.stop().catch(() => {})
  }
}

/** All of it has one of the first one's addresses. */
function jobOf(port: number, [first]: readonly Namespace[]): string {
  const addresses = first === undefined ? [] : addressesOf(first)
  return `tcp port ${port}${addresses.length === 0 ? '' : ` and (${addresses.map(one => `host ${one}`).join(' or ')})`}`
}

/** By wire: what nodes put on it. */
function crossed({ nodes }: Topology, output: string): readonly Tally[] {
  const wires = new Map<string, string>(nodes.flatMap(({ name, interfaces }) => interfaces.map(one => [`${name}-${one.name}`, one.segment] as const)))
  return readHexFrames(output).flatMap(({ link, bytes }) => {
    const segment = wires.get(link)
    return segment === undefined || bytes.length < 20 ? [] : [{ link: segment, out: bytes.readUInt16BE(2), in: 0 }]
  })
}

function wrong(pod: string, tally: readonly Tally[], carrying: { readonly by: readonly string[]; readonly elsewhere: number } | undefined): string | undefined {
  const total = sum(tally)
  if (total < BYTES / 2) return `${pod} has moved ${total === 0 ? 'nothing' : `no more than ${total} bytes`} of it in ${MS / 1000} s: the job stands still`
  if (carrying === undefined) return undefined
  const { by, elsewhere } = carrying
  const others = tally.filter(({ link }) => !by.includes(link))
  const share = (links: readonly Tally[]): number => sum(links) / total
  if (share(others) >= elsewhere) return `${percent(share(others))} of what ${pod} moves of it ${others.length === 1 ? 'is' : 'are'} on ${list(others.map(({ link }) => link))}`
  const poor = by.find(link => share(tally.filter(one => one.link === link)) < 1 / by.length / 4)
  if (poor !== undefined) return `${poor} of ${pod} carries ${percent(share(tally.filter(one => one.link === poor)))} of it, where ${by.length} are to share it`
  return undefined
}

const sum = (links: readonly Tally[]): number => links.reduce((all, { out, in: into }) => all + out + into, 0)
const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
