import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { readArping } from './read/arping.ts'
import { readNeighbours } from './read/neighbours.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom, tool, unable } from './tool.ts'

/** Nobody's: TEST-NET-2 (RFC 5737). Only the default route leads there. */
const ELSEWHERE = '198.51.100.1'

/**
 * `red sends what is for elsewhere to 169.254.1.1, and ee:ee:ee:ee:ee:ee answers for it`: asked anew, because what a
 * pod has once learned of a neighbour outlives the one who answers.
 */
export function gatewayAnswers(end: End, gateway: string, mac: string): Check {
  const one = endOf(end)
  return {
    claim: `${one.name} sends what is for elsewhere to ${gateway}, and ${mac} answers for it`,
    look: async bench => {
      const owner = await ownerOf(bench, one)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { place } = owner.namespace
      const asked = await place.exec(['ip', '-j', 'route', 'get', ELSEWHERE])
      if (asked.exitCode !== 0) {
        const { because, refusal, evidence } = await refusedRoute(place, one.name, ELSEWHERE, asked)
        return fail(refusal === 'Network is unreachable' ? `${one.name} has no route for it ("${refusal}")` : because ?? `${one.name} refuses to send it ("${refusal}")`, ...evidence)
      }
      const route = readFrom(asked, readRoute)
      if (route.gateway === undefined) return fail(`${one.name} takes everything to be on ${route.device} itself, without a gateway`, asked)
      if (route.gateway !== gateway) return fail(`${one.name} sends it to ${route.gateway} (${route.device})`, asked)
      // Written down for good, nobody is asked.
      const known = await tool(place, ['ip', '-j', 'neigh', 'show', 'to', gateway, 'nud', 'permanent'], readNeighbours)
      const [permanent] = known.value.flatMap(neighbour => neighbour.mac ?? [])
      if (permanent !== undefined) {
        return permanent === mac ? pass(asked, known.evidence) : fail(`${one.name} has it written down that ${gateway} is ${permanent}`, asked, known.evidence)
      }
      // A proxy takes up to 0.8 s to answer (net.ipv4.neigh.default.proxy_delay). Any answer ends the waiting.
      const arping = await place.exec(['arping', '-f', '-w', '1', '-I', route.device, gateway])
      if (arping.exitCode !== 0 && arping.exitCode !== 1) throw unable(arping)
      const answers = readFrom(arping, readArping)
      if (answers.length === 0) return fail(`${one.name} asks on ${route.device} who has ${gateway}, and nobody answers`, arping, asked)
      const other = answers.find(answer => answer !== mac)
      return other === undefined ? pass(asked, arping) : fail(`${list(answers)} answers for ${gateway}`, arping, asked)
    },
  }
}
