import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { CouldNotLook } from '../runner/core/verdict.ts'
import { endOf, type End } from './ends.ts'
import { exchange, type Exchange, type Outcome } from './exchange.ts'
import { explain } from './explain.ts'

/** The probe sends with this; each router takes one. */
const SENT = 64

/** `no router lies between red and blue`: they share a layer 2, in both directions. */
export function sameLayer2(one: End, other: End): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `no router lies between ${from.name} and ${to.name}`,
    look: async bench => {
      const outcomes = await exchange(bench, [{ from, to }, { from: to, to: from }])
      return judged(bench, outcomes, 0)
    },
  }
}

/** `a packet from red to green passes 2 routers`: what is left of its TTL of 64 when it arrives. */
export function routedTimes(one: End, other: End, times: number): Check {
  const [from, to] = [endOf(one), endOf(other)]
  return {
    claim: `a packet from ${from.name} to ${to.name} passes ${times} ${times === 1 ? 'router' : 'routers'}`,
    look: async bench => judged(bench, await exchange(bench, [{ from, to }]), times),
  }
}

async function judged(bench: Parameters<Check['look']>[0], outcomes: readonly Outcome[], times: number): Promise<Verdict> {
  const arrived: Exchange[] = []
  for (const outcome of outcomes) {
    if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
    if (outcome.client.namespace === outcome.server.namespace) {
      return fail(`${outcome.from.address} and ${outcome.to.address} are both in ${outcome.client.namespace.place.name}: nothing is between them`, outcome.client.namespace.evidence)
    }
    const { from, to, heard, evidence } = outcome
    // One that arrives tells its TTL, whether or not there is a way back.
    if (heard === undefined) {
      const explained = await explain(bench, outcome)
      return fail(explained.because, ...explained.evidence)
    }
    if (heard.ttl === undefined) throw new CouldNotLook(`${to.name}: the probe could not open a raw socket, which tells the TTL`, ...evidence)
    const passed = SENT - heard.ttl
    if (passed !== times) return fail(`${from.name}'s packet left with TTL ${SENT} and reached ${to.name} with ${heard.ttl}: it passed ${routers(passed)}`, ...evidence)
    arrived.push(outcome)
  }
  const [first, ...rest] = arrived.flatMap(({ evidence }) => evidence)
  if (first === undefined) throw new Error('nothing was tried')
  return pass(first, ...rest)
}

function routers(count: number): string {
  return count === 0 ? 'no router' : count === 1 ? '1 router' : `${count} routers`
}
