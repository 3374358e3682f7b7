// The largest packet that may be sent, and many bytes, from one namespace to another and back, with an eye on the
// wires. Done once a look, whichever checks ask for it.
import { randomBytes } from 'node:crypto'
import type { Bench } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { capture } from './capture.ts'
import { addressed, ownerOf, type Missing, type NamedEnd, type Owner } from './ends.ts'
import { onceALook } from './once.ts'
import { readSent, type Sent } from './read/bulk.ts'
import { readLargest } from './read/largest.ts'
import { readReady } from './read/probe.ts'
import { readFrames, type Frame } from './read/tcpdump.ts'
import { start, type Running } from '../runner/core/running.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/bulk'
export const BYTES = 1_000_000
/** A megabyte in fragments is thousands of them, and the first will do. */
const MOST_FRAMES = 400

/** One direction. */
export interface Direction extends Sent {
  readonly from: NamedEnd
  readonly to: NamedEnd
  readonly client: Owner
  readonly server: Owner
  /** What the sender takes for the largest packet, whatever it has learned of the way since. */
  readonly size: number
  /** What crossed a wire: the datagrams, and the first pieces of whatever was cut; none within a node. */
  readonly frames: readonly Frame[]
  readonly evidence: NonEmpty<Evidence>
}

const once = onceALook<readonly Direction[] | Missing>()

/** There and back. */
export function bulk(bench: Bench, from: NamedEnd, to: NamedEnd): Promise<readonly Direction[] | Missing> {
  return once(bench, [from, to].map(end => `${end.place ?? ''} ${end.address}`).join(' > '), () => thereAndBack(bench, from, to))
}

async function thereAndBack(bench: Bench, one: NamedEnd, other: NamedEnd): Promise<readonly Direction[] | Missing> {
  const owners: Owner[] = []
  const ends: NamedEnd[] = []
  for (const end of [one, other]) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return owner
    const named = addressed(end, owner)
    if ('because' in named) return named
    owners.push(owner)
    ends.push(named)
  }
  const [client, server] = owners
  const [from, to] = ends
  if (client === undefined || server === undefined || from === undefined || to === undefined) throw new Error('expected two ends')
  if (client.namespace === server.namespace) return { because: `${from.address} and ${to.address} are both in ${client.namespace.place.name}: nothing is between them`, evidence: [client.namespace.evidence] }
  const running: Promise<Running>[] = []
  const begin = (starting: Promise<Running>): Promise<Running> => {
    running.push(starting)
    starting.catch(() => {})
    return starting
  }
  try {
    const serving = owners.map(({ namespace }) => begin(start(namespace.place, [TOOL, 'serve'], output => readReady(output) !== undefined)))
    const [atClient, atServer] = await Promise.all(serving)
    const [portAtClient, portAtServer] = [atClient, atServer].map(one => readReady(one?.output() ?? '') ?? 0)
    if (portAtClient === undefined || portAtServer === undefined) throw new Error('expected two servers')
    const wire = client.namespace.node === server.namespace.node ? undefined
      : await capture(bench, { filter: telling(portAtClient, portAtServer), bytes: 200, most: MOST_FRAMES })
    if (wire !== undefined) running.push(Promise.resolve(wire.running))
    const sent = await Promise.all([
      send(from, client, to, server, portAtServer),
      send(to, server, from, client, portAtClient),
    ])
    if (wire === undefined) return sent.map(one => ({ ...one, frames: [] }))
    // The port is one that the kernel has just given away, at random.
    const passed = await wire.whole()
    const framesOf = ({ port }: OneWay): readonly Frame[] => readFrames(passed).filter(({ headers }) =>
      headers.some(header => header.toPort === port || header.fromPort === port))
    return sent.map(one => {
      const frames = framesOf(one)
      return { ...one, frames, evidence: [...one.evidence, shown(wire.argv, passed, frames.length)] }
    })
  } finally {
    await Promise.all(running.map(async one => (await one.catch(() => undefined))?.stop()))
  }
}

interface OneWay extends Omit<Direction, 'frames'> {
  readonly port: number
}

async function send(from: NamedEnd, client: Owner, to: NamedEnd, server: Owner, port: number): Promise<OneWay> {
  const { place, links } = client.namespace
  // By the routes as they were written: what has been learned of a way since is not the sender's own.
  const route = await place.exec(['ip', '-j', 'route', 'get', 'fibmatch', to.address])
  const largest = route.exitCode === 0 ? readFrom(route, readLargest) : undefined
  const link = largest === undefined ? links.find(one => one.name !== 'lo') : links.find(one => one.name === largest.device)
  const size = largest?.mtu ?? link?.mtu
  if (size === undefined) throw new CouldNotLook(`${place.name} has no interface by which it would send to ${to.address}`, route)
  const sent = await place.exec([TOOL, 'send', to.address, String(port), String(size), String(BYTES), randomBytes(12).toString('hex')])
  if (sent.exitCode !== 0) throw unable(sent)
  return { from, to, client, server, size, port, ...readFrom(sent, readSent), evidence: [sent, route] }
}

/**
 * A filter for the datagrams of both, by which somebody who looks is known to have looked, and for the first pieces of
 * whatever is cut; on the wire as they are, or one or two tunnels deep. In the order of depth: where a packet is too
 * short for a question, it is let go.
 */
function telling(...ports: readonly number[]): string {
  const pieces = 'ip[6:2] & 0x3fff = 0x2000'
  const plain = ports.map(port => `udp port ${port} or (${pieces} and port ${port})`)
  // IP, UDP, VXLAN and Ethernet of each tunnel, and the IP header inside.
  const inside = [50, 100].flatMap(depth => ports.map(port =>
    `(ip[${depth + 20}:2] = ${port} or ip[${depth + 22}:2] = ${port}) and (ip[${depth + 9}] = 17 or ${pieces})`))
  return `ip and (${[...plain, ...inside].map(one => `(${one})`).join(' or ')})`
}

/** Fails for the first that refuses; the first of them is asked of both directions before the second. */
export async function judgeTransfer(bench: Bench, from: NamedEnd, to: NamedEnd, refusals: readonly ((direction: Direction) => string | undefined)[]): Promise<Verdict> {
  const directions = await bulk(bench, from, to)
  if ('because' in directions) return fail(directions.because, ...directions.evidence)
  for (const refuses of refusals) {
    for (const direction of directions) {
      const because = refuses(direction)
      if (because !== undefined) return fail(because, ...direction.evidence)
    }
  }
  const [first, ...rest] = directions.flatMap<Evidence>(direction => direction.evidence)
  if (first === undefined) throw new Error('nothing was tried')
  return pass(first, ...rest)
}

function shown(argv: readonly string[], output: string, frames: number): Evidence {
  return {
    place: 'fabric', argv, exitCode: undefined, ms: 0,
    stdout: output.split('\n').filter(line => !line.startsWith('\t')).slice(0, 60).map(line => `${line}\n`).join(''),
    stderr: `[stopped after ${frames} frames of this transfer]`,
  }
}
