import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, endsOf, type End, type NamedEnd } from './ends.ts'
import { exchange, type Exchange } from './exchange.ts'
import { explain, nameOf } from './explain.ts'
import { translation } from './translation.ts'

export interface Reaching {
  /** And no NAT: the other side sees the sender's own address. Where nodes lie between, the wire must agree. */
  readonly keepingAddress?: boolean
}

/** `red reaches green`, by TCP and UDP. */
export function reaches(from: End, to: End, { keepingAddress = false }: Reaching = {}): Check {
  const [one, other] = [endOf(from), endOf(to)]
  const kept = keepingAddress ? `, and ${other.name} sees ${own(one)}` : ''
  return {
    claim: `${one.name} reaches ${other.name}${kept}`,
    look: bench => lookAt(bench, [[one, other]], keepingAddress),
  }
}

/** `red, blue and green reach node1`: each of them asks, by TCP and UDP. */
export function allReach(ends: readonly string[] | Readonly<Record<string, string>>, to: End, { keepingAddress = false }: Reaching = {}): Check {
  const [all, other] = [endsOf(ends), endOf(to)]
  if (all.length < 2) throw new Error('expected two ends at least')
  return {
    claim: `${list(all.map(end => end.name))} reach ${other.name}${keepingAddress ? `, which sees each one's own address` : ''}`,
    look: bench => lookAt(bench, all.map(one => [one, other] as const), keepingAddress),
  }
}

/** `red, blue and green reach each other`: every pair, in both directions. */
export function reachEachOther(ends: readonly string[] | Readonly<Record<string, string>>, { keepingAddress = false }: Reaching = {}): Check {
  const all = endsOf(ends)
  if (all.length < 2) throw new Error('expected two ends at least')
  return {
    claim: `${list(all.map(end => end.name))} reach each other${keepingAddress ? ', and each sees the other\'s own address' : ''}`,
    look: bench => lookAt(bench, all.flatMap(one => all.filter(other => other !== one).map(other => [one, other] as const)), keepingAddress),
  }
}

function own({ name, address, named }: NamedEnd): string {
  return named ? `${name}'s own address` : `the address ${address}`
}

/** One failure is told in full, and how many more there are. */
async function lookAt(bench: Bench, pairs: readonly (readonly [NamedEnd, NamedEnd])[], keepingAddress: boolean, late = false): Promise<Verdict> {
  const outcomes = await exchange(bench, pairs.map(([from, to]) => ({ from, to, wire: keepingAddress, late })))
  const done: Exchange[] = []
  for (const outcome of outcomes) {
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    if (outcome.client.namespace === outcome.server.namespace && outcome.from !== outcome.to) {
      return fail(`${outcome.from.address} and ${outcome.to.address} are both in ${outcome.client.namespace.place.name}: nothing is between them`, outcome.client.namespace.evidence)
    }
    done.push(outcome)
  }
  const failed = done.filter(({ tcp, udp }) => tcp.kind !== 'ok' || udp.kind !== 'ok')
  const [first] = failed
  if (first !== undefined) {
    const { because, evidence, answered } = await explain(bench, first)
    // A machine that is busy with other things may take longer to answer than it was waited for.
    if (answered && !late) return lookAt(bench, pairs, keepingAddress, true)
    return fail(`${because}${more(failed, done)}`, ...evidence)
  }
  if (keepingAddress) {
    const changed = done.filter(one => changedAddress(one) !== undefined)
    const [translated] = changed
    if (translated !== undefined) {
      const nodes = [...new Set([translated.client.namespace.node, translated.server.namespace.node])]
      const { because, evidence } = await translation(bench, nodes, { from: translated.tcp.kind === 'ok' ? translated.tcp.own : translated.from.address, to: translated.to.address }, translated.evidence)
      return fail(`${changedAddress(translated) ?? ''}: ${because}${more(changed, done)}`, ...evidence)
    }
  }
  const seen = new Set<Evidence>(done.flatMap(({ evidence }) => evidence))
  const [evidence, ...rest] = seen
  if (evidence === undefined) throw new Error('nothing was tried')
  return pass(evidence, ...rest)
}

function more(failed: readonly Exchange[], all: readonly Exchange[]): string {
  if (failed.length < 2) return ''
  const others = failed.slice(1).map(({ from, to }) => `${from.name} → ${to.name}`)
  const shown = others.length > 4 ? [...others.slice(0, 4), '…'] : others
  return ` (and ${others.length} more of ${all.length}: ${shown.join(', ')})`
}

/** Who the receiver, or the wire, takes the sender for, if for anyone else. */
function changedAddress({ from, to, tcp, udp, client, frames, strays }: Exchange): string | undefined {
  for (const answer of [tcp, udp]) {
    if (answer.kind !== 'ok') continue
    // A node has several addresses and takes the one that suits; somebody else has one to be known by.
    const expected = client.namespace.own ? answer.own : from.address
    if (answer.own !== expected) return `${from.name} sends from ${answer.own}, not from ${expected}`
    if (answer.peer !== expected) return `${to.name} sees ${answer.peer} instead of ${expected}, the address of ${nameOf(client.namespace)}`
    for (const header of (frames ?? []).flatMap(frame => frame.headers)) {
      // Only what is told apart by both its ports: the client's own, or the one that it arrives with.
      const there = header.fromPort === answer.ownPort || header.fromPort === answer.peerPort
      if (!there && header.toPort !== answer.ownPort && header.toPort !== answer.peerPort) continue
      const [sender, receiver] = there ? [header.from, header.to] : [header.to, header.from]
      if (sender !== expected) return `on the wire between the nodes ${from.name} appears as ${sender} instead of ${expected}`
      if (receiver !== to.address) return `on the wire between the nodes ${to.name} appears as ${receiver} instead of ${to.address}`
    }
  }
  const [stray] = strays
  return stray === undefined ? undefined : `on the wire between the nodes ${stray.from} asks ${to.name}, by a port that nobody has who asks it`
}
