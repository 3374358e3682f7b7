// Whom somebody on several rails asks for a neighbour, and in whose name. Nobody has the address that is asked for.
import { randomInt } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, endOf, holders, type NamedEnd } from './ends.ts'
import { haul, type Carried, type Load } from './hauling.ts'

/** The wire of a rail, somebody's address there, and the range of the rail: `10.51.0.0/16`. */
export interface RailOf {
  readonly segment: string
  readonly address: string
  readonly range: string
}

/** `worker sends what is for a neighbour on a rail straight to it, and on that rail, from its address there`. */
export function straightToNeighbours(name: string, rails: readonly RailOf[]): Check {
  return {
    claim: `${onEach(rails)} ${name} sends what is for a neighbour straight to it, from its address there`,
    look: bench => look(bench, rails, rail => ({ from: endOf({ [name]: rail.address }), knock: {} }), ({ from, to, result, crossed, requests }, { segment, address }) => {
      if (result.kind === 'unreachable') return `${name} finds no way from ${address} to its neighbour ${to.address}: ${result.reason.toLowerCase()}`
      // A router that tells worker better makes it ask too, after the packet has gone.
      const by = crossed.filter(one => one.sent > 0).map(one => one.segment)
      if (by.length > 0) return `${name} sends what is for ${to.address}, a neighbour of ${from.address} on ${segment}, to a router, on ${list(by)}`
      const asked = requests.map(request => request.segment)
      if (asked.length > 0 && asked.every(one => one === segment)) return undefined
      if (asked.length > 0) return `${name} takes ${to.address}, a neighbour of ${from.address} on ${segment}, to be on ${list([...new Set(asked)])}, and asks for it there`
      return `${name} does not ask on ${segment} for ${to.address}, a neighbour of ${from.address} there, and what it sends crosses no wire`
    }),
  }
}

/** `on each rail worker asks for neighbours in the name of its address there`, also when a program sends from another of its addresses. */
export function asksInOwnName(name: string, rails: readonly RailOf[]): Check {
  return {
    claim: `${onEach(rails)} ${name} asks for neighbours in the name of its address there, whatever address it sends from`,
    look: bench => look(bench, rails, (rail, index) => {
      // From the address that it has on another rail, out of this one.
      const other = rails[(index + 1) % rails.length]
      return { from: endOf({ [name]: other?.address ?? '' }), knock: { outOf: rail.address } }
    }, ({ from, to, requests, result }, { segment, address }) => {
      const stranger = requests.find(one => one.segment === segment && one.inTheNameOf !== address)
      if (stranger !== undefined) return `${name} sends from ${from.address} on ${segment}, and asks there who has ${to.address} in the name of ${stranger.inTheNameOf}`
      if (requests.some(one => one.segment === segment)) return undefined
      return `${name} does not ask on ${segment} who has ${to.address}${result.kind === 'unreachable' ? `: ${result.reason.toLowerCase()}` : ''}`
    }),
  }
}

/** `on rail1`, or `on each of 8 rails`. */
export function onEach(rails: readonly RailOf[]): string {
  return rails.length === 1 ? `on ${rails[0]?.segment ?? ''}` : `on each of ${rails.length} rails`
}

async function look(bench: Bench, rails: readonly RailOf[], load: (rail: RailOf, index: number) => Pick<Load, 'from' | 'knock'>,
  wrong: (carried: Carried, rail: RailOf) => string | undefined): Promise<Verdict> {
  const namespaces = await allNamespaces(bench)
  const nobody = (range: string): NamedEnd => {
    const cidr = parseCidr(range)
    if (cidr === undefined || cidr.prefix > 24) throw new Error(`expected a range, for example 10.51.0.0/16, and got ${range}`)
    for (;;) {
      const address = formatAddress(networkOf(cidr) + randomInt(256, 2 ** (32 - cidr.prefix) - 1))
      if (holders(namespaces, address).length === 0) return endOf(address)
    }
  }
  const outcomes = await haul(bench, rails.map((rail, index) => ({ ...load(rail, index), bound: true, to: nobody(rail.range) })))
  const evidence: Evidence[] = []
  const found: { readonly because: string; readonly evidence: readonly Evidence[] }[] = []
  for (const [index, outcome] of outcomes.entries()) {
    const rail = rails[index]
    if (rail === undefined) continue
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    const because = wrong(outcome, rail)
    if (because !== undefined) found.push({ because, evidence: outcome.evidence })
    evidence.push(...outcome.evidence)
  }
  const [first, ...more] = found
  const [one, ...rest] = new Set([...first?.evidence ?? [], ...evidence])
  if (one === undefined) throw new Error('nothing was tried')
  return first === undefined ? pass(one, ...rest) : fail(`${first.because}${more.length === 0 ? '' : ` (and ${more.length} more of ${rails.length})`}`, one, ...rest)
}
