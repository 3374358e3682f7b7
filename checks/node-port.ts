// What is asked by a port of a node, and what one who asks is left with.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'
import type { Answered, Listener, Reply } from './asking.ts'
import { allNamespaces, endsOf, holders, type Missing, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'

export type Ends = Readonly<Record<string, string>>

/** A port of nodes, and the pods and their port that it leads to. */
export interface NodePort {
  readonly port: number
  readonly pods: Ends
  readonly targetPort: number
}

/** Each pod is to answer where it has no server of its own. */
export function listenersOf({ pods, targetPort }: NodePort): readonly Listener[] {
  return endsOf(pods).map(end => ({ end, port: targetPort, protocol: 'tcp' }))
}

/** `web2 or web3`. */
export function anyOf(ends: readonly NamedEnd[]): string {
  return list(ends.map(end => end.name)).replace(/ and (?=\S+$)/, ' or ')
}

export interface Asked {
  readonly answered: Answered
  readonly node: NamedEnd
}

/** What came of it, as one sentence: what was seen, and where another packet ended, if somebody wants to know. */
export async function say(bench: Bench, { answered, node }: Asked, reply: Reply): Promise<Missing> {
  const { from, port, evidence } = answered
  const asked = `port ${port} of ${node.name}`
  if (reply.kind === 'ok') return { because: `${nameOf(reply.by)} answers ${from.name} on ${asked}`, evidence }
  if (reply.kind === 'wrong') return { because: `something that says ${JSON.stringify(reply.text)} answers ${from.name} on ${asked}`, evidence }
  if (reply.kind === 'lost') {
    // The answer goes by whom the pod saw: by the one that was asked, or past it.
    const asker = (await allNamespaces(bench)).find(namespace => holds(namespace, node.address))
    const past = asker !== undefined && reply.by.node !== asker.node && !holds(asker, reply.peer)
    const way = past ? `: ${nameOf(reply.by)} answers ${reply.peer}, and so past ${node.name}, which alone knows what was asked` : ''
    return { because: `what ${from.name} asks of ${asked} comes to ${nameOf(reply.by)} from ${reply.peer}, and ${from.name} has no answer${way}`, evidence }
  }
  const left = reply.kind === 'refused' ? `${from.name} is refused on ${asked}`
    : reply.kind === 'timeout' ? `${from.name} has no answer on ${asked}` : `${from.name} asks on ${asked}, and hears: ${reply.reason.toLowerCase()}`
  const why = await followed(bench, answered, node)
  return why === undefined ? { because: left, evidence } : { because: `${left}: ${why.because}`, evidence: [...evidence, ...why.evidence] }
}

/** Whether the address is one of its own. */
export function holds(namespace: Namespace, address: string): boolean {
  return holders([namespace], address).length > 0
}

async function followed(bench: Bench, { client, from, to, port }: Answered, node: NamedEnd): Promise<{ readonly because: string; readonly evidence: readonly Evidence[] } | undefined> {
  if (bench.trace === undefined) return undefined
  try {
    const { cause, evidence } = await bench.trace({ from: client.place.name, to, protocol: 'tcp', port, names: { from: from.name, to: node.name } })
    return cause === undefined ? undefined : { because: cause.sentence, evidence }
  } catch (error) {
    // That it failed is known; only why is not.
    return { because: `and nobody could follow it: ${error instanceof Error ? error.message : String(error)}`, evidence: error instanceof CouldNotLook ? error.evidence : [] }
  }
}
