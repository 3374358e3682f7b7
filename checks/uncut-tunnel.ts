import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { capture } from './capture.ts'
import { addressed, endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { isFragment, readHexFrames } from './read/hex-frames.ts'
import { readPing, type Pinged } from './read/ping.ts'
import { unable } from './tool.ts'

/** Headers are what counts. */
const BYTES = 120
/** What IPv4 and ICMP put in front. */
const HEADERS = 28
const SMALL = 56

/**
 * `however large a packet of red or green is, nothing that carries it crosses the wire in pieces`: the largest that each
 * may send arrives, or somebody says how much fits, and that much arrives. Works with what cannot be read, too.
 */
export function uncutTunnel(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `the largest packets of ${from.name} and ${to.name} cross the wire, or ${from.name} and ${to.name} are told what fits; nothing crosses it in pieces`,
    look: bench => look(bench, from, to),
  }
}

async function look(bench: Bench, one: NamedEnd, other: NamedEnd): Promise<Verdict> {
  const owners = await Promise.all([one, other].map(async given => {
    const owner = await ownerOf(bench, given)
    return { owner, end: 'because' in owner ? owner : addressed(given, owner) }
  }))
  const found: { readonly namespace: Namespace; readonly end: NamedEnd }[] = []
  for (const { owner, end } of owners) {
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    if ('because' in end) return fail(end.because, ...end.evidence)
    found.push({ namespace: owner.namespace, end })
  }
  const [from, to] = found
  if (from === undefined || to === undefined) throw new Error('expected two ends')
  if (from.namespace.node === to.namespace.node) return fail(`${one.name} and ${other.name} are both on ${from.namespace.node}: their packets cross no wire`, from.namespace.evidence)
  const listening = await capture(bench, { bytes: BYTES })
  try {
    const ways = await Promise.all([sizes(from.namespace, to.end), sizes(to.namespace, from.end)])
    const names = [[from.end.name, to.end.name], [to.end.name, from.end.name]] as const
    const frames = readHexFrames(await listening.whole()).filter(({ link }) => [from, to].some(({ namespace }) => link.startsWith(`${namespace.node}-`)))
    const seen: Evidence = {
      place: 'fabric', argv: listening.argv, exitCode: undefined, ms: 0,
      stdout: frames.slice(0, 60).map(({ link, says }) => `${link} ${says}\n`).join(''), stderr: '',
    }
    const [first, ...rest] = [...ways.flatMap(way => way.evidence), seen]
    if (first === undefined) throw new Error('nothing was tried')
    for (const [index, way] of ways.entries()) {
      const [sender = '', receiver = ''] = names[index] ?? []
      const because = lost(way, sender, receiver)
      if (because !== undefined) return fail(because, first, ...rest)
    }
    const piece = frames.find(({ bytes }) => isFragment(bytes))
    if (piece !== undefined) return fail(`what carries the largest packets of ${one.name} and ${other.name} is cut: ${piece.link} has pieces of it (${piece.says.split(': ')[0] ?? ''})`, first, ...rest)
    // What it carries may be any IPv4 packet; the frame that ended the capture, and ARP, are not what was sent.
    if (!frames.some(({ says }) => says.startsWith('IP '))) throw new CouldNotLook(`${one.name} reaches ${other.name}, and the capture has none of its packets`, first, ...rest)
    return pass(first, ...rest)
  } finally {
    listening.running.stop().catch(() => {})
  }
}

interface Way {
  readonly small: Pinged
  /** The largest that the sender's own interface takes. */
  readonly size: number
  readonly largest: Pinged
  /** What it was told to fit. */
  readonly told: Pinged | undefined
  readonly evidence: readonly Evidence[]
}

async function sizes({ place, links }: Namespace, to: NamedEnd): Promise<Way> {
  const evidence: Evidence[] = []
  const ping = async (size: number): Promise<Pinged> => {
    // "probe": not to be cut, and whatever was learned of the way before is not gone by.
    const one = await place.exec(['ping', '-n', '-c', '1', '-W', '0.4', '-M', 'probe', '-s', String(size), to.address])
    if (one.exitCode === undefined || one.exitCode > 1 && !one.stdout.includes('bytes of data')) throw unable(one)
    evidence.push(one)
    return readPing(one.stdout + one.stderr)
  }
  const small = await ping(SMALL)
  const size = Math.max(SMALL, ...links.filter(link => link.name !== 'lo' && link.up && link.addresses.length > 0).map(link => link.mtu - HEADERS))
  const largest = await ping(size)
  const told = largest.kind === 'told' ? await ping(largest.mtu - HEADERS) : undefined
  return { small, size: size + HEADERS, largest, told, evidence }
}

function lost({ small, size, largest, told }: Way, from: string, to: string): string | undefined {
  if (small.kind !== 'answered') return `${from} does not reach ${to}, not even with a small packet`
  if (largest.kind === 'silence') return `packets of ${size} bytes from ${from} to ${to} are lost, small ones are not, and nobody tells ${from} why`
  if (largest.kind === 'told' && told?.kind !== 'answered') return `${from} is told that ${largest.mtu} bytes fit on the way to ${to}, and packets of that size are lost`
  return undefined
}
