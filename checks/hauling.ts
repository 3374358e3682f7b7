// Bytes on wires: what one sends to another, and what comes back, from an address or from none in particular, counted where it crosses
// the fabric. All that the checks of one look want is done at once, whoever wants it.
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Bench, Namespace } from '../runner/core/bench.ts'
import type { Topology } from '../runner/core/topology.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { capture, type Capture } from './capture.ts'
import { ownerOf, type Missing, type NamedEnd, type Owner } from './ends.ts'
import { readHauls, type Hauled } from './read/haul.ts'
import { readHexFrames, type HexFrame } from './read/hex-frames.ts'
import { readPacket } from './read/packet.ts'
import { readReady } from './read/probe.ts'
import { start, type Running } from '../runner/core/running.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/haul'
const STALL_MS = 400
const LATE_MS = 3_000
/** Enough that what is said by the way, handshakes and neighbours, is little beside it. */
const BYTES = 32_000
/** Nobody listens there: RFC 863. */
const DISCARD = 9

export interface Load {
  /** Who sends: by the address that it sends from, or by its place. */
  readonly from: NamedEnd
  /** Whether it says from which address, or lets the kernel choose. */
  readonly bound: boolean
  readonly to: NamedEnd
  /** Nobody has the address `to`: one datagram is sent, and what is looked at is who is asked for it. Out of the interface that has this address, or by the routes. */
  readonly knock?: { readonly outOf?: string }
}

/** What crossed one wire. */
export interface Crossed {
  readonly segment: string
  /** From the sender's node, and to it; of the IP packets. */
  readonly sent: number
  readonly received: number
}

/** Somebody on the sender's node asked by ARP. */
export interface Request {
  readonly segment: string
  readonly inTheNameOf: string
}

export interface Carried extends Load {
  readonly client: Owner
  readonly result: Hauled
  readonly crossed: readonly Crossed[]
  readonly requests: readonly Request[]
  readonly evidence: NonEmpty<Evidence>
}

export type Outcome = Carried | (Load & { readonly missing: Missing })

interface Batch {
  readonly loads: Map<string, Load>
  late: boolean
  readonly outcomes: Promise<ReadonlyMap<string, Outcome>>
}

const open = new WeakMap<Bench, Batch>()

/** In the order given. To be called before a look waits for anything else. */
export async function haul(bench: Bench, loads: readonly Load[], late = false): Promise<readonly Outcome[]> {
  let batch = open.get(bench)
  if (batch === undefined) {
    const all = new Map<string, Load>()
    const made: Batch = batch = {
      loads: all, late,
      outcomes: turn().then(() => {
        open.delete(bench)
        return haulAll(bench, all, made.late)
      }),
    }
    open.set(bench, batch)
  }
  batch.late ||= late
  for (const load of loads) batch.loads.set(keyOf(load), load)
  const outcomes = await batch.outcomes
  return loads.map(load => {
    const outcome = outcomes.get(keyOf(load))
    if (outcome === undefined) throw new Error(`${keyOf(load)} was not tried`)
    // Another check may call the same ends by other names.
    return { ...outcome, from: load.from, to: load.to }
  })
}

function keyOf({ from, bound, to, knock }: Load): string {
  return [from.place ?? '', from.address, bound, to.address, knock === undefined ? '' : knock.outOf ?? 'routes'].join(' ')
}

interface Ready {
  readonly key: string
  readonly load: Load
  readonly client: Owner
  /** None for an address that nobody has. */
  readonly server: Namespace | undefined
  readonly line: (port: number) => string
}

async function haulAll(bench: Bench, loads: ReadonlyMap<string, Load>, late: boolean): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  const ready: Ready[] = []
  for (const [key, load] of loads) {
    const one = await readied(bench, key, load)
    if ('because' in one) outcomes.set(key, { ...load, missing: one })
    else ready.push(one)
  }
  if (ready.length === 0) return outcomes
  const running: Promise<Running>[] = []
  const begin = (one: Promise<Running>): Promise<Running> => {
    running.push(one)
    one.catch(() => {})
    return one
  }
  let capturing: Promise<Capture> | undefined
  try {
    const places = new Set(ready.flatMap(({ server }) => server ?? []))
    const ports = new Map(await Promise.all([...places].map(async server =>
      [server, readReady((await begin(start(server.place, [TOOL, 'serve'], output => readReady(output) !== undefined))).output()) ?? 0] as const)))
    const filter = [`arp`, `udp port ${DISCARD}`, ...[...ports.values()].map(port => `tcp port ${port}`)].join(' or ')
    capturing = capture(bench, { filter, bytes: 80 })
    const wire = await capturing
    const clients = new Map<Namespace, Ready[]>()
    for (const one of ready) clients.set(one.client.namespace, [...clients.get(one.client.namespace) ?? [], one])
    const portOf = ({ server }: Ready): number => server === undefined ? DISCARD : ports.get(server) ?? 0
    const results = (await Promise.all([...clients].map(async ([client, all]) => {
      const evidence = await client.place.exec([TOOL, 'send', '--stall-ms', String(late ? LATE_MS : STALL_MS)], { stdin: all.map(one => one.line(portOf(one))).join(''), timeoutMs: 20_000 })
      if (evidence.exitCode !== 0) throw unable(evidence)
      const said = readFrom(evidence, readHauls)
      return all.map(one => {
        const [verb, from] = one.line(0).split(' ')
        const found = said.find(({ verb: is, from: by, to, port }) => is === verb && by === from && to === one.load.to.address && port === portOf(one))
        if (found === undefined) throw new CouldNotLook(`${client.place.name}: nothing is said of what was sent to ${one.load.to.address}`, evidence)
        return { one, result: found.result, evidence }
      })
    }))).flat()
    const frames = framesOf(bench.topology, readHexFrames(await wire.whole()))
    for (const { one, result, evidence } of results) {
      const own = frames.filter(frame => frame.asks === one.load.to.address || frame.packet !== undefined && isOf(frame.packet, one.load, portOf(one), result))
      outcomes.set(one.key, {
        ...one.load, client: one.client, result, crossed: crossed(own, one.client.namespace.node),
        requests: own.flatMap(({ asks, tells, node, segment }) => asks === undefined || node !== one.client.namespace.node ? [] : [{ segment, inTheNameOf: tells ?? '' }]),
        evidence: [evidence, shown(wire, own)],
      })
    }
    return outcomes
  } finally {
    // A capture takes its time to end and leaves nothing in a node: nobody waits for it.
    capturing?.then(wire => wire.running.stop()).catch(() => {})
    await Promise.all(running.map(async one => (await one.catch(() => undefined))?.stop()))
  }
}

async function readied(bench: Bench, key: string, load: Load): Promise<Ready | Missing> {
  const { from, to, bound, knock } = load
  const client = await ownerOf(bench, from)
  if ('because' in client) return client
  const source = bound ? from.address : '-'
  if (knock !== undefined) {
    const out = knock.outOf === undefined ? undefined : client.namespace.links.find(link => link.addresses.some(held => held.split('/')[0] === knock.outOf))
    if (knock.outOf !== undefined && out === undefined) return { because: `${client.namespace.place.name} has no interface with the address ${knock.outOf}`, evidence: [client.namespace.evidence] }
    return { key, load, client, server: undefined, line: port => `knock ${source} ${to.address} ${port} ${out?.name ?? '-'}\n` }
  }
  const server = await ownerOf(bench, to)
  if ('because' in server) return server
  const nonce = randomBytes(12).toString('hex')
  return { key, load, client, server: server.namespace, line: port => `haul ${source} ${to.address} ${port} ${BYTES} ${nonce}\n` }
}

interface Passing {
  readonly node: string
  readonly segment: string
  /** By ARP: for whom, and in whose name. */
  readonly asks?: string
  readonly tells?: string
  readonly packet?: { readonly from: string; readonly fromPort: number | undefined; readonly to: string; readonly toPort: number | undefined; readonly bytes: number }
  readonly frame: HexFrame
}

const WHO_HAS = /^ARP, Request who-has ([\d.]+)(?: \([^)]*\))? tell ([\d.]+),/

/** Those that a node put on a wire. */
function framesOf(topology: Topology, frames: readonly HexFrame[]): readonly Passing[] {
  const wires = new Map<string, { readonly node: string; readonly segment: string }>(topology.nodes.flatMap(({ name, interfaces }) => interfaces.map(one => [`${name}-${one.name}`, { node: name, segment: one.segment }] as const)))
  return frames.flatMap((frame): readonly Passing[] => {
    const wire = wires.get(frame.link)
    if (wire === undefined) return []
    const [, asks, tells] = WHO_HAS.exec(frame.says) ?? []
    if (asks !== undefined && tells !== undefined) return [{ ...wire, asks, tells, frame }]
    const [header] = readPacket(frame.bytes).headers
    return header === undefined ? [] : [{ ...wire, packet: { ...header, bytes: frame.bytes.readUInt16BE(2) }, frame }]
  })
}

/** By ports, which the kernel has just given away at random; where the client's is not known, by an address. */
function isOf({ from, fromPort, to, toPort }: NonNullable<Passing['packet']>, load: Load, port: number, result: Hauled): boolean {
  if (toPort !== port && fromPort !== port) return false
  const [client, own, server] = toPort === port ? [fromPort, from, to] : [toPort, to, from]
  if (server !== load.to.address) return false
  return result.kind === 'ok' ? client === result.ownPort : !load.bound || own === load.from.address
}

function crossed(frames: readonly Passing[], node: string): readonly Crossed[] {
  const all = new Map<string, Crossed>()
  for (const { segment, packet, node: by } of frames) {
    if (packet === undefined) continue
    const { sent, received } = all.get(segment) ?? { sent: 0, received: 0 }
    all.set(segment, { segment, sent: sent + (by === node ? packet.bytes : 0), received: received + (by === node ? 0 : packet.bytes) })
  }
  return [...all.values()].toSorted((one, other) => one.segment < other.segment ? -1 : 1)
}

/** The capture as evidence: the frames of one load. */
function shown({ argv }: Capture, frames: readonly Passing[]): Evidence {
  return {
    place: 'fabric', argv, exitCode: undefined, ms: 0,
    stdout: frames.slice(0, 60).map(({ frame }) => `${frame.link} ${frame.says}\n`).join(''), stderr: `[stopped after ${frames.length} frames of these two]`,
  }
}
