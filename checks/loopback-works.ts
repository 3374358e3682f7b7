import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { exchange } from './exchange.ts'
import { symptom } from './explain.ts'

/** `a program in red reaches another in red on 127.0.0.1`: a real exchange. */
export function loopbackWorks(node: string, name: string): Check {
  const end = { name, address: '127.0.0.1', named: true, place: `${node}/${name}` }
  return {
    claim: `a program in ${name} reaches another in ${name} on 127.0.0.1`,
    look: async bench => {
      const [outcome] = await exchange(bench, [{ from: end, to: end }])
      if (outcome === undefined) throw new Error('nothing was tried')
      if ('missing' in outcome) return fail(outcome.missing.because, ...outcome.missing.evidence)
      const { tcp, udp, evidence, client: { namespace } } = outcome
      if (tcp.kind === 'ok' && udp.kind === 'ok') return pass(...evidence)
      const loopback = namespace.links.find(link => link.name === 'lo')
      if (loopback !== undefined && !loopback.up) return fail(`lo in ${name} is down`, ...evidence, namespace.evidence)
      return fail(symptom(outcome), ...evidence, namespace.evidence)
    },
  }
}
