import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { asks, defines, joins, linksOf, misled, playground, refusal, word } from './networks.ts'

/**
 * `a network is looked for in the namespace that the pod of node1 names, or in its own, and its interface is called as the pod
 * wants it`: two networks have one name, and a third is in the pod's namespace only.
 */
export function networksNamed(node: string): Check {
  return {
    claim: `a network is looked for in the namespace that a pod of ${node} names, or in its own, and its interface is called as the pod wants it`,
    look: bench => playground(bench, node, async ground => {
      const { at, devices } = ground
      const [namespace, twice, once] = [`team-${word()}`, word(), word()]
      const [one, other, third] = [...devices.keys()]
      if (one === undefined || other === undefined || third === undefined) throw new Error('expected three devices')
      await Promise.all([
        defines(at, namespace, twice, one, '10.90.0.5/24'), defines(at, 'default', twice, other, '10.91.0.5/24'), defines(at, namespace, once, third, '10.92.0.5/24'),
      ])
      const of = await asks(at, [{ name: twice, interface: 'rdma0' }, { name: twice, namespace: 'default' }, { name: once }], namespace)
      const added = await joins(ground, of)
      if ('because' in added) return refusal(added)
      const { links, evidence } = await linksOf(at, of.name)
      const expected = new Map([['rdma0', one], ['net2', other], ['net3', third]])
      const missing = [...expected.keys()].find(name => !links.some(link => link.name === name))
      if (missing !== undefined) return fail(`a pod of ${namespace} that wants its networks as rdma0, and the others by their place in the list, has ${links.map(({ name }) => name).join(', ')}, and no ${missing}`, evidence, ...added.evidence)
      const { frames, evidence: heard } = await at.heard(of.name)
      const wrong = misled(frames, expected)
      return wrong === undefined ? pass(heard, evidence) : fail(`${wrong}: ${twice} is there in ${namespace}, which is the pod's, and in default, and it asks for both`, heard, evidence, ...added.evidence)
    }),
  }
}
