// It arrived where it was sent, or was rewritten to, and no answer was seen.
import type { Cause } from '../../../core/trace.ts'
import type { Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { nameOf } from '../say.ts'
import { owns, upper } from '../spaces.ts'
import { noRoute, ownRouteOf } from './routes.ts'
import { wayBack } from './routed.ts'

export const delivered: Rule = (scene, { way, last }) => {
  if (way !== 'there' || last === undefined || last.frame.direction !== 'in' || last.carriers.length > 0 || !owns(last.space, last.packet.to)) return undefined
  const { space, packet } = last
  // A port of a bridge hands it to the bridge only if it is for the bridge's own MAC.
  if (last.device.port !== undefined) return undefined
  const facts = scene.facts(space)
  const cause = (kind: Cause['kind'], sentence: string, evidence: readonly string[], half: Cause['way'] = 'there'): Cause => ({ kind, where: space.place, way: half, sentence, evidence })
  if (owns(space, packet.from) && space !== scene.sender) return undefined
  if (owns(space, packet.from) && last.device.name !== 'lo') {
    return cause('own-source', `${nameOf(space)} gets its own packet back, from its own address ${packet.from}, and drops it: whoever leads a sender to itself has to masquerade`, [`from ${packet.from} on ${last.device.name}`])
  }
  const strict = wayBack(scene, last)
  if (strict !== undefined) return strict
  if (packet.protocol === 1 && facts?.sysctl.get('net.ipv4.icmp_echo_ignore_all') === '1' && scene.changed(space, 'IcmpInEchos') !== undefined) {
    return cause('ignores-ping', `${nameOf(space)} received it, and is told to ignore pings: net.ipv4.icmp_echo_ignore_all is 1`, ['net.ipv4.icmp_echo_ignore_all = 1', `IcmpInEchos ${scene.changed(space, 'IcmpInEchos') ?? ''}`])
  }
  // Whether it got past its filters is told by counters that count after them.
  const back = ownRouteOf(scene, space, packet.from, packet.to)
  const taken = scene.changed(space, packet.protocol === 1 ? 'IcmpInEchos' : packet.protocol === 6 ? 'TcpInSegs' : 'UdpInDatagrams')
  if (back !== undefined && 'refusal' in back && taken !== undefined) {
    return noRoute(scene, space, { from: packet.to, to: packet.from, way: 'back', evidence: [`ip route get ${packet.from}: ${back.refusal}`] })
  }
  const filtered = filteredIn(scene, space, { way: taken === undefined ? 'there' : 'back', devices: [last.device.name] })
  if (filtered !== undefined) return filtered
  const port = packet.toPort
  const listens = facts?.listening.some(one => one.port === port && one.protocol === scene.probe.protocol) === true
  if (port !== undefined && listens && taken !== undefined && !scene.probe.served) {
    // A server is a program, and may have to wait for its turn.
    if (!scene.patient) return { needs: 'patience' }
    return cause('listener-silent', `${nameOf(space)} received it, somebody listens on ${scene.probe.protocol.toUpperCase()} port ${port} there, and does not answer`, [`${upper(last.device).name}: seen`])
  }
  return undefined
}
