// The packet where it was seen.
import type { Packet } from '../../../checks/read/frame.ts'
import type { RecordedFrame } from '../../../checks/read/recorded.ts'
import type { Carrier } from '../../core/trace.ts'
import type { Role } from './identity.ts'
import { peerOf, type Device, type Space } from './spaces.ts'

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

/** What routers see of it: the tunnel's packet where it is in one. */
export function outermost({ frame, packet }: Sight): Packet {
  return frame.layers[0]?.packet ?? packet
}

/** Without what a bridge sent to those who did not want it, unless nobody did. */
export function straight(spaces: readonly Space[], sights: readonly Sight[]): readonly Sight[] {
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

