// It is on a bridge, on its way from one port to another.
import type { Finding, Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { linkPath } from '../link-path.ts'
import { nameOf } from '../say.ts'
import type { Scene } from '../scene.ts'
import type { Sight } from '../sights.ts'
import type { Device } from '../spaces.ts'
import { lostOnLink } from './neighbours.ts'
import { misaddressed } from './routed.ts'

export const bridged: Rule = (scene, track) => {
  const { way, sights, last } = track
  if (last === undefined) return undefined
  const bridge = last.device.port !== undefined ? last.space.devices.find(one => one.name === last.device.master) : last.device.kind === 'bridge' && last.frame.direction === 'out' ? last.device : undefined
  const mac = last.frame.layers[0]?.ethernet?.to
  if (bridge === undefined || mac === undefined) return undefined
  // For the bridge itself: then a router has it.
  if (last.frame.direction === 'in' && mac === bridge.mac) return undefined
  if (!bridge.up) return { kind: 'bridge-down', where: bridge.space.place, way, sentence: `${nameOf(bridge.space)} received it on ${last.device.name}, a port of ${bridge.name}, and ${bridge.name} is down`, evidence: [`${bridge.name}: down`] }
  // Whoever left by a port has left the bridge.
  if (last.device.port !== undefined && last.frame.direction === 'out') return undefined
  const owner = ownerOn(scene, bridge, mac)
  if (owner !== undefined) {
    const from = last.device
    const lost = lostOnLink(scene, { from, to: owner, asks: `it is on the bridge ${bridge.name} of ${nameOf(bridge.space)}, for ${nameOf(owner.space)}`, way, evidence: [] })
    if (lost !== undefined) return lost
    const hairpin = samePort(scene, sights, bridge, owner)
    if (hairpin !== undefined) {
      return { kind: 'hairpin-off', where: bridge.space.place, way, sentence: `${bridge.name} in ${nameOf(bridge.space)} would have to send it out by ${hairpin.name}, the port it came from, and hairpin is off there`, evidence: [`${hairpin.name}: hairpin off`] }
    }
  }
  if (owner === undefined) {
    const wrong = misaddressed(scene, track, last)
    if (wrong !== undefined) return wrong
  }
  return filteredOnBridge(scene, last, bridge, way)
}

function filteredOnBridge(scene: Scene, last: Sight, bridge: Device, way: 'there' | 'back'): Finding | undefined {
  const shown = bridge.showsIptables || scene.facts(bridge.space)?.sysctl.get('net.bridge.bridge-nf-call-iptables') === '1'
  return filteredIn(scene, bridge.space, { way, devices: [last.device.name], ...(shown ? { bridged: true } : {}) })
}

/** The port by which it came, if it has to leave by it, and may not. */
function samePort(scene: Scene, sights: readonly Sight[], bridge: Device, owner: Device): Device | undefined {
  const came = sights.findLast(sight => sight.space === bridge.space && sight.frame.direction === 'in' && sight.device.master === bridge.name)?.device
  const leaves = (linkPath(scene.spaces, bridge, owner) ?? [])[1]
  return came !== undefined && came === leaves && came.port?.hairpin === false ? came : undefined
}

function ownerOn(scene: Scene, bridge: Device, mac: string): Device | undefined {
  return scene.spaces.flatMap(space => space.devices).find(device => device.mac === mac && device.master === undefined && linkPath(scene.spaces, bridge, device) !== undefined)
}
