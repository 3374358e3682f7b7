// Some addresses of a range, to ask the kernel about: the first and the last, and some in between.
import { randomInt } from 'node:crypto'
import { broadcastOf, formatAddress, networkOf, parseCidr, type Cidr } from '../runner/core/ipv4.ts'

export function rangeOf(text: string): Cidr {
  const range = parseCidr(text)
  if (range === undefined || range.address !== networkOf(range) || range.prefix > 29) throw new Error(`expected a range of 8 addresses or more, for example 10.244.2.0/26, and got ${text}`)
  return range
}

/** Without those that somebody has, who may have a route of their own. */
export function someOf(range: Cidr, taken: (address: string) => boolean = () => false): readonly string[] {
  const [first, last] = [networkOf(range) + 1, broadcastOf(range) - 1]
  const addresses = new Set([first, last, ...Array.from({ length: 4 }, () => randomInt(first + 1, last))].map(formatAddress))
  return [...addresses].filter(address => !taken(address)).slice(0, 4)
}
