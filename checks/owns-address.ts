import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { allNamespaces, holders, namespaceAt } from './ends.ts'

/** `node1/red holds 10.244.1.2`, and nobody else does. With a prefix length, `10.244.1.2/24`, that is meant too. */
export function ownsAddress(place: string, address: string): Check {
  const [plain = '', prefix] = address.split('/')
  return {
    claim: `${place} holds ${address}`,
    look: async bench => {
      const owner = await namespaceAt(bench, place)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { namespace } = owner
      const found = holders(await allNamespaces(bench), plain)
      const elsewhere = found.filter(one => one.namespace !== namespace)
      const here = found.find(one => one.namespace === namespace)
      const where = list(elsewhere.map(one => `${one.link.name} in ${one.namespace.place.name}`))
      const others = elsewhere.map(one => one.namespace.evidence)
      if (here === undefined) {
        const has = namespace.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses)
        const said = elsewhere.length > 0 ? `${where} has ${plain}` : `${place} has ${has.length === 0 ? 'no address' : list(has)}`
        return fail(said, namespace.evidence, ...others)
      }
      if (elsewhere.length > 0) return fail(`${where} has ${plain} too`, namespace.evidence, ...others)
      if (prefix !== undefined && !here.link.addresses.includes(address)) {
        const held = here.link.addresses.find(one => one.startsWith(`${plain}/`)) ?? plain
        return fail(`${here.link.name} has ${held}, and so takes another range to be on its link`, namespace.evidence)
      }
      return pass(namespace.evidence)
    },
  }
}
