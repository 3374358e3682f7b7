// It is too large for what comes next, and nobody says so; or it left, and was seen nowhere else.
import type { Cause } from '../../../core/trace.ts'
import type { Rule } from '../decide.ts'
import { opaque } from '../encrypted.ts'
import { filteredIn } from '../filters.ts'
import { linkPath } from '../link-path.ts'
import { deviceIn, nameOf } from '../say.ts'
import type { Scene } from '../scene.ts'
import type { Sight } from '../sights.ts'
import { peerOf, upper, type Device } from '../spaces.ts'
import { lostOnLink } from './neighbours.ts'
import { question, routeOf } from './routes.ts'

const ETHERNET = 14

export const sizes: Rule = (scene, { way, last }) => {
  if (last === undefined) return undefined
  const { space, packet } = last
  const bytes = last.frame.bytes - (last.frame.layers[0]?.ethernet === undefined ? 0 : ETHERNET)
  const failed = scene.changed(space, 'IpFragFails')
  if ((last.frame.direction === 'in' || last.device.vxlan !== undefined || opaque(last)) && failed !== undefined) {
    const route = routeOf(scene, space, question(packet.to, { from: packet.from, device: upper(last.device).name }))
    const out = route === undefined || 'refusal' in route ? undefined : space.devices.find(one => one.name === route.device)
    const untold = filteredIn(scene, space, { way, complaint: true })
    if (untold !== undefined && 'needs' in untold) return untold
    return {
      kind: 'too-big-untold', where: space.place, way, evidence: [`IpFragFails ${failed}`],
      sentence: `${nameOf(space)} cannot send it on: its ${packet.bytes} bytes are more than ${out === undefined ? 'what comes next takes' : `the ${out.mtu} that ${out.name} takes`}, and it may not be divided; the message that says so never left${untold === undefined ? '' : `: ${untold.sentence}`}`,
    }
  }
  const small = narrow(scene, last, bytes)
  if (small === undefined) return undefined
  const cause: Cause = {
    kind: 'too-big-for-layer2', where: small.space.place, way, evidence: [`${deviceIn(small)}: mtu ${small.mtu}`, `${bytes} bytes`],
    sentence: `${deviceIn(small)} takes ${small.mtu} bytes, and it has ${bytes}: what is no router drops it without a word`,
  }
  return cause
}

/** The next interface on the link that takes less. */
function narrow(scene: Scene, last: Sight, bytes: number): Device | undefined {
  if (last.frame.direction === 'out') {
    const peer = peerOf(scene.spaces, last.device)
    return peer !== undefined && peer.mtu < bytes ? peer : undefined
  }
  if (last.device.port === undefined) return undefined
  const mac = last.frame.layers[0]?.ethernet?.to
  const owner = scene.spaces.flatMap(space => space.devices).find(device => device.mac === mac && device.master === undefined && linkPath(scene.spaces, last.device, device) !== undefined)
  return owner === undefined ? undefined : (linkPath(scene.spaces, last.device, owner) ?? []).slice(1).find(device => device.mtu < bytes && device.space === last.space)
}

/** It left by an interface, and nothing on the other side has seen it. */
export const left: Rule = (scene, { way, last }) => {
  if (last === undefined || last.frame.direction !== 'out') return undefined
  const peer = peerOf(scene.spaces, last.device)
  if (peer !== undefined) {
    const lost = lostOnLink(scene, { from: last.device, to: peer, asks: `${nameOf(last.space)} sends it out of ${last.device.name}`, way, evidence: [] })
    if (lost !== undefined) return lost
    return filteredIn(scene, peer.space, { way, devices: [peer.name] })
  }
  return undefined
}
