import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { endOf, type End } from './ends.ts'
import { exchange } from './exchange.ts'
import { explain } from './explain.ts'

/** `between the nodes, packets of red and green are plain: in no tunnel`: bare, with the addresses of the two, in both directions. */
export function plainOnTheWire(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `between the nodes, packets of ${from.name} and ${to.name} are plain: in no tunnel`,
    look: async bench => {
      const [outcome] = await exchange(bench, [{ from, to, wire: true }])
      if (outcome === undefined) throw new Error('nothing was tried')
      if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
      const { client, server, tcp, udp, evidence, frames } = outcome
      if (frames === undefined) return fail(`${from.name} and ${to.name} are both on ${client.namespace.node}: their packets cross no wire`, client.namespace.evidence, server.namespace.evidence)
      if (tcp.kind !== 'ok' || udp.kind !== 'ok') {
        const explained = await explain(bench, outcome)
        return fail(explained.because, ...explained.evidence)
      }
      const wrapped = frames.find(frame => frame.headers.length > 1)?.headers[0]
      if (wrapped !== undefined) {
        return fail(`the wire carries them inside packets from ${wrapped.from} to ${wrapped.to} (${wrapped.rest.split(/[,:]/)[0] ?? ''})`, ...evidence)
      }
      for (const { own, ownPort } of [tcp, udp]) {
        const there = frames.some(({ headers: [header] }) => header.fromPort === ownPort && header.from === own && header.to === to.address)
        const back = frames.some(({ headers: [header] }) => header.toPort === ownPort && header.to === own && header.from === to.address)
        if (there && back) continue
        const [seen] = frames.flatMap(frame => frame.headers)
        if (seen !== undefined && !there && !back) return fail(`the wire carries packets from ${seen.from} to ${seen.to} instead of from ${own} to ${to.address}`, ...evidence)
        const missing = there ? 'the replies' : back ? 'the requests' : 'none of them'
        return fail(there || back ? `${missing} are not seen on the wire as they are` : 'the exchange succeeds, and none of its packets is seen on the wire as it is', ...evidence)
      }
      return pass(...evidence)
    },
  }
}
