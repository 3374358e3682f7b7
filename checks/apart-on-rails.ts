import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { darkWires } from './dark-wires.ts'
import { addressesOf, allNamespaces, endOf, holders, type NamedEnd } from './ends.ts'
import { ANSWER_MS, exchange, LATE_ANSWER_MS, type Exchange } from './exchange.ts'
import { explain } from './explain.ts'

/** The pods of a group, and the address of each on every rail, in the order of the rails. */
export type Group = Readonly<Record<string, readonly string[]>>

/**
 * `on every rail that is up the pods of team-a and team-b reach their own, and nothing of the one comes to the other`: by TCP and UDP, from each to
 * each, and under each address that a pod has: any program may choose one. That somebody is kept away is worth something because in the same look both of them reach their own there.
 */
export function apartOnRails(segments: readonly string[], groups: Readonly<Record<string, Group>>): Check {
  const pods = Object.entries(groups).flatMap(([group, all]) => Object.entries(all).map(([name, addresses]) => ({ group, name, addresses })))
  const pairs = segments.flatMap((segment, rail) => pods.flatMap(from => pods.filter(to => to.name !== from.name).map(to => {
    const end = ({ name, addresses }: typeof from): NamedEnd => endOf({ [name]: addresses[rail] ?? '' })
    return { segment, own: from.group === to.group, from: end(from), to: end(to) }
  })))
  return {
    claim: `on every rail that is up the pods of ${list(Object.keys(groups))} reach their own, and nothing of the one comes to the other`,
    look: bench => look(bench, segments, pairs),
  }
}

interface Pair {
  readonly segment: string
  readonly own: boolean
  readonly from: NamedEnd
  readonly to: NamedEnd
}

async function look(bench: Bench, segments: readonly string[], all: readonly Pair[], late = false): Promise<Verdict> {
  const dark = await darkWires(bench, segments)
  const [down] = dark
  if (dark.length === segments.length && down !== undefined) return fail(`${list(segments)} are all down`, down.evidence)
  const pairs = all.filter(({ segment }) => !dark.some(one => one.segment === segment))
  const namespaces = await allNamespaces(bench)
  const outcomes = await exchange(bench, pairs.map(({ own, from, to }) => ({ from, to, late, under: own ? [] : othersOf(namespaces, from.address) })))
  const evidence = new Set<Evidence>()
  const done: { readonly own: boolean; readonly one: Exchange }[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    for (const each of outcome.evidence) evidence.add(each)
    done.push({ own: pairs[index]?.own === true, one: outcome })
  }
  const [first, ...rest] = evidence
  if (first === undefined) throw new Error('nothing was tried')
  const through = done.filter(({ own, one }) => !own && (one.heard !== undefined || one.tcp.kind === 'ok' || one.udp.kind === 'ok'))
  const [foreign] = through
  if (foreign !== undefined) {
    const { from, to, tcp, udp, heard } = foreign.one
    const other = heard === undefined || heard.from === from.address ? '' : ` under its address ${heard.from}`
    const how = tcp.kind === 'ok' || udp.kind === 'ok' ? `${from.name} reaches ${to.name} at ${to.address}` : `what ${from.name} sends to ${to.name} at ${to.address}${other} arrives${other === '' ? ', and only the answers are lost' : ''}`
    return fail(`${how}${through.length === 1 ? '' : ` (and ${through.length - 1} more of ${done.filter(({ own }) => !own).length})`}`, first, ...rest)
  }
  const unheard = done.find(({ own, one }) => own && (one.tcp.kind !== 'ok' || one.udp.kind !== 'ok'))
  if (unheard !== undefined) {
    const { because, evidence: why, answered } = await explain(bench, unheard.one)
    if (answered && !late) return look(bench, segments, all, true)
    return fail(`at ${unheard.one.to.address} ${because}`, ...why)
  }
  // A machine that takes long for what gets through may take too long for what would.
  const slowest = Math.max(...done.flatMap(({ one: { tcp, udp } }) => [tcp, udp].map(answer => answer.kind === 'ok' ? answer.ms : 0)))
  const waited = late ? LATE_ANSWER_MS : ANSWER_MS
  if (slowest > waited / 2 && !late) return look(bench, segments, all, true)
  if (slowest > waited / 2) throw new CouldNotLook(`answers take ${slowest.toFixed(0)} ms now: too long to tell silence from slowness within ${waited} ms`, first, ...rest)
  return pass(first, ...rest)
}

/** The other addresses of whoever holds this one. */
function othersOf(namespaces: readonly Namespace[], address: string): readonly string[] {
  return holders(namespaces, address).flatMap(({ namespace }) => addressesOf(namespace)).filter(one => one !== address)
}
