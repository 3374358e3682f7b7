import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook } from '../runner/core/verdict.ts'
import { BYTES, judgeTransfer, type Direction } from './bulk.ts'
import { endOf, type End } from './ends.ts'

/** `1 MB from red reaches green and 1 MB from green reaches red, and none of it crosses the wire in fragments`. */
export function arrivesUncut(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `1 MB from ${from.name} reaches ${to.name} and 1 MB from ${to.name} reaches ${from.name}, and none of it crosses the wire in fragments`,
    // What was cut first: thousands of pieces of one direction may hide the other.
    look: bench => judgeTransfer(bench, from, to, [cut, refused]),
  }
}

function refused(direction: Direction): string | undefined {
  const { from, to, bulk: transfer, small } = direction
  if (transfer.kind === 'failed') return `${from.name} cannot send to ${to.name} by TCP: ${transfer.reason.toLowerCase()}`
  if (transfer.kind === 'stalled') {
    const before = transfer.bytes < BYTES ? `${transfer.bytes} of ${BYTES} bytes` : 'all of it'
    return `a transfer from ${from.name} to ${to.name} stands still: the connection is there${small.kind === 'ok' ? ', small packets arrive' : ''}, and ${from.name}'s kernel has taken ${before} without ${to.name} having them`
  }
  if (transfer.kind === 'slow') return `a transfer from ${from.name} to ${to.name} crawls: ${from.name}'s kernel has taken ${transfer.bytes} of ${BYTES} bytes, and the time is over`
  return unseen(direction)
}

/** Who cut a packet of theirs, if anybody did. */
export function cut({ from, to, frames }: Direction): string | undefined {
  const found = frames.flatMap(frame => frame.headers.map(header => ({ frame, header }))).find(({ header }) => header.fragment === true)
  if (found === undefined) return undefined
  const { frame, header } = found
  const [outer] = frame.headers
  const what = outer === header && frame.headers.length > 1 ? 'the packets around them' : 'they'
  return `packets from ${from.name} to ${to.name} are too large for the way: on ${frame.link} ${what}, from ${header.from} to ${header.to}, cross in fragments`
}

/** Not a single packet of theirs is seen, though they arrived: then nobody has looked, and can say that none was cut. */
export function unseen({ from, to, client, server, frames, evidence }: Direction): undefined {
  if (client.namespace.node === server.namespace.node || frames.length > 0) return
  throw new CouldNotLook(`${to.name} has what ${from.name} sent, and no packet of it can be told from others on a wire`, ...evidence)
}
