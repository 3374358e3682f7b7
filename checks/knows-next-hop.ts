import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { neighbour } from './route-via.ts'
import { readFrom } from './tool.ts'

/** `node1 knows the MAC address of its next hop to 10.244.2.2, and node2 has it`: told or learned. */
export function knowsNextHop(node: string, destination: string, at: string): Check {
  return {
    claim: `${node} knows the MAC address of its next hop to ${destination}, and ${at} has it`,
    look: async bench => {
      const place = bench.place(node)
      const asked = await place.exec(['ip', '-j', 'route', 'get', destination])
      if (asked.exitCode !== 0) {
        const { because, refusal, evidence } = await refusedRoute(place, node, destination, asked)
        return fail(because ?? `${node} refuses to send to ${destination} ("${refusal}")`, ...evidence)
      }
      const { device, gateway, local } = readFrom(asked, readRoute)
      if (local) return fail(`${destination} is ${node}'s own address`, asked)
      const next = gateway ?? destination
      const known = await neighbour(place, next, device)
      if (known.mac === undefined) return fail(`${node} asks on ${device} who has ${next}, and nobody has answered`, asked, ...known.evidence)
      const own = (await bench.namespaces(at)).find(namespace => namespace.own)
      if (own === undefined) throw new CouldNotLook(`${at} has no namespace of its own`, asked)
      // The router that another way leads to has a MAC address too: it is not at the other end.
      if (own.links.some(link => link.mac === known.mac)) return pass(asked, own.evidence, ...known.evidence)
      return fail(`${node} takes ${next} on ${device} to have ${known.mac}, which no interface of ${at} has`, asked, own.evidence, ...known.evidence)
    },
  }
}
