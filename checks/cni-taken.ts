import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { attachment, call, refused, withNetwork } from './cni.ts'
import { readLinks } from './read/links.ts'
import { tool } from './tool.ts'

/** `asked for an interface that the pod has already, the plugin of node1 refuses, and leaves it as it is`. */
export function cniTaken(node: string): Check {
  return {
    claim: `asked for an interface that the pod has already, the plugin of ${node} refuses, and leaves it as it is`,
    look: bench => withNetwork(bench, node, async (network, { place, pods }) => {
      const [plugin] = network.plugins
      if (plugin === undefined) throw new Error('the network has no plugin')
      const of = attachment()
      await pods(of.name)
      const made = await place.exec(['ip', '-n', of.name, 'link', 'add', of.ifname, 'type', 'bridge'])
      if (made.exitCode !== 0) throw new CouldNotLook('the pod could not be given an interface', made)
      const before = await tool(place, ['ip', '-j', '-d', '-n', of.name, 'addr'], readLinks)
      const called = await call(place, network, plugin, { verb: 'ADD', of })
      const after = await tool(place, ['ip', '-j', '-d', '-n', of.name, 'addr'], readLinks)
      const seen = [called.evidence, before.evidence, after.evidence] as const
      if (called.ok) return fail(`the pod has an interface ${of.ifname}, and ${plugin.type} ends with 0 when it is asked to make that`, ...seen)
      const { proper, because } = refused(called, [called.evidence])
      if (!proper) return fail(because, ...seen)
      const [was, is] = [before, after].map(({ value }) => value.find(({ name }) => name === of.ifname))
      if (is === undefined) return fail(`${plugin.type} refuses, and ${of.ifname} is gone`, ...seen)
      if (is.kind !== was?.kind || is.mac !== was?.mac || is.addresses.join(' ') !== was?.addresses.join(' ')) return fail(`${plugin.type} refuses, and ${of.ifname} is not what it was`, ...seen)
      const others = after.value.map(({ name }) => name).filter(name => !before.value.some(one => one.name === name))
      return others.length === 0 ? pass(...seen) : fail(`${plugin.type} refuses, and leaves ${others.join(', ')} in the pod`, ...seen)
    }),
  }
}
