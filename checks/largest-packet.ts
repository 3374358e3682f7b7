import type { Check } from '../runner/core/bench.ts'
import { judgeTransfer, type Direction } from './bulk.ts'
import { endOf, type End } from './ends.ts'
import { cut, unseen } from './arrives-uncut.ts'

/**
 * `the largest packet that red may send reaches green in one piece, and green's reaches red`: red's own MTU fits all
 * of the way, so that nobody has to cut a packet, or to tell red that it was too large.
 */
export function largestPacket(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `the largest packet that ${from.name} may send reaches ${to.name} in one piece, and ${to.name}'s reaches ${from.name}`,
    // What was cut first: thousands of pieces of one direction may hide the other.
    look: bench => judgeTransfer(bench, from, to, [cut, refused]),
  }
}

function refused(direction: Direction): string | undefined {
  const { from, to, size, small, large } = direction
  if (small.kind !== 'ok') return `${from.name} does not reach ${to.name} even with a few bytes (${small.kind === 'failed' ? small.reason.toLowerCase() : 'no answer'})`
  switch (large.kind) {
    case 'timeout': return `${from.name} may send packets of ${size} bytes, and none arrives at ${to.name}, though small ones do; nobody tells ${from.name} why`
    case 'told': return `${from.name} may send packets of ${size} bytes, and is told on the way to ${to.name} that only ${large.mtu} fit`
    case 'failed': return `${from.name} may send packets of ${size} bytes, and one of them fails: ${large.reason.toLowerCase()}`
    case 'ok': return unseen(direction)
  }
}
