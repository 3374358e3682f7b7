import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { endOf, type End } from './ends.ts'
import { exchange } from './exchange.ts'
import { nameOf, symptom } from './explain.ts'

/** `red reaches itself at 10.244.1.2`: whoever has an address is reached by it, also from within. */
export function reachesItself(end: End): Check {
  const one = endOf(end)
  return {
    claim: `${one.name} reaches itself at ${one.address}`,
    look: async bench => {
      const [outcome] = await exchange(bench, [{ from: one, to: one }])
      if (outcome === undefined) throw new Error('nothing was tried')
      if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
      const { tcp, udp, evidence, client: { namespace } } = outcome
      if (tcp.kind === 'ok' && udp.kind === 'ok') return pass(...evidence)
      // What is for an address of one's own never leaves: the kernel sends it through lo, whoever holds it.
      const loopback = namespace.links.find(link => link.name === 'lo')
      const why = loopback?.up === false ? `: lo in ${nameOf(namespace)} is down, and what is for its own address goes through lo` : ''
      return fail(`${symptom(outcome)}${why}`, ...evidence, namespace.evidence)
    },
  }
}
