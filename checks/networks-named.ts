import type { Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { asks, defines, joins, linksOf, misled, playground, refusal, word } from './networks.ts'

/**
 * `a network is looked for in the namespace that the pod of node1 names, or in its own, and its interface is called as the pod
 * wants it`: two networks have one name, and others are in one namespace only. One pod asks in the long form, one in the short.
 */
export function networksNamed(node: string): Check {
  return {
    claim: `a network is looked for in the namespace that a pod of ${node} names, or in its own, and its interface is called as the pod wants it`,
    look: bench => playground(bench, node, async ground => {
      const { at, devices } = ground
      const [namespace, twice, once, far, near] = [`team-${word()}`, word(), word(), word(), word()]
      const [one, other, third, fourth, fifth] = [...devices.keys()]
      if (one === undefined || other === undefined || third === undefined || fourth === undefined || fifth === undefined) throw new Error('expected five devices')
      await Promise.all([
        defines(at, namespace, twice, one, '10.90.0.5/24'), defines(at, 'default', twice, other, '10.91.0.5/24'), defines(at, namespace, once, third, '10.92.0.5/24'),
        defines(at, 'default', far, fourth, '10.93.0.5/24'), defines(at, namespace, near, fifth, '10.94.0.5/24'),
      ])
      const all: Evidence[] = []
      for (const [asked, expected] of [
        [[{ name: twice, interface: 'rdma0' }, { name: twice, namespace: 'default' }, { name: once }], new Map([['rdma0', one], ['net2', other], ['net3', third]])],
        [`default/${far}@rdma0, ${near}`, new Map([['rdma0', fourth], ['net2', fifth]])],
      ] as const) {
        const of = await asks(at, asked, namespace)
        const added = await joins(ground, of)
        if ('because' in added) return refusal(added)
        const { links, evidence } = await linksOf(at, of.name)
        const missing = [...expected.keys()].find(name => !links.some(link => link.name === name))
        const who = `a pod of ${namespace} that asks for ${typeof asked === 'string' ? asked : JSON.stringify(asked)}`
        if (missing !== undefined) return fail(`${who} has ${links.map(({ name }) => name).join(', ')}, and no ${missing}`, evidence, ...added.evidence)
        const { frames, evidence: heard } = await at.heard(of.name)
        const wrong = misled(frames, expected)
        if (wrong !== undefined) return fail(`${wrong}: ${who}, and a name may be there in two namespaces`, heard, evidence, ...added.evidence)
        all.push(heard, evidence)
      }
      const [first, ...rest] = all
      if (first === undefined) throw new Error('nobody asked')
      return pass(first, ...rest)
    }),
  }
}
