import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { add, attachment, callAll, withNetwork } from './cni.ts'
import { readLinks } from './read/links.ts'
import { tool } from './tool.ts'

/**
 * `a pod that leaves the network of node1 leaves no interface behind; and DEL is content where there is nothing left to
 * do`: called a second time, and for a pod whose namespace is gone, with its path or without.
 */
export function cniLeaves(node: string): Check {
  return {
    claim: `a pod that leaves the network of ${node} leaves no interface behind; and DEL is content where there is nothing left to do`,
    look: bench => withNetwork(bench, node, async (network, { place, pods, end }) => {
      const [of, gone] = [attachment(), attachment()]
      await pods(of.name, gone.name)
      // The first pod of a node may bring what stays: a bridge.
      const first = await add(place, network, gone)
      if ('because' in first) return fail(first.because, ...first.evidence)
      const before = await tool(place, ['ip', '-j', '-d', 'addr'], readLinks)
      const added = await add(place, network, of)
      if ('because' in added) return fail(added.because, ...added.evidence)
      const left = await callAll(place, network, 'DEL', of, added.result.json)
      if (left !== undefined) return fail(left.because, ...left.evidence)
      const [within, after] = [await tool(place, ['ip', '-j', '-d', '-n', of.name, 'addr'], readLinks), await tool(place, ['ip', '-j', '-d', 'addr'], readLinks)]
      if (within.value.some(({ name }) => name === of.ifname)) return fail(`after DEL the pod still has ${of.ifname}`, within.evidence)
      const more = after.value.filter(({ name }) => !before.value.some(one => one.name === name))
      if (more.length > 0) return fail(`after DEL ${node} still has ${more.map(({ name }) => name).join(', ')}, which it did not have before ADD`, after.evidence, before.evidence)
      const again = await callAll(place, network, 'DEL', of, added.result.json)
      if (again !== undefined) return fail(`called a second time: ${again.because}`, ...again.evidence)
      await end(gone.name)
      for (const [how, netns] of [['whose path is given', gone.netns], ['and no path is given', undefined]] as const) {
        const late = await callAll(place, network, 'DEL', { ...gone, netns }, first.result.json)
        if (late !== undefined) return fail(`for a pod whose namespace is gone, ${how}: ${late.because}`, ...late.evidence)
      }
      return pass(...added.evidence, within.evidence, after.evidence)
    }),
  }
}
