import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom } from './tool.ts'

/** `node1 sends 10.244.2.2 into VXLAN`: by an interface of that kind, or by a bridge that has one as a port. */
export function sendsIntoVxlan(node: string, destination: string): Check {
  return {
    claim: `${node} sends ${destination} into VXLAN`,
    look: async bench => {
      const place = bench.place(node)
      const asked = await place.exec(['ip', '-j', 'route', 'get', destination])
      if (asked.exitCode !== 0) {
        const { because, refusal, evidence } = await refusedRoute(place, node, destination, asked)
        return fail(because ?? `${node} refuses to send to ${destination} ("${refusal}")`, ...evidence)
      }
      const { device, gateway, local } = readFrom(asked, readRoute)
      if (local) return fail(`${destination} is ${node}'s own address`, asked)
      const own = (await bench.namespaces(node)).find(namespace => namespace.own)
      const link = own?.links.find(one => one.name === device)
      if (own === undefined || link === undefined) throw new CouldNotLook(`${node} shows no interface ${device}`, asked)
      const tunnels = own.links.filter(one => one.kind === 'vxlan')
      if (tunnels.some(one => one === link || one.master === link.name)) return pass(asked, own.evidence)
      return fail(`${node} sends it ${gateway === undefined ? '' : `to ${gateway} `}by ${device}, as it is${tunnels.length === 0 ? ', and has no VXLAN interface' : ''}`, asked, own.evidence)
    },
  }
}
