import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { add, attachment, withNetwork } from './cni.ts'

/** `in a pod that joins the network of node1, net.core.somaxconn is 4096`: somebody has set it. */
export function cniSets(node: string, sysctl: string, value: string): Check {
  return {
    claim: `in a pod that joins the network of ${node}, ${sysctl} is ${value}`,
    look: bench => withNetwork(bench, node, async (network, { place, pods }) => {
      const of = attachment()
      await pods(of.name)
      const read = ['ip', 'netns', 'exec', of.name, 'sysctl', '-n', sysctl]
      const before = await place.exec(read)
      const added = await add(place, network, of)
      if ('because' in added) return fail(added.because, ...added.evidence)
      const after = await place.exec(read)
      const is = after.stdout.trim()
      if (is !== value) return fail(`it is ${is}${before.stdout.trim() === is ? ', as it was before' : ''}`, after, ...added.evidence)
      return before.stdout.trim() === value ? fail(`it is ${value} in every new namespace, whoever sets it`, before) : pass(after, before)
    }),
  }
}
