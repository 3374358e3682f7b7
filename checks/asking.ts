// Who is answered, by whom, and whom does that one see: any number of clients, servers on the very ports that are asked for,
// over TCP and UDP. Servers stand before anybody asks, and all ask at once, for all checks of one look.
import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { addressed, allNamespaces, ownerOf, type Missing, type NamedEnd } from './ends.ts'
import { readAnswers, readArrived, readTaken, type Arrived, type Told } from './read/asking.ts'
import { start, type Running } from '../runner/core/running.ts'

export const ASKING = '/usr/local/lib/hardway/asking'
const ANSWER_MS = 250
/** Where answers are slow to come, or something came and was not answered, it is asked once more and waited for longer. */
const LATE_MS = 2_000
/** Another look may be asking, and has to end first. */
const TURN_MS = 15_000
/** What the tool takes besides waiting. */
const SPARE_MS = 8_000

export type Protocol = 'tcp' | 'udp'

/** Who is to listen. Where `serve` has the port already, that one answers; anybody else there makes it CouldNotLook. */
export interface Listener {
  readonly end: NamedEnd
  readonly port: number
  readonly protocol: Protocol
}

export interface Question {
  readonly from: NamedEnd
  /** An address: a pod's, a node's, a Service's. */
  readonly to: string
  readonly port: number
  readonly protocol: Protocol
  /** So many connections, each from a port of its own. Default: one. */
  readonly times?: number
  /** It is waited longer for each answer, and none is asked twice: where a second try could be sent elsewhere, it tells nothing of the first. */
  readonly patient?: boolean
}

/**
 * `refused`: RST or "port unreachable". `unreachable`: any other word that there is no way, of a router or of the client's own kernel.
 * `lost`: a server received it, and the client never had the answer. `timeout`: it came to nobody who listens.
 */
export type Reply =
  | {
    readonly kind: 'ok'
    readonly by: Namespace
    /** Whom the server saw. */
    readonly peer: string
    readonly peerPort: number
    readonly own: string
    readonly ownPort: number
    /** What was left of 64 when it came to the server; a `serve` of the lab's does not know. */
    readonly ttl: number | undefined
    readonly ms: number
    /** It was asked twice: the first time nothing came in time. */
    readonly again?: true
  }
  | { readonly kind: 'lost'; readonly by: Namespace; readonly peer: string }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'timeout' }
  /** Something else answered. */
  | { readonly kind: 'wrong'; readonly text: string }

export interface Answered extends Question {
  readonly client: Namespace
  /** One for each time. */
  readonly replies: NonEmpty<Reply>
  readonly evidence: NonEmpty<Evidence>
}

interface Serving {
  readonly namespace: Namespace
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
}

interface Asking {
  readonly client: Namespace
  readonly to: string
  readonly port: number
  readonly protocol: Protocol
  readonly times: number
  readonly patient?: boolean
}

interface Batch {
  readonly serving: Map<string, Serving>
  readonly asking: Map<string, Asking>
  readonly replies: Promise<ReadonlyMap<string, readonly Sent[]>>
}

const open = new WeakMap<Bench, Batch>()

/**
 * The answers, in the order of the questions; or, if one of those who are to listen or ask is not there, why. What other checks of
 * the same look want to listen listens too, and what they ask as well is asked once, as often as whoever wants it most often: the others are
 * given the first of those answers. To be called before a look waits for anything else.
 */
export async function asking(bench: Bench, listeners: readonly Listener[], questions: readonly Question[]): Promise<readonly Answered[] | Missing> {
  const owners = new Map<string, Namespace>()
  for (const end of new Set([...listeners.map(one => one.end), ...questions.map(one => one.from)])) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return owner
    owners.set(keyOf(end), owner.namespace)
  }
  const namespaceOf = (end: NamedEnd): Namespace => {
    const namespace = owners.get(keyOf(end))
    if (namespace === undefined) throw new Error(`${end.name} was not looked for`)
    return namespace
  }
  const batch = batchOf(bench)
  for (const { end, port, protocol } of listeners) {
    const namespace = namespaceOf(end)
    const held = addressed(end, { namespace, link: undefined })
    if ('because' in held) return held
    batch.serving.set(`${namespace.inode} ${protocol} ${port}`, { namespace, address: held.address, port, protocol })
  }
  const asked = questions.map(question => {
    const { to, port, protocol, times = 1, patient = false } = question
    if (times < 1) throw new Error('expected one connection at least')
    const client = namespaceOf(question.from)
    const key = `${client.inode} ${protocol} ${to} ${port} ${patient}`
    batch.asking.set(key, { client, to, port, protocol, times: Math.max(times, batch.asking.get(key)?.times ?? 0), patient })
    return { question, client, key, times }
  })
  const replies = await batch.replies
  const sent = asked.map(({ key, times }) => replies.get(key)?.slice(0, times) ?? [])
  const evidence = new Map([...new Set(asked.map(({ client }) => client.node))].map(node => [node, shown(node, asked.flatMap(({ client }, index) => client.node === node ? sent[index] ?? [] : []))]))
  return asked.map(({ question, client }, index) => {
    const [first, ...rest] = sent[index] ?? []
    const seen = evidence.get(client.node)
    if (first === undefined || seen === undefined) throw new Error(`${question.from.name} → ${question.to} was not asked`)
    return { ...question, client, replies: [first.reply, ...rest.map(({ reply }) => reply)], evidence: [seen] }
  })
}

/** Whoever looks now waited for the namespaces, which are asked once a look: at the next turn all have put their questions. */
function batchOf(bench: Bench): Batch {
  const known = open.get(bench)
  if (known !== undefined) return known
  const [serving, all] = [new Map<string, Serving>(), new Map<string, Asking>()]
  const replies = turn().then(() => {
    open.delete(bench)
    return askAll(bench, [...serving.values()], all)
  })
  // Whoever waits for it is told.
  replies.catch(() => {})
  const batch = { serving, asking: all, replies }
  open.set(bench, batch)
  return batch
}

function keyOf({ name, address, named, place }: NamedEnd): string {
  return `${place ?? ''} ${address} ${named ? name : ''}`
}

interface Sent extends Asking {
  readonly reply: Reply
  readonly said: string
}

async function askAll(bench: Bench, serving: readonly Serving[], questions: ReadonlyMap<string, Asking>): Promise<ReadonlyMap<string, readonly Sent[]>> {
  const [first] = bench.topology.nodes
  if (first === undefined) throw new Error('the topology has no nodes')
  const nodes = [...new Set([first.name, ...[...serving.map(one => one.namespace), ...[...questions.values()].map(one => one.client)].map(({ node }) => node)])]
  let told = false
  const starting = nodes.map((node, index) => {
    // What listed the namespaces asks, unless it is asking for somebody else.
    const running = bench.lister?.(node) ?? start(bench.place(node), [ASKING], output => output.endsWith('listed\n'))
    running.catch(() => {})
    return { node, running, as: `as ${index} ${nodes.length}${node === first.name ? ' alone' : ''}\n` }
  })
  try {
    const round = new Round(bench, await Promise.all(starting.map(async ({ node, running, as }) => [node, await ready(node, await running, as)] as const)))
    const taken = await round.listen(serving)
    const all = [...questions].flatMap(([key, asked]) => Array.from({ length: asked.times }, () => ({ key, asked })))
    // Whoever else has the port is asked who they are.
    const others = taken.map(({ namespace, address, port, protocol }) => ({ key: '', asked: { client: namespace, to: address, port, protocol, times: 1 } }))
    const sent = await round.askTwice([...all, ...others].map(({ asked }) => asked))
    for (const [index, { asked: { client, port, protocol } }] of others.entries()) {
      const reply = sent[all.length + index]?.reply
      if (reply?.kind === 'ok' && reply.by.inode === client.inode) continue
      throw new CouldNotLook(`${client.place.name}: something has ${protocol} port ${port} already, and does not say who it is as \`serve\` does`)
    }
    const replies = new Map([...questions.keys()].map(key => [key, [] as Sent[]]))
    for (const [index, { key }] of all.entries()) {
      const one = sent[index]
      if (one !== undefined) replies.get(key)?.push(one)
    }
    told = true
    return replies
  } finally {
    // The lock goes last.
    for (const some of [starting.slice(1), starting.slice(0, 1)]) {
      await Promise.all(some.map(async ({ node, running }) => over(bench, node, await running.catch(() => undefined), told)))
    }
  }
}

/** It ends, or rests until this look asks once more, which spares the start of another. */
async function over(bench: Bench, node: string, running: Running | undefined, told: boolean): Promise<void> {
  if (told && running !== undefined && bench.givesBack !== undefined) {
    running.say('rest\n')
    if (await running.until(output => output.endsWith('\nrests\n'), SPARE_MS)) {
      running.forget()
      return bench.givesBack(node, running)
    }
  }
  await running?.stop()
}

/** Two looks at once would be in each other's way: the first node's is the lock of all. */
async function ready(node: string, running: Running, as: string): Promise<Running> {
  running.say(as)
  if (await running.until(output => output === 'ready\n' || output.endsWith('\nready\n'), TURN_MS)) return running
  throw new CouldNotLook(`${node}: \`${ASKING}\` did not get ready: another look is asking, and does not end`)
}

class Round {
  readonly #bench: Bench
  readonly #running: ReadonlyMap<string, Running>
  /** Where somebody listens, or is asked. */
  readonly #ports = new Set<number>()
  #settled = 0
  #asked = 0

  constructor(bench: Bench, running: readonly (readonly [string, Running])[]) {
    this.#bench = bench
    this.#running = new Map(running)
  }

  /** Those whose port somebody else has. */
  async listen(serving: readonly Serving[]): Promise<readonly Serving[]> {
    for (const { namespace, port, protocol } of serving) {
      this.#ports.add(port)
      this.#say(namespace.node, `listen ${namespace.inode} ${protocol} ${port}`)
    }
    await this.#settle(SPARE_MS)
    const taken = this.#read(readTaken)
    return serving.filter(({ namespace, port, protocol }) => taken.some(one => one.inode === namespace.inode && one.port === port && one.protocol === protocol))
  }

  /** What silence is worth depends on how quick the others' answers are. */
  async askTwice(questions: readonly Asking[]): Promise<readonly Sent[]> {
    const once = await this.#ask(questions, ANSWER_MS)
    const took = once.flatMap(({ reply }) => reply.kind === 'ok' ? [reply.ms] : [])
    const slow = Math.max(...took) > ANSWER_MS / 2
    const again = once.flatMap((one, index) => one.patient !== true && (one.reply.kind === 'lost' || (slow && one.reply.kind === 'timeout')) ? [index] : [])
    if (again.length === 0) return once
    const late = await this.#ask(again.flatMap(index => questions[index] ?? []), slow || took.length === 0 ? Math.max(LATE_MS, ...took.map(ms => 4 * ms)) : 2 * ANSWER_MS)
    return once.map((one, index) => {
      const second = late[again.indexOf(index)]
      // What came to somebody once is not blocked.
      if (second === undefined || (one.reply.kind === 'lost' && second.reply.kind === 'timeout')) return one
      return second.reply.kind === 'ok' ? { ...second, reply: { ...second.reply, again: true } } : second
    })
  }

  async #ask(questions: readonly Asking[], ms: number): Promise<readonly Sent[]> {
    const asked = questions.map(question => ({ question, id: ++this.#asked, nonce: randomBytes(9).toString('hex') }))
    const lines = new Map<string, string[]>()
    for (const { question: { client, to, port, protocol, patient }, id, nonce } of asked) {
      this.#ports.add(port)
      const own = lines.get(client.node) ?? []
      own.push(`ask ${id} ${client.inode} ${protocol} ${to} ${port} ${nonce} ${patient === true ? LATE_MS : ms}`)
      lines.set(client.node, own)
    }
    for (const [node, own] of lines) this.#say(node, own.join('\n'))
    const most = Math.max(0, ...[...lines.values()].map(({ length }) => length))
    await this.#settle(SPARE_MS + Math.ceil(most / 32) * (questions.some(({ patient }) => patient === true) ? LATE_MS : ms))
    // All has been asked everywhere: what has come until now is all that comes.
    await this.#settle(SPARE_MS)
    const told = new Map(this.#read(readAnswers).map(one => [one.id, one]))
    // What comes to any other port is another's: the number that it comes from may be the same by chance.
    const arrived = this.#read(readArrived).filter(({ port }) => this.#ports.has(port))
    const owns = new Set([...told.values()].flatMap(({ answer }) => 'own' in answer ? [answer.own] : []))
    const namespaces = new Map((await allNamespaces(this.#bench)).map(namespace => [namespace.inode, namespace]))
    return asked.map(({ question, id, nonce }) => {
      const one = told.get(id)
      if (one === undefined) throw new CouldNotLook(`${question.client.node}: nothing is said of ${question.client.place.name} → ${question.to}:${question.port}`, ...this.#evidence())
      return { ...question, reply: replyOf(one, arrived.find(came => isOf(came, question, nonce, one, owns)), namespaces), said: one.said }
    })
  }

  #say(node: string, text: string): void {
    this.#running.get(node)?.say(`${text}\n`)
  }

  async #settle(ms: number): Promise<void> {
    const word = `settled ${++this.#settled}\n`
    await Promise.all([...this.#running].map(async ([node, running]) => {
      running.say(`settle ${this.#settled}\n`)
      if (!await running.until(output => output.endsWith(word) || output.includes(`\n${word}`), ms)) {
        throw new CouldNotLook(`${node}: \`${ASKING}\` does not say that it has asked everybody`, ...this.#evidence())
      }
    }))
  }

  #read<T>(read: (text: string) => readonly T[]): readonly T[] {
    try {
      return [...this.#running.values()].flatMap(running => read(running.output()))
    } catch (error) {
      throw new CouldNotLook(error instanceof Error ? error.message : String(error), ...this.#evidence())
    }
  }

  #evidence(): readonly Evidence[] {
    return [...this.#running].map(([node, running]) => ({ place: node, argv: [ASKING], exitCode: undefined, stdout: running.output().slice(-4096), stderr: '', ms: 0 }))
  }
}

/** Of UDP the nonce says so. Of TCP the first packet has none: it is known by its port, which nobody else has who asks in this look. */
function isOf(came: Arrived, { protocol }: Asking, nonce: string, { answer }: Told, owns: ReadonlySet<string>): boolean {
  if (answer.kind !== 'timeout' || came.protocol !== protocol) return false
  if (protocol === 'udp') return came.nonce === nonce
  return came.fromPort === answer.ownPort && (came.from === answer.own || !owns.has(came.from))
}

function replyOf({ answer }: Told, came: Arrived | undefined, namespaces: ReadonlyMap<number, Namespace>): Reply {
  const by = (inode: number): Namespace => {
    const namespace = namespaces.get(inode)
    if (namespace === undefined) throw new CouldNotLook(`net:[${inode}] answers, and no node has such a namespace`)
    return namespace
  }
  if (answer.kind === 'ok') return { ...answer, by: by(answer.by) }
  if (answer.kind !== 'timeout') return answer
  return came === undefined ? { kind: 'timeout' } : { kind: 'lost', by: by(came.inode), peer: came.from }
}

const MOST_LINES = 200

/** What was asked from one node, and what came of it. */
function shown(node: string, sent: readonly Sent[]): Evidence {
  const lines = sent.map(({ client, protocol, to, port, reply, said }) => `${client.place.name} ${protocol} ${to} ${port} ${reply.kind === 'lost' ? `lost: came to ${reply.by.place.name} from ${reply.peer}` : said}\n`)
  const more = lines.length > MOST_LINES ? [`… ${lines.length - MOST_LINES} more\n`] : []
  return { place: node, argv: [ASKING], exitCode: 0, stdout: [...lines.slice(0, MOST_LINES), ...more].join(''), stderr: '', ms: 0 }
}
