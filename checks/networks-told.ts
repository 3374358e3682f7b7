import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { asks, defines, joins, linksOf, playground, refusal, shows, STATUS, word } from './networks.ts'
import { readJson, record, records, text, texts, type Json } from './read/json.ts'

/** `the network-status of a pod of node1 has an entry for each interface, with its network, its addresses and its MAC address as they are`. */
export function networksTold(node: string): Check {
  return {
    claim: `the network-status of a pod of ${node} has an entry for each interface, with its network, its addresses and its MAC address as they are`,
    look: bench => playground(bench, node, async ground => {
      const { at, devices } = ground
      const [one, other] = [...devices.keys()]
      if (one === undefined || other === undefined) throw new Error('expected two devices')
      const [namespace, near, far] = [`team-${word()}`, word(), word()]
      await Promise.all([defines(at, namespace, near, one, '10.90.0.5/24'), defines(at, 'default', far, other, '10.91.0.6/24')])
      const of = await asks(at, [{ name: near }, { name: far, namespace: 'default', interface: 'rdma0' }], namespace)
      const added = await joins(ground, of)
      if ('because' in added) return refusal(added)
      const [{ links, evidence }, object] = await Promise.all([linksOf(at, of.name), shows(at, of)])
      const seen = [object, evidence, ...added.evidence] as const
      const annotation = text(record(record(read(object.stdout, 'the pod')['metadata'])['annotations'])[STATUS])
      if (annotation === undefined) return fail(`the pod's object has no annotation ${STATUS}`, ...seen)
      const said = listIn(annotation)
      if (said === undefined) return fail(`its ${STATUS} is no list, as JSON: ${annotation.slice(0, 100)}`, ...seen)
      const networks = new Map([['net1', `${namespace}/${near}`], ['rdma0', `default/${far}`]])
      for (const name of ['eth0', ...networks.keys()]) {
        const entry = said.find(each => text(each['interface']) === name)
        const link = links.find(each => each.name === name)
        if (link === undefined) return fail(`the pod has no ${name}`, ...seen)
        if (entry === undefined) return fail(`it has no entry for the interface ${name}`, ...seen)
        const network = networks.get(name)
        if (network !== undefined && text(entry['name']) !== network) return fail(`it says that ${name} is of ${text(entry['name']) ?? 'no network'}, and it is of ${network}`, ...seen)
        const held = link.addresses.filter(each => !each.includes(':')).map(each => each.split('/')[0] ?? '')
        const ips = texts(entry['ips'] ?? [])
        if (held.toSorted().join() !== ips.filter(each => !each.includes(':')).toSorted().join()) return fail(`it says that ${name} has ${ips.join(', ') || 'no address'}, and it has ${held.join(', ') || 'none'}`, ...seen)
        if (text(entry['mac'])?.toLowerCase() !== link.mac) return fail(`it says that ${name} has the MAC address ${text(entry['mac']) ?? 'none'}, and it has ${link.mac ?? 'none'}`, ...seen)
        if ((entry['default'] === true) !== (name === 'eth0')) return fail(`it says ${name === 'eth0' ? 'of eth0 not' : `of ${name}`} that it is the pod's own network: \`default\``, ...seen)
      }
      return said.length === 3 ? pass(...seen) : fail(`it has ${said.length} entries for 3 interfaces`, ...seen)
    }),
  }
}

function read(json: string, what: string): Json {
  try {
    return record(readJson(json))
  } catch {
    throw new CouldNotLook(`the object of ${what} is no JSON: ${json.slice(0, 100)}`)
  }
}

function listIn(json: string): readonly Json[] | undefined {
  try {
    return records(readJson(json))
  } catch {
    return undefined
  }
}
