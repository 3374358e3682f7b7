import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { neighbour } from './route-via.ts'
import { readFrom } from './tool.ts'

/** `node1 knows the MAC address of its next hop to 10.244.2.2: that of node2 in VXLAN`, told or learned. */
export function knowsNextHop(node: string, destination: string, at: string): Check {
  return {
    claim: `${node} knows the MAC address of its next hop to ${destination}: that of ${at} in VXLAN`,
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
      const holders = own.links.filter(link => link.mac === known.mac)
      // The tunnel's end takes frames that are for itself, or for the bridge that it is a port of.
      const tunnels = own.links.filter(link => link.kind === 'vxlan')
      if (holders.some(link => tunnels.some(tunnel => tunnel === link || tunnel.master === link.name))) return pass(asked, own.evidence, ...known.evidence)
      const [holder] = holders
      const whose = holder === undefined ? `which no interface of ${at} has` : `which is that of ${holder.name} of ${at}, and no end of a tunnel`
      return fail(`${node} takes ${next} on ${device} to have ${known.mac}, ${whose}`, asked, own.evidence, ...known.evidence)
    },
  }
}
