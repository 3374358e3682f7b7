// One port of a Service, and what comes of asking at it. The claims about it are beside this: `service-….ts`. How it is done,
// and what chains, tables or programs are called, is nobody's business here.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { parseAddress } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'
import { asking, type Answered, type Listener, type Protocol, type Question, type Reply } from './asking.ts'
import { endsOf, holders, type Missing, type NamedEnd } from './ends.ts'
import { nameOf, say, whyNot } from './explain.ts'
import { translation } from './translation.ts'

export type Ends = readonly string[] | Readonly<Record<string, string>>

export interface Service {
  /** Where clients ask: an address and a port that no backend needs to have, `10.96.0.42:29500`. */
  readonly at: string
  /** Default: TCP. */
  readonly protocol?: Protocol
  /** Who answers: `{ b1: '10.244.1.2' }`. */
  readonly backends: Ends
  /** Where they listen. */
  readonly targetPort: number
}

/** As the checks have it. */
export interface Asked {
  /** As claims say it: `10.96.0.42:29500`, and `10.96.0.43:5140/udp`. */
  readonly says: string
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
  readonly backends: readonly NamedEnd[]
  readonly targetPort: number
}

/**
 * So many connections of each client. A third of them misses one of three backends less than once in ten million looks, and a way
 * that fails for one of them, or for a fifth, as seldom.
 */
export const TIMES = 64

export function askedAt({ at, protocol = 'tcp', backends, targetPort }: Service): Asked {
  const [address = '', port = ''] = at.split(':')
  if (parseAddress(address) === undefined || !/^\d+$/.test(port)) throw new Error(`expected an address and a port, for example 10.96.0.42:29500, and got ${at}`)
  return { says: protocol === 'udp' ? `${at}/udp` : at, address, port: Number(port), protocol, backends: endsOf(backends), targetPort }
}

/** `b1, b2 or b3`. */
export function either(ends: readonly NamedEnd[]): string {
  return list(ends.map(end => end.name)).replace(/ and (?!.* and )/, ' or ')
}

export function listenersOf({ backends, targetPort, protocol }: Asked): readonly Listener[] {
  return backends.map(end => ({ end, port: targetPort, protocol }))
}

export function questionAt(from: NamedEnd, { address, port, protocol }: Asked, times = TIMES): Question {
  return { from, to: address, port, protocol, times }
}

/** Who is not answered at all, so many times, is not asked a thousand times. */
const FIRST = 6
/** Who is answered now and then is asked so often, which is enough to say by whom. Each that fails is waited for. */
const FEW = 24

/** All of them at once, the Service's backends being up. Where some are not always answered, those and nobody else, and of fewer tries. */
export async function ask(bench: Bench, asked: Asked, clients: readonly NamedEnd[], times = TIMES): Promise<readonly Answered[] | Missing> {
  const first = await asking(bench, listenersOf(asked), clients.map(from => questionAt(from, asked, FIRST)))
  if ('because' in first) return first
  const silent = first.filter(({ replies }) => replies.every(reply => reply.kind !== 'ok'))
  if (silent.length > 0) return silent
  const doubtful = first.filter(isFailing).map(({ from }) => from)
  if (doubtful.length > 0 && times > FEW) {
    const few = await asking(bench, listenersOf(asked), doubtful.map(from => questionAt(from, asked, FEW)))
    if ('because' in few) return few
    const failing = few.filter(isFailing)
    if (failing.length > 0) return failing
  }
  return askAlways(bench, asked, clients, times)
}

function isFailing({ replies }: Answered): boolean {
  return replies.some(reply => reply.kind !== 'ok')
}

/**
 * Each reply is that of the first try. On a busy machine some are tried twice, and a second try may be sent to another backend than the
 * first, which failed. So where all is well only since then, all are asked anew, and each is waited for.
 */
async function askAlways(bench: Bench, asked: Asked, clients: readonly NamedEnd[], times: number): Promise<readonly Answered[] | Missing> {
  const questions = clients.map(from => questionAt(from, asked, times))
  const answers = await asking(bench, listenersOf(asked), questions)
  if ('because' in answers) return answers
  const replies = answers.flatMap(one => one.replies)
  const onlySinceThen = replies.every(reply => reply.kind === 'ok') && replies.some(reply => reply.kind === 'ok' && reply.again)
  return onlySinceThen ? asking(bench, listenersOf(asked), questions.map(question => ({ ...question, patient: true }))) : answers
}

/** Whose namespaces these are, among those that answered or received. */
export async function namespacesOf(bench: Bench, ends: readonly NamedEnd[]): Promise<ReadonlyMap<Namespace, NamedEnd>> {
  const all = (await Promise.all(bench.topology.nodes.map(node => bench.namespaces(node.name)))).flat()
  return new Map(ends.flatMap(end => {
    const [node, name] = end.place?.split('/') ?? []
    const found = end.place === undefined ? holders(all, end.address)[0]?.namespace : all.find(one => one.node === node && (name === undefined ? one.own : one.named === name))
    return found === undefined ? [] : [[found, end] as const]
  }))
}

/** What somebody hears of it, `13 of 40`, by how it ended: `no answer`, `b3 received it, and its answer did not come back`. */
export async function unanswered(bench: Bench, asked: Asked, { from, client, replies, evidence }: Answered): Promise<Missing | undefined> {
  const failed = replies.filter(reply => reply.kind !== 'ok')
  const [first] = failed
  if (first === undefined) return undefined
  const how = [...new Set(failed.map(said))]
  const all = failed.length === replies.length
  const who = all ? `${from.name} is not answered at ${asked.says} (${list(how)})`
    : `of ${replies.length} times that ${from.name} asks at ${asked.says}, ${failed.length} are not answered (${list(how)}); ${await others(bench, asked, replies)}`
  const why = await followed(bench, asked, client, from, all)
  return { because: why === undefined ? who : `${who}: ${why.sentence}`, evidence: [...evidence, ...why?.evidence ?? []] }
}

/** `the rest by b1 (14) and b2 (13), none by b3`. */
async function others(bench: Bench, { backends }: Asked, replies: readonly Reply[]): Promise<string> {
  const named = await namespacesOf(bench, backends)
  const counts = new Map<string, number>(backends.map(end => [end.name, 0]))
  for (const reply of replies) {
    if (reply.kind !== 'ok') continue
    const name = named.get(reply.by)?.name ?? nameOf(reply.by)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const [some, none] = [[...counts].filter(([, count]) => count > 0), [...counts].filter(([, count]) => count === 0)]
  return `the rest by ${list(some.map(([name, count]) => `${name} (${count})`))}${none.length === 0 ? '' : `, none by ${list(none.map(([name]) => name))}`}`
}

function said(reply: Reply): string {
  switch (reply.kind) {
    case 'ok': return 'answered'
    case 'lost': return `${nameOf(reply.by)} hears it, and its answer does not come back`
    default: return say(reply)
  }
}

/** What is chosen anew for each connection may have to be sent a few times before one goes astray. */
const FOLLOWED = 8
/** No longer than that: which ones are not answered says a lot by itself. */
const FOLLOWED_MS = 3_000

async function followed(bench: Bench, { address, port, protocol }: Asked, client: Namespace, from: NamedEnd, all: boolean): Promise<{ readonly sentence: string; readonly evidence: readonly Evidence[] } | undefined> {
  const until = performance.now() + FOLLOWED_MS
  for (let times = 0; times < (all ? 1 : FOLLOWED) && performance.now() < until; times++) {
    const why = await whyNot(bench, client, from, { name: `${address}:${port}`, address, named: true }, protocol, port)
    if (why === undefined) return undefined
    if (!why.answered) return why
  }
  return undefined
}

export type Ok = Extract<Reply, { readonly kind: 'ok' }>

/** Whom a backend takes a client for, if for another than it is. A backend that calls itself is not meant. */
export async function disguised(bench: Bench, { backends }: Asked, { from, client, evidence }: Answered, reply: Ok): Promise<Missing | undefined> {
  if (reply.by === client) return undefined
  const server = (await namespacesOf(bench, backends)).get(reply.by)?.name ?? nameOf(reply.by)
  // A node has several addresses, and takes the one that suits.
  const right = client.own ? holders([client], reply.peer).length > 0 : reply.peer === reply.own
  if (right) return undefined
  const [holder] = holders((await Promise.all(bench.topology.nodes.map(node => bench.namespaces(node.name)))).flat(), reply.peer)
  const whose = holder === undefined ? 'which nobody has' : `an address of ${nameOf(holder.namespace)}`
  const nodes = [...new Set([client.node, reply.by.node, ...bench.topology.nodes.map(node => node.name)])]
  const to = backends.find(end => end.name === server)?.address ?? reply.own
  const rule = await translation(bench, nodes, { from: reply.own, to }, evidence)
  return { because: `${server} sees ${reply.peer}, ${whose}, when ${from.name} asks, whose address is ${reply.own}: ${rule.because}`, evidence: rule.evidence }
}

/** Without repetition. */
export function once(evidence: Iterable<Evidence>): NonEmpty<Evidence> {
  const [first, ...rest] = new Set(evidence)
  if (first === undefined) throw new Error('nothing was tried')
  return [first, ...rest]
}
