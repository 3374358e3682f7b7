import type { Check, Link, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { nameOf } from './explain.ts'
import { readPorts } from './read/ports.ts'
import { tool } from './tool.ts'

/**
 * `a bridge of node1 forwards to red`: the other end of red's veth is a port of it, forwards, is not isolated, and
 * no other port leads to the same MAC, so that the bridge can tell who is where.
 */
export function bridgePortFor(node: string, end: End): Check {
  const one = endOf(end)
  return {
    claim: `a bridge of ${node} forwards to ${one.name}`,
    look: async bench => {
      const owner = await ownerOf(bench, one)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { namespace, link } = owner
      const namespaces = await bench.namespaces(node)
      const own = namespaces.find(candidate => candidate.own)
      if (own === undefined || link === undefined) throw new Error(`${node} has no namespace of its own`)
      if (namespace.node !== node) return fail(`${one.address} is on ${namespace.node}`, namespace.evidence)
      if (namespace.own) return fail(`${one.address} is ${node}'s own address (${link.name})`, namespace.evidence)
      if (!link.up) return fail(`${link.name} in ${nameOf(namespace)} is down`, namespace.evidence)
      const outer = otherEnd(own, link)
      if (outer === undefined) return fail(`${link.name} in ${nameOf(namespace)} has no other end in ${node} itself`, own.evidence, namespace.evidence)
      const end = `${outer.name}, the other end of ${link.name} in ${nameOf(namespace)},`
      if (outer.master === undefined) return fail(`${end} is no port of a bridge`, own.evidence, namespace.evidence)
      if (own.links.find(candidate => candidate.name === outer.master)?.kind !== 'bridge') {
        return fail(`${end} belongs to ${outer.master}, which is no bridge`, own.evidence)
      }
      const { value: ports, evidence } = await tool(own.place, ['bridge', '-j', '-d', 'link'], readPorts)
      const port = ports.find(candidate => candidate.index === outer.index)
      if (port === undefined) throw new CouldNotLook(`the ports of ${outer.master} changed while they were listed`, evidence)
      const bridge = own.links.find(candidate => candidate.name === port.bridge)
      if (bridge?.up !== true) return fail(`the bridge ${port.bridge} is down`, own.evidence, evidence)
      if (!outer.up) return fail(`${end} is a port of ${port.bridge}, and is down`, own.evidence, evidence)
      if (port.state !== 'forwarding') return fail(`${end} is a port of ${port.bridge} that is ${port.state}`, evidence)
      if (port.isolated) return fail(`${end} is an isolated port of ${port.bridge}: it talks to no other isolated port`, evidence)
      for (const other of namespaces) {
        if (other.own || other === namespace) continue
        const same = other.links.find(candidate => candidate.mac === link.mac && candidate.kind === 'veth' && otherEnd(own, candidate)?.master === port.bridge)
        if (same !== undefined) return fail(`${nameOf(namespace)} and ${nameOf(other)} have the same MAC ${link.mac ?? ''}: the bridge cannot tell them apart`, namespace.evidence, other.evidence)
      }
      return pass(evidence, own.evidence, namespace.evidence)
    },
  }
}

function otherEnd(own: Namespace, link: Link): Link | undefined {
  if (link.kind !== 'veth' || link.peerNamespace === undefined) return undefined
  return own.links.find(one => one.kind === 'veth' && one.index === link.peerIndex && one.peerIndex === link.index)
}
