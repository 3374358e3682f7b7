import type { Check } from '../runner/core/bench.ts'
import { contains, networkOf, broadcastOf, parseAddress, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { clusterNow, type Api } from './cluster-objects.ts'
import { addressesOf, allNamespaces, holders } from './ends.ts'

/**
 * `each pod has a network namespace on its node with an address of that node's range, which nobody else has, and the API says which`. What
 * the API says is compared with what the kernels hold: neither alone is worth anything. Whoever has an address of a node's range there is one of
 * its pods: daemons that make each other's pods too would tell the API one address after the other, and be right by chance at times.
 */
export function podsAddressed(api: Api): Check {
  return {
    claim: 'each pod has a network namespace on its own node, with an address of that node\'s range that nobody else has, and the API says which',
    look: async bench => {
      const { objects, nodes, evidence } = await clusterNow(bench, api)
      const namespaces = await allNamespaces(bench)
      for (const { namespace, name, node = '', address } of objects.pods.filter(pod => !pod.hostNetwork && !pod.ended)) {
        const [who, range] = [`${namespace}/${name}`, parseCidr(nodes.get(node)?.range ?? '')]
        if (address === undefined) return fail(`the API knows no address of ${who}: its status has no podIP`, evidence)
        const number = parseAddress(address)
        if (range === undefined || number === undefined || !contains(range, number) || number === networkOf(range) || number === broadcastOf(range)) {
          return fail(`${who} has the address ${address}, and pods of ${node} have their addresses from ${nodes.get(node)?.range ?? 'nowhere'}, without its first and last`, evidence)
        }
        const held = holders(namespaces, address)
        const [first, second] = held
        if (first === undefined) return fail(`the API says that ${who} has ${address}, and no namespace has that address`, evidence)
        if (second !== undefined) return fail(`${address}, which is that of ${who}, is held by ${first.namespace.place.name} and ${second.namespace.place.name}`, evidence, first.namespace.evidence)
        if (first.namespace.own || first.namespace.node !== node) return fail(`${address} belongs to ${who}, a pod of ${node}, and is held by ${first.namespace.place.name}${first.namespace.own ? ' itself' : ''}`, evidence, first.namespace.evidence)
        const other = objects.pods.find(pod => pod.address === address && `${pod.namespace}/${pod.name}` !== who)
        if (other !== undefined) return fail(`${who} and ${other.namespace}/${other.name} both have ${address}`, evidence)
      }
      const told = new Set(objects.pods.map(({ address }) => address))
      for (const one of namespaces.filter(({ own, named }) => !own && named !== undefined)) {
        const range = parseCidr(nodes.get(one.node)?.range ?? '')
        const stray = addressesOf(one).find(address => range !== undefined && contains(range, parseAddress(address) ?? 0) && !told.has(address))
        if (stray !== undefined) return fail(`${one.place.name} has ${stray}, an address of ${one.node}'s range, and the API knows no pod with it`, evidence, one.evidence)
      }
      return pass(evidence)
    },
  }
}
