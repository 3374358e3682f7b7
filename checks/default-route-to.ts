import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { endOf, holders, ownerOf, type End } from './ends.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom } from './tool.ts'

/** Nobody's: TEST-NET-2 (RFC 5737). Only the default route leads there. */
const ELSEWHERE = '198.51.100.1'

/** `red sends what is for elsewhere to 10.244.1.1`, and a bridge of its node has that address. */
export function defaultRouteTo(end: End, gateway: string): Check {
  const one = endOf(end)
  return {
    claim: `${one.name} sends what is for elsewhere to ${gateway}`,
    look: async bench => {
      const owner = await ownerOf(bench, one)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { namespace } = owner
      const asked = await namespace.place.exec(['ip', '-j', 'route', 'get', ELSEWHERE])
      if (asked.exitCode !== 0) {
        const { refusal, evidence } = await refusedRoute(namespace.place, one.name, ELSEWHERE, asked)
        return fail(refusal === 'Network is unreachable' ? `${one.name} has no route for it ("${refusal}")` : `${one.name} refuses to send it ("${refusal}")`, ...evidence)
      }
      const route = readFrom(asked, readRoute)
      if (route.gateway === undefined) return fail(`${one.name} takes everything to be on ${route.device} itself, without a gateway`, asked)
      if (route.gateway !== gateway) return fail(`${one.name} sends it to ${route.gateway} (${route.device})`, asked)
      const held = holders(await bench.namespaces(namespace.node), gateway)
      const bridge = held.find(({ namespace: holder, link }) => holder.own && link.kind === 'bridge')
      if (bridge !== undefined) return pass(asked, bridge.namespace.evidence)
      const [other] = held
      if (other === undefined) return fail(`${one.name} sends it to ${gateway}, and nobody on ${namespace.node} has that address`, asked, namespace.evidence)
      return fail(`${gateway} is on ${other.link.name} in ${other.namespace.place.name}, and on no bridge`, asked, other.namespace.evidence)
    },
  }
}
