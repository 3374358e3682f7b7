import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, endsOf, type End } from './ends.ts'
import { whyNot } from './explain.ts'
import { haul, type Carried, type Load } from './hauling.ts'
import type { Hauled } from './read/haul.ts'

/** `what worker sends from 10.51.0.10 to far, and what comes back, crosses rail1 and no other wire`: counted in bytes, where it crosses; and a datagram. */
export function ridesOn(segment: string, from: End, to: readonly string[] | Readonly<Record<string, string>>): Check {
  const [one, others] = [endOf(from), endsOf(to)]
  return {
    claim: `what ${one.name} sends from ${one.address} to ${list(others.map(end => end.name))}, and what comes back, crosses ${segment} and no other wire`,
    look: bench => look(bench, others.map(other => ({ segment, load: { from: one, to: other, bound: true } }))),
  }
}

/** The same of somebody who does not say from which address: the kernel chooses by the route. The end is a place, `{ worker: 'node1/worker' }`. */
export function unboundRidesOn(segment: string, from: End, to: readonly string[] | Readonly<Record<string, string>>): Check {
  const [one, others] = [endOf(from), endsOf(to)]
  return {
    claim: `what ${one.name} sends to ${list(others.map(end => end.name))}, without saying from where, crosses ${segment} and no other wire, and so does what comes back`,
    look: bench => look(bench, others.map(other => ({ segment, load: { from: one, to: other, bound: false } }))),
  }
}

/** One rail of somebody's: its wire, the address there, and others to talk to. */
export interface OwnRail {
  readonly segment: string
  readonly address: string
  readonly to: readonly string[]
}

/** `each rail carries what worker says from its address there, and the answers, and no other wire does`. */
export function ridesOwnRails(name: string, rails: readonly OwnRail[]): Check {
  return {
    claim: `what ${name} sends from its address on a rail, and what comes back, crosses that rail and no other wire, on all ${rails.length}`,
    look: bench => look(bench, streams(name, rails)),
  }
}

/** The same, begun by the others. */
export function answersOnOwnRails(name: string, rails: readonly OwnRail[]): Check {
  return {
    claim: `what others send to ${name}'s address on a rail, and what it answers, crosses that rail and no other wire, on all ${rails.length}`,
    look: bench => look(bench, streams(name, rails).map(({ segment, load }) => ({ segment, load: { from: load.to, to: load.from, bound: true } }))),
  }
}

interface Stream {
  readonly segment: string
  readonly load: Load
}

function streams(name: string, rails: readonly OwnRail[]): readonly Stream[] {
  return rails.flatMap(({ segment, address, to }) => to.map(other => ({ segment, load: { from: endOf({ [name]: address }), to: endOf(other), bound: true } })))
}

/** A rule may be for one protocol only: beside what is said from an address by TCP goes a datagram. */
function look(bench: Bench, streams: readonly Stream[]): Promise<Verdict> {
  return judge(bench, [...streams, ...streams.flatMap(({ segment, load }) => load.bound ? [{ segment, load: { ...load, knock: {} } }] : [])])
}

/** One failure is told in full, and how many more there are. */
async function judge(bench: Bench, all: readonly Stream[], late = false): Promise<Verdict> {
  const outcomes = await haul(bench, all.map(({ load }) => load), late)
  const failed: { readonly segment: string; readonly carried: Carried }[] = []
  const evidence: Evidence[] = []
  for (const [index, outcome] of outcomes.entries()) {
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    const segment = all[index]?.segment ?? ''
    evidence.push(...outcome.evidence)
    if (!isWell(outcome, segment)) failed.push({ segment, carried: outcome })
  }
  const [first] = failed
  if (first === undefined) {
    const [one, ...rest] = new Set(evidence)
    if (one === undefined) throw new Error('nothing was tried')
    return pass(one, ...rest)
  }
  const { because, evidence: why, answered } = await explain(bench, first.carried)
  // A machine that is busy with other things may take longer to answer than it was waited for.
  if (answered && !late) return judge(bench, all, true)
  const others = waysOf(failed.map(({ carried }) => carried)).slice(1)
  const more = others.length === 0 ? '' : ` (and ${others.length} more of ${waysOf(all.map(({ load }) => load)).length}: ${others.slice(0, 3).join(', ')}${others.length > 3 ? ', …' : ''})`
  return fail(`${because}${more}`, ...why)
}

function waysOf(loads: readonly Load[]): readonly string[] {
  return [...new Set(loads.map(({ from, to }) => `${from.address || from.name} → ${to.address}`))]
}

function isWell({ from, bound, knock, result, crossed }: Carried, segment: string): boolean {
  const [only, other] = crossed
  if (knock !== undefined) return result.kind === 'sent' && other === undefined && only?.segment === segment && only.sent > 0
  return result.kind === 'ok' && (bound ? result.peer === from.address : result.peer === result.own) && other === undefined && only?.segment === segment && only.sent > 0 && only.received > 0
}

async function explain(bench: Bench, carried: Carried): Promise<{ readonly because: string; readonly evidence: NonEmpty<Evidence>; readonly answered: boolean }> {
  const { from, to, bound, client, result, crossed, evidence } = carried
  const { place } = client.namespace
  const source = bound ? from.address : undefined
  const who = source === undefined ? from.name : from.named ? `${from.name} (${source})` : source
  const route = await place.exec(['ip', 'route', 'get', to.address, ...source === undefined ? [] : ['from', source]])
  const decides = route.exitCode === 0 ? `; its route is \`${route.stdout.split('\n')[0]?.replace(/ (uid|cache).*$/, '').trim() ?? ''}\`` : ''
  const known: NonEmpty<Evidence> = [...evidence, route]
  if (result.kind === 'sent') {
    const by = crossed.filter(one => one.sent > 0).map(one => one.segment)
    return { because: `a datagram that ${who} sends to ${to.address} crosses ${list(by) || 'no wire'}, though what it sends by TCP is well${decides}`, evidence: known, answered: false }
  }
  if (result.kind !== 'ok') {
    const why = await whyNot(bench, client.namespace, from, to, 'tcp', undefined, source)
    const sent = crossed.filter(one => one.sent > 0)
    const by = sent.length === 0 ? '' : `, and what it sends crosses ${list(sent.map(one => one.segment))}`
    return {
      because: `${who} does not reach ${to.address} (${said(result)})${by}${why === undefined ? decides : `: ${why.sentence}`}`,
      evidence: [...known, ...why?.evidence ?? []], answered: why?.answered ?? false,
    }
  }
  const expected = source ?? result.own
  if (result.peer !== expected) return { because: `${to.address} sees ${result.peer} in place of ${expected}, from which ${from.name} sends`, evidence: known, answered: false }
  const bytes = (which: 'sent' | 'received'): string => list(crossed.filter(one => one[which] > 0).map(one => `${one[which]} bytes by ${one.segment}`)) || 'nothing by any wire'
  return { because: `${source === undefined ? `${who}, from ${result.own},` : who} sends ${to.address} ${bytes('sent')}, and hears ${bytes('received')}${decides}`, evidence: known, answered: false }
}

function said(result: Hauled): string {
  switch (result.kind) {
    case 'refused': return 'refused'
    case 'unreachable': return result.reason.toLowerCase()
    case 'timeout': return 'no answer'
    case 'wrong': return `a wrong answer, ${JSON.stringify(result.text)}`
    default: return 'answered'
  }
}
