// The recording of one probe, taken apart: who was there, what was seen of the packet, its answer, and of questions for MACs.
import { readFacts, type Facts } from '../../../checks/read/facts.ts'
import type { Arp, Packet } from '../../../checks/read/frame.ts'
import { VXLAN_PORTS } from '../../../checks/read/frame.ts'
import { readLinkDetails, type LinkDetails } from '../../../checks/read/link-details.ts'
import { readLinks } from '../../../checks/read/links.ts'
import { readRecorded, type Recorded, type RecordedFrame } from '../../../checks/read/recorded.ts'
import { contains, parseAddress, parseCidr } from '../../core/ipv4.ts'
import type { Link } from '../../core/bench.ts'
import type { Carrier } from '../../core/trace.ts'
import { withCarriers } from './encrypted.ts'
import { Identity, type Role } from './identity.ts'
import type { RecordedProbe, RecordedSpace, Recording } from './recording.ts'

export type Device = Link & LinkDetails & { readonly space: Space }

/** A network namespace. */
export interface Space extends Omit<RecordedSpace, 'links'> {
  readonly devices: readonly Device[]
}

/** The packet, or one about it, at one interface. */
export interface Sight {
  readonly role: Role
  readonly space: Space
  readonly device: Device
  readonly frame: RecordedFrame
  readonly packet: Packet
  readonly carriers: readonly Carrier[]
  /** It was for somebody else: a bridge had to try all its ports. */
  readonly bystander: boolean
}

/** Somebody asks who has an address, or is told. */
export interface Asking {
  readonly space: Space
  readonly device: Device
  readonly frame: RecordedFrame
  readonly arp: Arp
}

export interface Scene {
  readonly probe: RecordedProbe
  readonly identity: Identity
  readonly spaces: readonly Space[]
  readonly sender: Space
  readonly recorded: Recorded
  readonly there: readonly Sight[]
  readonly back: readonly Sight[]
  /** ICMP errors about the packet or its answer. */
  readonly errors: readonly Sight[]
  readonly arps: readonly Asking[]
  readonly unsent: { readonly errno: number; readonly text: string } | undefined
  readonly answered: boolean
  /** What the sender's kernel told it in place of an answer. */
  readonly told: { readonly errno: number; readonly text: string } | undefined
  /** The sender's address, once it has sent. */
  readonly source: string | undefined
  facts(space: Space): Facts | undefined
  /** What a counter did in the namespace meanwhile, if anything: `0 → 1`. */
  changed(space: Space, counter: string): string | undefined
  readonly rules: Recording['rules']
  readonly patient: boolean
}

export function scene(recording: Recording, id: string): Scene {
  const probe = recording.probes.find(one => one.id === id)
  if (probe === undefined) throw new Error(`nothing was recorded of ${id}`)
  const spaces = recording.spaces.map(space => spaceOf({ ...space, name: calledBy(space, probe) }))
  const sender = spaces.find(space => space.inode === probe.inode)
  if (sender === undefined) throw new Error(`${probe.from} was not recorded`)
  const ports = new Set([...VXLAN_PORTS, ...spaces.flatMap(space => space.devices.flatMap(device => device.vxlan?.port ?? []))])
  const recorded = merged(recording.recorded.map(text => readRecorded(text, ports)))
  const sent = recorded.sent.find(one => one.id === id)
  const identity = new Identity(probe, sent?.port)
  const [sights, arps]: [Sight[], Asking[]] = [[], []]
  for (const frame of recorded.frames) {
    const space = spaces.find(one => one.inode === frame.inode)
    const device = space?.devices.find(one => one.index === frame.index)
    if (space === undefined || device === undefined) continue
    if (frame.arp !== undefined) arps.push({ space, device, frame, arp: frame.arp })
    const packet = frame.layers.at(-1)?.packet
    const role = packet === undefined ? undefined : identity.role(packet, space === sender && frame.direction === 'out')
    if (packet === undefined || role === undefined) continue
    sights.push({
      role, space, device, frame, packet, bystander: frame.otherHost && device.port === undefined,
      carriers: frame.layers.slice(0, -1).flatMap(({ carries, packet: outer }) => carries === undefined ? [] : [{
        kind: carries.kind, from: outer.from, to: outer.to,
        ...(carries.id === undefined ? {} : { id: carries.id }),
        ...(outer.fromPort === undefined || outer.toPort === undefined ? {} : { fromPort: outer.fromPort, toPort: outer.toPort }),
      }]),
    })
  }
  const facts = new Map<number, Facts>()
  const factsOf = ({ inode }: Space): Facts | undefined => {
    const text = recording.facts[inode]
    const known = facts.get(inode) ?? (text === undefined ? undefined : readFacts(text))
    if (known !== undefined) facts.set(inode, known)
    return known
  }
  const endpoints = ({ space, device }: Sight): readonly string[] => factsOf(space)?.peers.flatMap(peer => peer.device === device.name ? peer.endpoint ?? [] : []) ?? []
  const half = (way: 'there' | 'back'): readonly Sight[] => withCarriers(spaces, recorded.frames, straight(spaces, sights.filter(({ role }) => role === way)), endpoints)
  return {
    probe, identity, spaces, sender, recorded, arps, rules: recording.rules, patient: recording.patient,
    there: half('there'), back: half('back'),
    errors: sights.filter(({ role }) => role === 'error there' || role === 'error back'),
    unsent: recorded.unsent.find(one => one.id === id), answered: recorded.answered.includes(id), told: recorded.errors.find(one => one.id === id),
    source: sent?.address,
    facts: factsOf,
    changed: ({ inode }, counter) => {
      const change = recorded.changes.find(one => one.inode === inode && one.name === counter)
      return change === undefined || change.after <= change.before ? undefined : `${change.before} → ${change.after}`
    },
  }
}

/** A namespace of one of the two ends is called what they are called; a machine has a name of its own. */
function calledBy({ own, inode, links, name }: RecordedSpace, { inode: sender, to, names }: RecordedProbe): string {
  const called = own || names === undefined ? undefined
    : inode === sender ? names.from : readLinks(links).some(link => link.addresses.some(held => held.split('/')[0] === to)) ? names.to : undefined
  return called === undefined || parseAddress(called) !== undefined ? name : called
}

function spaceOf(recorded: RecordedSpace): Space {
  const details = readLinkDetails(recorded.links)
  const devices: Device[] = []
  const space: Space = { place: recorded.place, node: recorded.node, name: recorded.name, own: recorded.own, inode: recorded.inode, devices }
  devices.push(...readLinks(recorded.links).map(link => ({
    ...(details.get(link.index) ?? { lowerUp: link.up, noArp: false, showsIptables: false, port: undefined, vxlan: undefined }), ...link, space,
  })))
  return space
}

/** Of several recorders, in the order of the kernel's one clock. */
function merged(all: readonly Recorded[]): Recorded {
  return {
    frames: all.flatMap(one => one.frames).toSorted((one, other) => one.us - other.us),
    sent: all.flatMap(one => one.sent), unsent: all.flatMap(one => one.unsent), answered: all.flatMap(one => one.answered), errors: all.flatMap(one => one.errors),
    changes: all.flatMap(one => one.changes), rules: all.flatMap(one => one.rules), unruled: all.flatMap(one => one.unruled),
  }
}

/** Without what a bridge sent to those who did not want it, unless nobody did. */
function straight(spaces: readonly Space[], sights: readonly Sight[]): readonly Sight[] {
  const strays = sights.filter(sight => sight.bystander)
  if (strays.length === 0) return sights
  const sentTo = (stray: Sight): Sight | undefined => sights.findLast(sight => sight.frame.direction === 'out' && sight.frame.us <= stray.frame.us && peerOf(spaces, sight.device) === stray.device)
  const astray = new Set<Sight>([...strays, ...strays.flatMap(stray => sentTo(stray) ?? [])])
  const kept = sights.filter(sight => !astray.has(sight))
  const end = kept.at(-1)
  // What comes after the end comes of it: then nobody wanted it, and where it was thrown away is where it ended.
  const after = strays.some(stray => end === undefined || (sentTo(stray) ?? stray).frame.us >= end.frame.us)
  return after ? sights : kept
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

/** What routers see of it: the tunnel's packet where it is in one. */
export function outermost({ frame, packet }: Sight): Packet {
  return frame.layers[0]?.packet ?? packet
}

/** The interface that has addresses: a port's bridge, or itself. */
export function upper(device: Device): Device {
  return device.master === undefined ? device : device.space.devices.find(one => one.name === device.master) ?? device
}

export function holders(spaces: readonly Space[], address: string): readonly Device[] {
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
