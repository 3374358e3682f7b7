import type { Check } from '../runner/core/bench.ts'
import { parseCidr, formatAddress } from '../runner/core/ipv4.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { holders } from './ends.ts'
import { readRoute } from './read/route.ts'
import { refusedRoute } from './refused-route.ts'
import { readFrom } from './tool.ts'

/** Kinds of interfaces with another machine at their far end, whatever the address: a route by one needs no next hop. */
const TUNNELS: readonly (string | undefined)[] = ['vxlan', 'ipip', 'gre', 'tun', 'wireguard']

/** `node1 has a way to the pods of node2, 10.244.2.0/24`, by a tunnel or without: the next hop is an address of that node. On a node that has no default route. */
export function knowsWay(node: string, to: string, subnet: string): Check {
  const range = parseCidr(subnet)
  if (range === undefined) throw new Error(`expected a subnet, for example 10.244.1.0/24, and got ${subnet}`)
  const some = formatAddress(range.address + 2)
  return {
    claim: `${node} has a way to the pods of ${to}, ${subnet}`,
    look: async bench => {
      const asked = await bench.place(node).exec(['ip', '-j', 'route', 'get', some])
      if (asked.exitCode !== 0) {
        const { because, refusal, evidence } = await refusedRoute(bench.place(node), node, some, asked)
        return fail(because ?? `${node} refuses to send to ${some} ("${refusal}")`, ...evidence)
      }
      const { local, device, gateway } = readFrom(asked, readRoute)
      if (local) return fail(`${some} is ${node}'s own address`, asked)
      const [own, other] = (await Promise.all([node, to].map(name => bench.namespaces(name)))).map(all => all.find(namespace => namespace.own))
      if (own === undefined || other === undefined) throw new CouldNotLook(`${own === undefined ? node : to} shows no namespace of its own`, asked)
      if (gateway !== undefined) return holders([other], gateway).length > 0 ? pass(asked) : fail(`${node} sends ${some} to ${gateway}, which is no address of ${to}`, asked)
      const kind = own.links.find(({ name }) => name === device)?.kind
      return TUNNELS.includes(kind) ? pass(asked) : fail(`${node} takes ${some} for ${kind === 'bridge' ? 'a pod of its own' : `a neighbour on ${device}`}`, asked)
    },
  }
}
