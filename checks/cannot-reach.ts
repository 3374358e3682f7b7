import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, endsOf, type End, type NamedEnd } from './ends.ts'
import { ANSWER_MS, exchange, type Exchange, type Outcome } from './exchange.ts'
import { explain, symptom } from './explain.ts'
import type { Answer } from './read/probe.ts'

type Ends = string | readonly string[] | Readonly<Record<string, string>>

/** What whoever asks is left with: nothing at all, a reset or "port unreachable", another ICMP message or an error of their own kernel. */
export type Denial = 'silence' | 'refusal' | 'unreachable'

export interface Blocked {
  /** Who reaches the very same server in the same look: it is alive, and its answers get out. */
  readonly though: Ends
  /** What the very same client reaches in the same look: it is alive, and its questions get out. */
  readonly still: Ends
  /** How it fails, where that is part of the claim. */
  readonly by?: Denial
}

/**
 * `ext does not reach red, though node1 does, and ext still reaches node1`: neither by TCP nor by UDP, and nothing
 * of it arrives.
 */
export function cannotReach(from: End, to: End, { though, still, by }: Blocked): Check {
  const [one, other] = [endOf(from), endOf(to)]
  const [others, reached] = [many(though), many(still)]
  const names = list(reached.map(end => end.name))
  const [does, reaches] = others.length === 1 ? ['does', 'reaches it'] : ['do', 'reach it']
  const how = by === undefined ? `${one.name} does not reach ${other.name}` : {
    silence: `${one.name} hears nothing from ${other.name}`,
    refusal: `${one.name} is refused by ${other.name}`,
    unreachable: `${one.name} is told that ${other.name} is unreachable`,
  }[by]
  return {
    claim: `${how}, though ${list(others.map(end => end.name))} ${by === undefined ? does : reaches}, and ${one.name} still reaches ${names}`,
    look: bench => look(bench, one, other, others, reached, by),
  }
}

/** One at least: without somebody who gets through, nothing is shown to be blocked. */
function many(ends: Ends): readonly NamedEnd[] {
  return endsOf(typeof ends === 'string' ? [ends] : ends)
}

async function look(bench: Bench, from: NamedEnd, to: NamedEnd, though: readonly NamedEnd[], still: readonly NamedEnd[], by: Denial | undefined): Promise<Verdict> {
  const [outcome, ...controls] = await exchange(bench, [{ from, to }, ...though.map(end => ({ from: end, to })), ...still.map(end => ({ from, to: end }))])
  if (outcome === undefined) throw new Error('nothing was tried')
  const done: Exchange[] = []
  for (const one of [outcome, ...controls]) {
    const wrong = nothingBetween(one)
    if (wrong !== undefined) return wrong
    if (!('missing' in one)) done.push(one)
  }
  const [tried, ...got] = done
  if (tried === undefined) throw new Error('nothing was tried')
  const evidence = [...new Set(done.flatMap(one => one.evidence))]
  const [first, ...rest] = evidence
  if (first === undefined) throw new Error('nothing was tried')
  const through = arrived(tried)
  if (through !== undefined) return fail(through, first, ...rest)
  // Both are worth something only if the others get through.
  for (const one of got) {
    if (one.tcp.kind === 'ok' && one.udp.kind === 'ok') continue
    const explained = await explain(bench, one)
    return fail(`nothing shows that ${from.name} is kept from ${to.name}: ${explained.because}`, ...explained.evidence)
  }
  const seen = [tried.tcp, tried.udp].map(denial)
  // A machine that takes long for what gets through may take too long for what would.
  const slowest = Math.max(...got.flatMap(({ tcp, udp }) => [tcp, udp].map(answer => answer.kind === 'ok' ? answer.ms : 0)))
  if (seen.includes('silence') && slowest > ANSWER_MS / 2) {
    throw new CouldNotLook(`answers take ${slowest.toFixed(0)} ms now: too long to tell silence from slowness within ${ANSWER_MS} ms`, first, ...rest)
  }
  if (by !== undefined && seen.some(one => one !== by)) return fail(`${symptom(tried)}: that is not ${WORDS[by]}`, first, ...rest)
  return pass(first, ...rest)
}

function nothingBetween(outcome: Outcome): Verdict | undefined {
  if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
  const { client, server, from, to } = outcome
  if (client.namespace !== server.namespace) return undefined
  return fail(`${from.address} and ${to.address} are both in ${client.namespace.place.name}: nothing is between them`, client.namespace.evidence)
}

/** What got through, if anything did. */
function arrived({ from, to, tcp, udp, heard }: Exchange): string | undefined {
  if (tcp.kind === 'ok' || udp.kind === 'ok') return `${from.name} reaches ${to.name} by ${[tcp.kind === 'ok' ? 'TCP' : '', udp.kind === 'ok' ? 'UDP' : ''].filter(name => name !== '').join(' and ')}`
  const wrong = [tcp, udp].find(answer => answer.kind === 'wrong')
  if (wrong !== undefined) return `somebody answers ${from.name} in place of ${to.name}: ${JSON.stringify(wrong.text)}`
  if (heard === undefined) return undefined
  return `${from.name}'s packets arrive at ${to.name}, seen there as ${heard.from}: only the answers are lost`
}

function denial(answer: Answer): Denial | undefined {
  if (answer.kind === 'timeout') return 'silence'
  if (answer.kind === 'refused') return 'refusal'
  return answer.kind === 'unreachable' ? 'unreachable' : undefined
}

const WORDS: Readonly<Record<Denial, string>> = { silence: 'silence', refusal: 'a refusal', unreachable: 'word that it is unreachable' }
