// What lies between two interfaces of one link: veths, their other ends, bridges and ports.
import { addressesOf, peerOf, type Device, type Space } from './spaces.ts'

/** From one to the other, both included, whatever is up or down; undefined: they are not on one link. */
export function linkPath(spaces: readonly Space[], from: Device, to: Device): readonly Device[] | undefined {
  const came = new Map<Device, Device | undefined>([[from, undefined]])
  for (const device of came.keys()) {
    if (device === to) {
      const path: Device[] = []
      for (let one: Device | undefined = to; one !== undefined; one = came.get(one)) path.unshift(one)
      return path
    }
    for (const next of joined(spaces, device)) if (!came.has(next)) came.set(next, device)
  }
  return undefined
}

/** All interfaces of the link that one is on. */
export function linkOf(spaces: readonly Space[], from: Device): ReadonlySet<Device> {
  const all = new Set([from])
  for (const device of all) for (const next of joined(spaces, device)) all.add(next)
  return all
}

function joined(spaces: readonly Space[], device: Device): readonly Device[] {
  const peer = peerOf(spaces, device)
  return [
    ...(peer === undefined ? [] : [peer]),
    ...device.space.devices.filter(other => other !== device && (other.name === device.master || (device.kind === 'bridge' && other.master === device.name))),
  ]
}

/** The end in the node of a veth that should be a port of a bridge on the other's link, and is not. */
export function unattached(spaces: readonly Space[], ends: readonly [Device, Device]): { readonly end: Device; readonly outer: Device; readonly bridge: Device } | undefined {
  for (const [end, other] of [ends, [ends[1], ends[0]] as const]) {
    if (end.kind === 'bridge') continue
    const outer = peerOf(spaces, end)
    if (outer === undefined || !outer.space.own || outer.space.node === 'fabric' || addressesOf(outer).length > 0) continue
    const bridge = [...linkOf(spaces, other)].find(device => device.kind === 'bridge' && device.space === outer.space)
    if (bridge !== undefined && outer.master !== bridge.name) return { end, outer, bridge }
  }
  return undefined
}
