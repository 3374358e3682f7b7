import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { callAll } from './cni.ts'
import { asks, defines, forgets, joins, linksOf, notBack, playground, refusal, word } from './networks.ts'

/** `a pod of node1 that is gone from the cluster, and its networks with it, still gives its devices back`. */
export function networksRemembered(node: string): Check {
  return {
    claim: `a pod of ${node} that is deleted, and whose networks are, still gives its devices back`,
    look: bench => playground(bench, node, async ground => {
      const { at, network, devices } = ground
      const [one, other] = [...devices.keys()]
      if (one === undefined || other === undefined) throw new Error('expected two devices')
      const names = [word(), word()] as const
      await Promise.all([defines(at, 'default', names[0], one, '10.90.0.5/24'), defines(at, 'default', names[1], other, '10.91.0.5/24')])
      const of = await asks(at, names.map(name => ({ name })))
      const added = await joins(ground, of)
      if ('because' in added) return refusal(added)
      const { links, evidence } = await linksOf(at, of.name)
      if (!['net1', 'net2'].every(wanted => links.some(({ name }) => name === wanted))) return fail(`the pod never had net1 and net2, but ${links.map(({ name }) => name).join(', ')}`, evidence, ...added.evidence)
      await forgets(at, ['pods', 'default', of.pod.name], ['networks', 'default', names[0]], ['networks', 'default', names[1]])
      const left = await callAll(at.place, network, 'DEL', of, added.result.json)
      if (left !== undefined) return refusal(left)
      const back = await notBack(ground)
      return back.because === undefined ? pass(back.evidence, evidence) : fail(`after DEL ${back.because}`, back.evidence, evidence)
    }),
  }
}
