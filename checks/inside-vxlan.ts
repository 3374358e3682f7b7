import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, type End } from './ends.ts'
import { exchange, type Exchange } from './exchange.ts'
import { explain } from './explain.ts'
import type { Frame } from './read/tcpdump.ts'

/**
 * `between the nodes, packets of red and green travel in VXLAN: outside the nodes, inside the two`. In both directions
 * and never as they are, on no wire on the way. Any port and any network identifier will do.
 */
export function insideVxlan(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `between the nodes, packets of ${from.name} and ${to.name} travel in VXLAN: outside the nodes, inside the two`,
    look: async bench => {
      const [outcome] = await exchange(bench, [{ from, to, wire: true }])
      if (outcome === undefined) throw new Error('nothing was tried')
      if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
      const { client, server, tcp, udp } = outcome
      if (client.namespace.node === server.namespace.node) {
        return fail(`${from.name} and ${to.name} are both on ${client.namespace.node}: their packets cross no wire`, client.namespace.evidence, server.namespace.evidence)
      }
      // What was sent in vain crossed the wire too: how, is true whether or not it came home.
      const bare = outcome.frames?.find(frame => frame.headers.length === 1 && isOfTheTwo(frame, outcome))
      if (bare !== undefined) return asItIs(bare, outcome)
      if (tcp.kind !== 'ok' || udp.kind !== 'ok') {
        const explained = await explain(bench, outcome)
        return fail(explained.because, ...explained.evidence)
      }
      const addressesOf = async (node: string): Promise<Holder> => {
        const own = (await bench.namespaces(node)).find(namespace => namespace.own)
        if (own === undefined) throw new CouldNotLook(`${node} has no namespace of its own`)
        return { node, addresses: own.links.flatMap(link => link.addresses.map(held => held.split('/')[0] ?? '')) }
      }
      const [near, far] = await Promise.all([addressesOf(client.namespace.node), addressesOf(server.namespace.node)])
      return judged(outcome, near, far)
    },
  }
}

interface Holder {
  readonly node: string
  readonly addresses: readonly string[]
}

function judged(outcome: Exchange, near: Holder, far: Holder): Verdict {
  const { from, to, tcp, udp, evidence, frames = [] } = outcome
  if (tcp.kind !== 'ok' || udp.kind !== 'ok') throw new Error('it did not succeed')
  for (const frame of frames) {
    const [outer, ...inside] = frame.headers
    const inner = inside.at(-1)
    if (inner === undefined) return asItIs(frame, outcome)
    if (!/^(VXLAN|OTV)\b/.test(outer.rest)) return fail(`${frame.link} carries them inside packets from ${outer.from} to ${outer.to}, and they are no VXLAN (${outer.rest.split(/[,:]/)[0] ?? ''})`, ...evidence)
    const asking = [tcp, udp].some(({ ownPort, peerPort }) => inner.fromPort === ownPort || inner.fromPort === peerPort)
    const [sender, receiver] = asking ? [near, far] : [far, near]
    if (!sender.addresses.includes(outer.from) || !receiver.addresses.includes(outer.to)) {
      return fail(`a packet from ${sender.node} to ${receiver.node} is in a wrapping from ${outer.from} to ${outer.to}, which are not the addresses of the two`, ...evidence)
    }
  }
  for (const { own, ownPort } of [tcp, udp]) {
    const inner = frames.map(({ headers }) => headers.at(-1))
    const there = inner.some(header => header?.fromPort === ownPort && header.from === own && header.to === to.address)
    const back = inner.some(header => header?.toPort === ownPort && header.to === own && header.from === to.address)
    if (there && back) continue
    const lacking = list([...(there ? [] : ['the requests']), ...(back ? [] : ['the replies'])])
    const seen = inner.find(header => header !== undefined)
    return fail(seen === undefined
      ? `the exchange of ${from.name} and ${to.name} succeeds, and none of its packets is seen in VXLAN on the wire`
      : `${lacking} are not seen inside VXLAN with the addresses ${own} and ${to.address}; the wire carries ${seen.from} and ${seen.to}`, ...evidence)
  }
  return pass(...evidence)
}

/** By both addresses: of a question that nobody answered no port is known, and others may have asked the same server. */
function isOfTheTwo({ headers: [header] }: Frame, { from, to }: Exchange): boolean {
  return (header.from === from.address && header.to === to.address) || (header.from === to.address && header.to === from.address)
}

function asItIs({ link, headers: [header] }: Frame, { evidence }: Exchange): Verdict {
  return fail(`${link} carries a packet from ${header.from} to ${header.to} as it is, in no VXLAN`, ...evidence)
}
