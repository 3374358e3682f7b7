// Network namespaces with their interfaces, as they were, and what joins them.
import { readLinkDetails, type LinkDetails } from '../../../checks/read/link-details.ts'
import { readLinks } from '../../../checks/read/links.ts'
import type { Link } from '../../core/bench.ts'
import { contains, parseAddress, parseCidr } from '../../core/ipv4.ts'
import type { RecordedSpace } from './recording.ts'

export type Device = Link & LinkDetails & { readonly space: Space }

/** A network namespace. */
export interface Space extends Omit<RecordedSpace, 'links'> {
  readonly devices: readonly Device[]
}

export function spaceOf(recorded: RecordedSpace): Space {
  const details = readLinkDetails(recorded.links)
  const devices: Device[] = []
  const space: Space = { place: recorded.place, node: recorded.node, name: recorded.name, own: recorded.own, inode: recorded.inode, devices }
  devices.push(...readLinks(recorded.links).map(link => ({
    ...(details.get(link.index) ?? { lowerUp: link.up, noArp: false, showsIptables: false, port: undefined, vxlan: undefined }), ...link, space,
  })))
  return space
}

/** The other end of a veth. */
export function peerOf(spaces: readonly Space[], device: Device): Device | undefined {
  if (device.kind !== 'veth' || device.peerIndex === undefined) return undefined
  if (device.peerNamespace === undefined) return device.space.devices.find(one => one.index === device.peerIndex && one !== device)
  // Numbers are those of each namespace: both must name each other.
  const peers = spaces.filter(space => space !== device.space && (space.node === device.space.node || space.node === FABRIC || device.space.node === FABRIC))
    .flatMap(space => space.devices.filter(one => one.kind === 'veth' && one.index === device.peerIndex && one.peerIndex === device.index && one.peerNamespace !== undefined))
  // Every node counts from one, so several may: the names in the fabric say where its wires lead.
  const meant = peers.filter(one => one.space.node === FABRIC ? wires(one, device) : device.space.node === FABRIC ? wires(device, one) : true)
  const [peer, ...more] = meant.length > 0 ? meant : peers
  return more.length === 0 ? peer : undefined
}

const FABRIC = 'fabric'

/** `node1-eth0`, or `n0-eth0` where that would be too long. */
function wires(wire: Device, { space, name }: Device): boolean {
  return space.own && (wire.name === `${space.node}-${name}` || (/^n\d+-/.test(wire.name) && wire.name.endsWith(`-${name}`)))
}

/** The interface that has addresses: a port's bridge, or itself. */
export function upper(device: Device): Device {
  return device.master === undefined ? device : device.space.devices.find(one => one.name === device.master) ?? device
}

/** Who has an address that others can ask for. */
export function holders(spaces: readonly Space[], address: string): readonly Device[] {
  // Everybody has these, each their own.
  if (address.startsWith('127.')) return []
  return spaces.flatMap(space => space.devices.filter(device => addressesOf(device).includes(address)))
}

export function addressesOf(device: Device): readonly string[] {
  return device.addresses.map(held => held.split('/')[0] ?? '')
}

export function owns(space: Space, address: string): boolean {
  return space.devices.some(device => addressesOf(device).includes(address))
}

/** The held address whose range the other is in: `10.244.1.2/16`. */
export function covering(device: Device, address: string): string | undefined {
  const number = parseAddress(address)
  return device.addresses.find(held => {
    const range = parseCidr(held)
    return range !== undefined && number !== undefined && range.prefix < 32 && contains(range, number)
  })
}
