// Real exchanges between namespaces, over TCP and UDP: of a random nonce on a random port, so that no recorded or
// faked answer passes by luck. All that the checks of one look want is done at once, whoever wants it.
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { capture, type Capture } from './capture.ts'
import { addressed, ownerOf, type Missing, type NamedEnd, type Owner } from './ends.ts'
import { readAsked, readHeard, readReady, type Answer, type Asked, type Heard } from './read/probe.ts'
import { readFrames, type Frame, type Header } from './read/tcpdump.ts'
import { start, type Running } from '../runner/core/running.ts'
import { readFrom, unable } from './tool.ts'

export const PROBE = '/usr/local/lib/hardway/probe'
/** A probe sends a few bytes: what is large, and the later pieces of it, is somebody else's. */
const PROBES = { filter: 'ip and less 400 and ip[6:2] & 0x1fff = 0', bytes: 200 }
export const ANSWER_MS = 250
export const LATE_ANSWER_MS = 2_000

export interface Want {
  readonly from: NamedEnd
  readonly to: NamedEnd
  /** Also look at the wire, if the two are on different nodes. */
  readonly wire?: boolean
  /** It is waited longer for answers: a packet that was followed says that they come. */
  readonly late?: boolean
  /** Other addresses of the client's, under which it sends a datagram too; whether one arrives, `heard` says. */
  readonly under?: readonly string[]
}

export interface Exchange extends Want {
  readonly client: Owner
  readonly server: Owner
  readonly tcp: Answer
  readonly udp: Answer
  /** What the server received by UDP, whether or not its answer found the way back. */
  readonly heard: Heard | undefined
  /** What passed between the nodes; undefined if nobody looked. */
  readonly frames: readonly Frame[] | undefined
  /** What was for the server's own port there, from an address and a port that nobody who asked has or was given. */
  readonly strays: readonly Header[]
  readonly evidence: NonEmpty<Evidence>
}

export type Outcome = Exchange | (Want & { readonly missing: Missing })

interface Batch {
  readonly wants: Map<string, Want>
  readonly outcomes: Promise<ReadonlyMap<string, Outcome>>
}

const open = new WeakMap<Bench, Batch>()

/** The outcome of each, in the order given. To be called before a look waits for anything else. */
export async function exchange(bench: Bench, wants: readonly Want[]): Promise<readonly Outcome[]> {
  let batch = open.get(bench)
  if (batch === undefined) {
    const all = new Map<string, Want>()
    batch = {
      wants: all,
      outcomes: turn().then(() => {
        open.delete(bench)
        return exchangeAll(bench, all)
      }),
    }
    open.set(bench, batch)
  }
  for (const want of wants) {
    const known = batch.wants.get(keyOf(want))
    batch.wants.set(keyOf(want), { ...want, wire: want.wire === true || known?.wire === true, late: want.late === true || known?.late === true, under: [...new Set([...want.under ?? [], ...known?.under ?? []])] })
  }
  const outcomes = await batch.outcomes
  return wants.map(want => {
    const outcome = outcomes.get(keyOf(want))
    if (outcome === undefined) throw new Error(`${keyOf(want)} was not tried`)
    // Another check may call the same ends by other names.
    return { ...outcome, from: at(want.from, outcome.from.address), to: at(want.to, outcome.to.address) }
  })
}

/** The very same end, unless its address is known only now. */
function at(end: NamedEnd, address: string): NamedEnd {
  return end.address === address ? end : { ...end, address }
}

function keyOf({ from, to }: Want): string {
  return [from, to].map(end => `${end.place ?? ''} ${end.address} ${end.named ? end.name : ''}`).join(' > ')
}

interface Pair {
  readonly key: string
  readonly want: Want
  readonly client: Owner
  readonly server: Owner
}

interface Server {
  readonly running: Running
  readonly port: number
}

async function exchangeAll(bench: Bench, wants: ReadonlyMap<string, Want>): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  const pairs: Pair[] = []
  for (const [key, want] of wants) {
    const [client, server] = await Promise.all([ownerOf(bench, want.from), ownerOf(bench, want.to)])
    if ('because' in client) outcomes.set(key, { ...want, missing: client })
    else if ('because' in server) outcomes.set(key, { ...want, missing: server })
    else {
      const [from, to] = [addressed(want.from, client), addressed(want.to, server)]
      if ('because' in from) outcomes.set(key, { ...want, missing: from })
      else if ('because' in to) outcomes.set(key, { ...want, missing: to })
      else pairs.push({ key, want: { ...want, from, to }, client, server })
    }
  }
  const running: Promise<Running>[] = []
  const begin = (one: Promise<Running>): Promise<Running> => {
    running.push(one)
    // Whoever waits for it is told; until then it is no rejection that nobody handles.
    one.catch(() => {})
    return one
  }
  const capturing = pairs.some(onWire) ? capture(bench, PROBES) : undefined
  capturing?.catch(() => {})
  try {
    const serving = new Map<Namespace, Promise<Server>>()
    for (const { server: { namespace } } of pairs) {
      if (!serving.has(namespace)) serving.set(namespace, serve(begin(start(namespace.place, [PROBE, 'serve'], output => readReady(output) !== undefined))))
    }
    const servers = new Map(await Promise.all([...serving].map(async ([namespace, server]) => [namespace, await server] as const)))
    const wire = await capturing
    const asking = new Map<Namespace, { pair: Pair; nonce: string }[]>()
    for (const pair of pairs) {
      const questions = asking.get(pair.client.namespace) ?? []
      asking.set(pair.client.namespace, [...questions, { pair, nonce: randomBytes(12).toString('hex') }])
    }
    const answered = await Promise.all([...asking].map(async ([namespace, questions]) => {
      const portOf = (pair: Pair): number => servers.get(pair.server.namespace)?.port ?? 0
      const { asked, evidence } = await ask(namespace, questions.map(({ pair, nonce }) => ({ address: pair.want.to.address, port: portOf(pair), nonce, under: pair.want.under })),
        questions.some(({ pair }) => pair.want.late) ? LATE_ANSWER_MS : ANSWER_MS)
      return questions.map(({ pair, nonce }) => {
        const port = portOf(pair)
        const answer = (protocol: 'tcp' | 'udp'): Answer => {
          const found = asked.find(one => one.protocol === protocol && one.address === pair.want.to.address && one.port === port)
          if (found === undefined) throw new CouldNotLook(`${namespace.place.name}: the probe says nothing of ${protocol} ${pair.want.to.address}`, evidence)
          return found.answer
        }
        return { pair, nonce, port, evidence, tcp: answer('tcp'), udp: answer('udp') }
      })
    }))
    const results = answered.flat()
    const passed = await wire?.whole() ?? ''
    const frames = readFrames(passed)
    for (const { pair, nonce, port, evidence, tcp, udp } of results) {
      const heard = readHeard(servers.get(pair.server.namespace)?.running.output() ?? '').find(one => one.nonce === nonce)
      const seen = onWire(pair)
        ? frames.filter(frame => frame.headers.some(header => isOf(header, port, tcp) || isOf(header, port, udp)) &&
          !results.some(other => other.pair !== pair && frame.headers.some(header => isToTheLetter(header, other))))
        : undefined
      outcomes.set(pair.key, {
        ...pair.want, client: pair.client, server: pair.server, tcp, udp, heard, frames: seen, strays: seen === undefined ? [] : straysTo(pair, port, frames, results),
        evidence: [evidence, ...(seen === undefined || wire === undefined ? [] : [shown(wire, passed, port, frames.length)])],
      })
    }
    return outcomes
  } finally {
    // All of them, those too that got ready only after something else had failed. A capture takes its time to
    // end and leaves nothing in a node: nobody waits for it.
    const ended = capturing?.then(wire => wire.running.stop())
    ended?.catch(() => {})
    await Promise.all(running.map(async one => (await one.catch(() => undefined))?.stop()))
  }
}

async function serve(starting: Promise<Running>): Promise<Server> {
  const running = await starting
  return { running, port: readReady(running.output()) ?? 0 }
}

export interface Question {
  readonly address: string
  readonly port: number
  readonly nonce: string
  /** Addresses of the client's under which the datagram is sent too. */
  readonly under?: readonly string[] | undefined
}

/** One client, all its questions over TCP and UDP at once. */
export async function ask(namespace: Namespace, questions: readonly Question[], answerMs = ANSWER_MS): Promise<{ readonly asked: readonly Asked[]; readonly evidence: Evidence }> {
  const stdin = questions.flatMap(({ address, port, nonce, under = [] }) => [`tcp ${address} ${port} ${nonce}\n`, `udp ${address} ${port} ${nonce}${under.length === 0 ? '' : ` ${under.join(',')}`}\n`]).join('')
  const evidence = await namespace.place.exec([PROBE, 'ask', '--timeout-ms', String(answerMs)], { stdin })
  if (evidence.exitCode !== 0) throw unable(evidence)
  const asked = readFrom(evidence, readAsked)
  for (const { address, port } of questions) {
    for (const protocol of ['tcp', 'udp']) {
      if (asked.some(one => one.protocol === protocol && one.address === address && one.port === port)) continue
      throw new CouldNotLook(`${namespace.place.name}: the probe says nothing of ${protocol} ${address}:${port}`, evidence)
    }
  }
  return { asked, evidence }
}

/** Loopback and neighbours on one node never pass the wire. */
function onWire({ want, client, server }: Pair): boolean {
  return want.wire === true && client.namespace.node !== server.namespace.node
}

/** Whether the header is of this exchange: the client's port, its own or the one that NAT gave it, and the server's. */
function isOf(header: Header, port: number, answer: Answer): boolean {
  if (answer.kind !== 'ok') return header.toPort === port || header.fromPort === port
  return (header.toPort === port && isClients(header.fromPort, answer)) || (header.fromPort === port && isClients(header.toPort, answer))
}

/** Before translation or after it. */
function isClients(port: number | undefined, { ownPort, peerPort }: Extract<Answer, { readonly kind: 'ok' }>): boolean {
  return port === ownPort || port === peerPort
}

/** Translated on the way, back and forth, a packet may have another port there than at either end. */
function straysTo({ server, want: { to } }: Pair, port: number, frames: readonly Frame[], results: readonly Result[]): readonly Header[] {
  const asked = results.filter(({ pair }) => pair.server.namespace === server.namespace).flatMap(({ tcp, udp }) => [tcp, udp])
  return frames.flatMap(frame => frame.headers).filter(header => header.toPort === port && header.to === to.address &&
    !asked.some(answer => isOf(header, port, answer) || (answer.kind === 'ok' && answer.own === header.from)))
}

/** By its addresses too: what is another exchange's is not this one's, even if chance gave both clients one port. */
function isToTheLetter(header: Header, { pair, port, tcp, udp }: Result): boolean {
  return [tcp, udp].some(answer => answer.kind === 'ok' &&
    [[answer.own, answer.ownPort], [answer.peer, answer.peerPort]].some(([client, own]) =>
      (header.fromPort === own && header.from === client && header.toPort === port && header.to === pair.want.to.address) ||
      (header.toPort === own && header.to === client && header.fromPort === port && header.from === pair.want.to.address)))
}

interface Result {
  readonly pair: Pair
  readonly port: number
  readonly tcp: Answer
  readonly udp: Answer
}

/** The capture as evidence of one exchange: the lines that have to do with it, or all if none has. */
function shown({ argv }: Capture, output: string, port: number, frames: number): Evidence {
  const lines = output.split('\n')
  const own = lines.filter(line => line.includes(`.${port} `) || line.includes(`.${port}:`))
  return {
    place: 'fabric', argv, exitCode: undefined, ms: 0,
    stdout: (own.length > 0 ? own : lines).slice(0, 100).map(line => `${line}\n`).join(''),
    stderr: `[stopped after ${frames} frames]`,
  }
}
