// The recording of one probe, taken apart: who was there, what was seen of the packet, its answer, and of questions for MACs.
import { readFacts, type Facts } from '../../../checks/read/facts.ts'
import { VXLAN_PORTS, type Arp } from '../../../checks/read/frame.ts'
import { readLinks } from '../../../checks/read/links.ts'
import { readRecorded, type Recorded, type RecordedFrame } from '../../../checks/read/recorded.ts'
import { parseAddress } from '../../core/ipv4.ts'
import { withCarriers } from './encrypted.ts'
import { Identity } from './identity.ts'
import type { RecordedProbe, RecordedSpace, Recording } from './recording.ts'
import { straight, type Sight } from './sights.ts'
import { spaceOf, type Device, type Space } from './spaces.ts'

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
  const identity = new Identity(probe, sent)
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
  const endpoints = ({ space, device }: Sight): readonly string[] => factsOf(space)?.peers.flatMap(peer => peer.device === device.name && peer.endpoint !== undefined && peer.endpoint !== 'none' ? [peer.endpoint] : []) ?? []
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

/** Of several recorders, in the order of the kernel's one clock. */
function merged(all: readonly Recorded[]): Recorded {
  return {
    frames: all.flatMap(one => one.frames).toSorted((one, other) => one.us - other.us),
    sent: all.flatMap(one => one.sent), unsent: all.flatMap(one => one.unsent), answered: all.flatMap(one => one.answered), errors: all.flatMap(one => one.errors),
    changes: all.flatMap(one => one.changes), rules: all.flatMap(one => one.rules), unruled: all.flatMap(one => one.unruled),
  }
}

