// A router or a host on the way says by ICMP why it does not go on.
import type { Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { nameOf } from '../say.ts'
import { upper } from '../spaces.ts'
import { inTunnel } from './refused.ts'
import { noRoute, question, routeOf } from './routes.ts'
import { undecapsulated } from './tunnels.ts'

const [UNREACHABLE, EXCEEDED] = [3, 11]
const [NET, HOST, TOO_BIG, PROHIBITED] = [0, 1, 4, 13]

export const complained: Rule = scene => {
  const error = scene.errors[0]
  const icmp = error?.packet.icmp
  const quoted = icmp?.quoted?.layers.at(-1)?.packet
  if (error === undefined || icmp === undefined || quoted === undefined || icmp.type === EXCEEDED) return undefined
  const { space } = error
  const way = error.role === 'error there' ? 'there' : 'back'
  if (inTunnel(error.packet)) return undecapsulated(scene, space, { way, outer: icmp.quoted?.layers[0]?.packet, evidence: [`${nameOf(space)} says: ICMP port unreachable, about the tunnel's packet`] })
  if (icmp.type !== UNREACHABLE) return undefined
  const evidence = [`${nameOf(space)} says: ICMP ${SAYS[icmp.code] ?? `unreachable, code ${icmp.code}`}`]
  const sights = way === 'there' ? scene.there : scene.back
  const came = sights.findLast(sight => sight.space === space && sight.frame.direction === 'in' && sight.device.port === undefined) ?? sights.findLast(sight => sight.space === space && sight.frame.direction === 'in')
  if (icmp.code === TOO_BIG) {
    const heard = scene.errors.some(one => one.space === scene.sender && one.frame.direction === 'in')
    const sentence = `${nameOf(space)} cannot send it on: it is ${quoted.bytes} bytes, what comes next takes ${icmp.mtu}, and it may not be divided`
    return heard || way === 'back' ? { kind: 'too-big', where: space.place, way, sentence: `${sentence}; ${nameOf(space)} said so`, evidence }
      : { kind: 'too-big-untold', where: space.place, way, sentence: `${sentence}; the message that says so got lost`, evidence }
  }
  const device = came === undefined ? undefined : upper(came.device)
  const route = routeOf(scene, space, device === undefined ? quoted.to : question(quoted.to, { from: quoted.from, device: device.name }))
  if ([NET, HOST, PROHIBITED].includes(icmp.code) && (route === undefined || 'refusal' in route)) {
    return noRoute(scene, space, { from: quoted.from, to: quoted.to, ...(device === undefined ? {} : { device }), way, evidence })
  }
  const filtered = filteredIn(scene, space, { way })
  if (filtered !== undefined) return filtered
  return { kind: 'rejected', where: space.place, way, sentence: `${nameOf(space)} rejected it ("${SAYS[icmp.code] ?? `code ${icmp.code}`}"), though it has a route to ${quoted.to}`, evidence }
}

const SAYS: Readonly<Record<number, string>> = {
  0: 'network unreachable', 1: 'host unreachable', 2: 'protocol unreachable', 3: 'port unreachable', 4: 'fragmentation needed',
  9: 'network prohibited', 10: 'host prohibited', 13: 'communication prohibited',
}
