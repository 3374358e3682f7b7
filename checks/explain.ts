// Why an exchange failed: one more packet is sent and followed through every interface, and what is said is what was seen of it.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import type { Cause, Protocol, Trace } from '../runner/core/trace.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'
import type { Missing, NamedEnd } from './ends.ts'
import type { Exchange } from './exchange.ts'
import type { Answer } from './read/probe.ts'

export interface Explained extends Missing {
  /** Another packet got there, and its answer came back. */
  readonly answered: boolean
}

/** The whole sentence about a failed exchange, and its evidence. */
export async function explain(bench: Bench, failed: Exchange): Promise<Explained> {
  const { from, to, client, tcp, udp } = failed
  // What succeeds needs no explanation: that which does not is sent again.
  const why = await whyNot(bench, client.namespace, from, to, tcp.kind === 'ok' || udp.kind === 'ok' ? (tcp.kind === 'ok' ? 'udp' : 'tcp') : 'udp')
  return why === undefined ? { because: symptom(failed), evidence: failed.evidence, answered: false }
    : { because: `${symptom(failed)}: ${why.sentence}`, evidence: [...failed.evidence, ...why.evidence], answered: why.answered }
}

export interface Why {
  readonly sentence: string
  readonly answered: boolean
  readonly evidence: readonly Evidence[]
}

/** Where a packet from one to the other ends, and why; nothing where no explanation is wanted or can be had. */
export async function whyNot(bench: Bench, client: Namespace, from: NamedEnd, to: NamedEnd, protocol: Protocol, port?: number, source?: string): Promise<Why | undefined> {
  if (bench.trace === undefined) return undefined
  try {
    const trace = await bench.trace({ from: client.place.name, to: to.address, protocol, ...port === undefined ? {} : { port }, ...source === undefined ? {} : { source }, names: { from: from.name, to: to.name } })
    return { sentence: sentenceOf(trace), evidence: trace.evidence, answered: trace.outcome === 'answered' }
  } catch (error) {
    // That it failed is known; only why is not.
    return { sentence: `and nobody could follow it: ${error instanceof Error ? error.message : String(error)}`, evidence: error instanceof CouldNotLook ? error.evidence : [], answered: false }
  }
}

function sentenceOf({ cause }: Trace): string {
  if (cause === undefined) return 'another packet, sent a moment later, arrives, and so does its answer'
  return `${cause.way === 'back' && cause.kind !== 'reply-not-rewritten' ? 'the request arrives, the reply does not: ' : ''}${withCounters(cause)}`
}

/** What the kernel counted is the shortest proof. */
function withCounters({ sentence, evidence }: Cause): string {
  const counted = evidence.find(line => / \d+ → \d+$/.test(line))
  return counted === undefined ? sentence : `${sentence} (${counted})`
}

/** `red does not reach green: no answer`. */
export function symptom({ from, to, tcp, udp }: Exchange): string {
  const one = say(tcp)
  const other = say(udp)
  if (tcp.kind === 'ok') return `${from.name} reaches ${to.name} by TCP, but not by UDP (${other})`
  if (udp.kind === 'ok') return `${from.name} reaches ${to.name} by UDP, but not by TCP (${one})`
  return `${from.name} does not reach ${to.name} (${one === other ? one : `TCP: ${one}, UDP: ${other}`})`
}

/** What one who asks is left with. */
export function say(answer: Answer): string {
  switch (answer.kind) {
    case 'ok': return 'answered'
    case 'refused': return 'refused'
    case 'unreachable': return answer.reason.toLowerCase()
    case 'timeout': return 'no answer'
    case 'wrong': return `a wrong answer, ${JSON.stringify(answer.text)}`
  }
}

/** `red` for `node1/red`: who a reader thinks of. */
export function nameOf(namespace: Namespace): string {
  return namespace.own ? namespace.node : namespace.named ?? namespace.place.name
}
