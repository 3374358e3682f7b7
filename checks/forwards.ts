import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { readSysctl } from './read/sysctl.ts'
import { tool } from './tool.ts'

/** `node1 forwards packets that are not for itself`, on each of its interfaces. */
export function forwards(node: string): Check {
  return {
    claim: `${node} forwards packets that are not for itself`,
    look: async bench => {
      const [{ value, evidence }, namespaces] = await Promise.all([
        tool(bench.place(node), ['sysctl', '-a', '-r', String.raw`^net\.ipv4\.(ip_forward|conf\..*\.forwarding)$`], readSysctl),
        bench.namespaces(node),
      ])
      const all = value.get('net.ipv4.ip_forward')
      if (all === undefined) throw new CouldNotLook(`${node} does not say whether it forwards`, evidence)
      // What counts is the setting of the interface that a packet arrives on: ip_forward was written to each when it
      // was set, and one may have been changed since. Only those with an address are asked about: a bridge's ports
      // route nothing.
      for (const link of namespaces.find(one => one.own)?.links ?? []) {
        const name = `net.ipv4.conf.${link.name.replaceAll('.', '/')}.forwarding`
        if (link.name === 'lo' || link.addresses.length === 0 || value.get(name) !== '0') continue
        return fail(all === '0' ? 'net.ipv4.ip_forward is 0' : `net.ipv4.ip_forward is ${all}, but ${name} is 0`, evidence)
      }
      return pass(evidence)
    },
  }
}
