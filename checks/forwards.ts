import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readSysctl } from './read/sysctl.ts'
import { tool } from './tool.ts'

/** `node1 forwards packets that are not for itself`, on each of its interfaces. */
export function forwards(node: string): Check {
  return {
    claim: `${node} forwards packets that are not for itself`,
    look: async bench => {
      const own = (await bench.namespaces(node)).find(one => one.own)
      // What counts is the setting of the interface that a packet arrives on: ip_forward was written to each when it
      // was set, and one may have been changed since. Only those with an address are asked about: a bridge's ports
      // route nothing.
      const names = (own?.links ?? []).filter(link => link.name !== 'lo' && link.addresses.length > 0)
        .map(link => `net.ipv4.conf.${link.name.replaceAll('.', '/')}.forwarding`)
      const { value, evidence } = await tool(bench.place(node), ['sysctl', 'net.ipv4.ip_forward', ...names], readSysctl)
      const all = value.get('net.ipv4.ip_forward')
      if (all === undefined) throw new CouldNotLook(`${node} does not say whether it forwards`, evidence)
      const off = names.find(name => value.get(name) === '0')
      if (off !== undefined) return fail(all === '0' ? 'net.ipv4.ip_forward is 0' : `net.ipv4.ip_forward is ${all}, but ${off} is 0`, evidence)
      if (names.length === 0 && all === '0') return fail('net.ipv4.ip_forward is 0', evidence)
      return pass(evidence)
    },
  }
}
