import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, endOf, endsOf, holders, type End, type NamedEnd } from './ends.ts'
import { exchange, type Exchange } from './exchange.ts'
import { explain, nameOf } from './explain.ts'
import type { Answer } from './read/probe.ts'
import { translation } from './translation.ts'

type Answered = Extract<Answer, { readonly kind: 'ok' }>

/**
 * `ext sees node1's address, 192.168.1.11, when red asks`: by TCP and UDP, and each is answered. The server says whom it
 * saw, and the wire has to agree, or the server's own machine could have changed it. Several may ask:
 * `seenAs({ red, blue }, ext, { node1: '192.168.1.11' })`.
 */
export function seenAs(from: string | readonly string[] | Readonly<Record<string, string>>, to: End, as: End): Check {
  const [clients, server, seen] = [endsOf(typeof from === 'string' ? [from] : from), endOf(to), endOf(as)]
  const who = seen.named ? `${seen.name}'s address, ${seen.address},` : seen.address
  return {
    claim: `${server.name} sees ${who} when ${list(clients.map(end => end.name))} ${clients.length === 1 ? 'asks' : 'ask'}`,
    look: bench => look(bench, clients, server, seen.address),
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], server: NamedEnd, as: string): Promise<Verdict> {
  const outcomes = await exchange(bench, clients.map(from => ({ from, to: server, wire: true })))
  const evidence: Evidence[] = []
  for (const outcome of outcomes) {
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    if (outcome.client.namespace === outcome.server.namespace) {
      return fail(`${outcome.from.address} and ${outcome.to.address} are both in ${outcome.client.namespace.place.name}: nothing is between them`, outcome.client.namespace.evidence)
    }
    const { tcp, udp } = outcome
    if (tcp.kind !== 'ok' || udp.kind !== 'ok') {
      const explained = await explain(bench, outcome)
      return fail(explained.because, ...explained.evidence)
    }
    for (const answer of [tcp, udp]) {
      const other = await otherThan(bench, as, outcome, answer)
      if (other !== undefined) return fail(other.because, ...other.evidence)
    }
    evidence.push(...outcome.evidence)
  }
  const [first, ...rest] = new Set(evidence)
  if (first === undefined) throw new Error('nothing was tried')
  return pass(first, ...rest)
}

/** Whom the server, or the wire, takes the client for, if for anyone else. */
async function otherThan(bench: Bench, as: string, outcome: Exchange, answer: Answered): Promise<{ readonly because: string; readonly evidence: NonEmpty<Evidence> } | undefined> {
  const { from, to, client, server, frames, evidence } = outcome
  // A node has several addresses and takes the one that suits; somebody else has one to be known by.
  if (!client.namespace.own && answer.own !== from.address) return { because: `${from.name} sends from ${answer.own}, not from ${from.address}`, evidence }
  if (answer.peer === answer.own && answer.peer !== as) {
    const route = await server.namespace.place.exec(['ip', 'route', 'get', answer.peer])
    const via = / via (\S+)/.exec(route.stdout)?.[1]
    return {
      because: `${to.name} sees ${answer.peer}, ${from.name}'s own address: nobody has changed it, and ${to.name} knows a way back to it${via === undefined ? '' : `, via ${via}`}`,
      evidence: [...evidence, route],
    }
  }
  if (answer.peer !== as) {
    const [holder] = holders(await allNamespaces(bench), answer.peer)
    const whose = holder === undefined ? 'which nobody has' : `an address of ${nameOf(holder.namespace)}`
    const nodes = [client.namespace.node, ...bench.topology.nodes.map(node => node.name)]
    const rule = await translation(bench, [...new Set(nodes)], { from: answer.own, to: to.address }, evidence)
    return { because: `${to.name} sees ${answer.peer}, ${whose}, instead of ${as}: ${rule.because}`, evidence: rule.evidence }
  }
  // Neighbours on one node never pass the wire.
  if (frames === undefined) return undefined
  // On its way it may have had other names: what counts is the one that it came to the server's wire with.
  const headers = frames.flatMap(frame => frame.headers).filter(header => header.to === to.address && (header.fromPort === answer.peerPort || header.fromPort === answer.ownPort))
  if (headers.some(header => header.from === as)) return undefined
  const [wrong] = headers
  if (wrong === undefined) throw new CouldNotLook(`the exchange of ${from.name} and ${to.name} succeeds, and the capture has none of its packets`, ...evidence)
  return { because: `the wire carries ${from.name}'s packets from ${wrong.from}: only ${to.name} itself takes them to be from ${as}`, evidence }
}
