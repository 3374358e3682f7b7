import { setImmediate as turn } from 'node:timers/promises'
import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { addressed, endsOf, ownerOf, type NamedEnd, type Owner } from './ends.ts'
import { exchange, PROBE } from './exchange.ts'
import { explain } from './explain.ts'
import { overhear, type Overheard, type Talk } from './overhear.ts'
import { readReady } from './read/probe.ts'
import { start, type Running } from '../runner/core/running.ts'

/**
 * `what red and green say to each other cannot be read on the wire`: they ask each other, by TCP and UDP, and what they
 * say is in no frame that passes between the nodes meanwhile, neither as it is nor in a coating. That their nodes did
 * send something meanwhile, and that the answers came, is part of it.
 */
export function secretOnTheWire(ends: readonly string[] | Readonly<Record<string, string>>): Check {
  const all = endsOf(ends)
  if (all.length < 2) throw new Error('expected two ends at least')
  return {
    claim: `what ${list(all.map(end => end.name))} say to each other cannot be read on the wire`,
    look: bench => look(bench, all),
  }
}

async function look(bench: Bench, ends: readonly NamedEnd[]): Promise<Verdict> {
  const owners: Owned[] = []
  for (const given of ends) {
    const owner = await ownerOf(bench, given)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    const end = addressed(given, owner)
    if ('because' in end) return fail(end.because, ...end.evidence)
    owners.push({ end, owner })
  }
  const pairs = owners.flatMap(from => owners.filter(to => to.owner.namespace.node !== from.owner.namespace.node).map(to => ({ from, to })))
  const [first] = owners
  if (first === undefined) throw new Error('expected an end')
  const alone = owners.find(one => !pairs.some(({ from }) => from === one))
  if (alone !== undefined) return fail(`${list(ends.map(end => end.name))} are all on ${alone.owner.namespace.node}: their packets cross no wire`, alone.owner.namespace.evidence)
  return judged(bench, await overheard(bench, pairs))
}

interface Owned {
  readonly end: NamedEnd
  readonly owner: Owner
}

interface Pair {
  readonly from: Owned
  readonly to: Owned
}

interface Batch {
  readonly pairs: Map<string, Pair>
  readonly heard: Promise<ReadonlyMap<string, Overheard>>
}

const open = new WeakMap<Bench, Batch>()

/** What several checks of one look want to overhear is said once, under one capture. */
async function overheard(bench: Bench, pairs: readonly Pair[]): Promise<readonly Overheard[]> {
  let batch = open.get(bench)
  if (batch === undefined) {
    const all = new Map<string, Pair>()
    batch = {
      pairs: all,
      heard: turn().then(() => {
        open.delete(bench)
        return talkAll(bench, all)
      }),
    }
    open.set(bench, batch)
  }
  for (const pair of pairs) batch.pairs.set(keyOf(pair), pair)
  const heard = await batch.heard
  return pairs.map(pair => {
    const found = heard.get(keyOf(pair))
    if (found === undefined) throw new Error(`${keyOf(pair)} was not tried`)
    // Another check may call the same ends by other names.
    return { ...found, from: pair.from.end, to: pair.to.end }
  })
}

function keyOf({ from, to }: Pair): string {
  return [from, to].map(({ end, owner }) => `${owner.namespace.place.name} ${end.address}`).join(' > ')
}

async function talkAll(bench: Bench, pairs: ReadonlyMap<string, Pair>): Promise<ReadonlyMap<string, Overheard>> {
  const servers = new Map<Namespace, Promise<Running>>()
  const serving = ({ namespace }: Owner): Promise<Running> => {
    const server = servers.get(namespace) ?? start(namespace.place, [PROBE, 'serve'], output => readReady(output) !== undefined)
    servers.set(namespace, server)
    return server
  }
  try {
    const heard = await overhear(bench, () => Promise.all([...pairs.values()].map(async ({ from, to }): Promise<Talk> => ({
      from: from.end, client: from.owner, to: to.end, node: to.owner.namespace.node, port: readReady((await serving(to.owner)).output()) ?? 0,
    }))))
    return new Map([...pairs.keys()].flatMap((key, index) => {
      const one = heard[index]
      return one === undefined ? [] : [[key, one] as const]
    }))
  } finally {
    await Promise.all([...servers.values()].map(async server => (await server.catch(() => undefined))?.stop()))
  }
}

async function judged(bench: Bench, heard: readonly Overheard[]): Promise<Verdict> {
  // What can be read is told before what did not arrive: it may have been read and not arrived.
  const readable = heard.find(({ leak }) => leak !== undefined)
  if (readable !== undefined) return fail(told(readable), ...readable.evidence)
  for (const one of heard) {
    if (one.answers.length === 2 && one.answers.every(({ kind }) => kind === 'ok')) continue
    const [again] = await exchange(bench, [{ from: one.from, to: one.to }])
    if (again === undefined) throw new Error('nothing was tried')
    if ('missing' in again) return fail(again.missing.because, ...again.missing.evidence)
    if (again.tcp.kind === 'ok' && again.udp.kind === 'ok') throw new CouldNotLook(`${one.from.name} reached ${one.to.name} only at the second time`, ...one.evidence)
    const explained = await explain(bench, again)
    return fail(explained.because, ...explained.evidence)
  }
  const unseen = heard.find(({ sent }) => sent.client === 0 || sent.server === 0)
  if (unseen !== undefined) throw new CouldNotLook(`${unseen.from.name} reaches ${unseen.to.name}, and the capture has no frame of ${unseen.sent.client === 0 ? unseen.client.namespace.node : unseen.node}`, ...unseen.evidence)
  const [first, ...rest] = new Set<Evidence>(heard.flatMap(({ evidence }) => evidence))
  if (first === undefined) throw new Error('nothing was tried')
  return pass(first, ...rest)
}

/** Who says it, to whom, and where it can be read. */
export function told({ from, to, node, client, leak }: Overheard): string {
  if (leak === undefined) throw new Error('nothing can be read')
  const { frame: { link, says }, how } = leak
  const answer = client.namespace.node !== node && link.startsWith(`${node}-`)
  const words = answer ? `what ${to.name} answers ${from.name}` : `what ${from.name} asks ${to.name}`
  return `${words} can be read on the wire, ${how}: ${link} carries it in ${says.split(': ')[0] ?? says}`
}
