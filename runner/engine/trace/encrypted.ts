// Encrypted, a packet is known by nobody: what leaves the tunnel's machine at once after it entered the tunnel, and comes to
// the machine where it leaves the tunnel, is what carries it.
import type { RecordedFrame } from '../../../checks/read/recorded.ts'
import type { Carrier } from '../../core/trace.ts'
import type { Sight } from './sights.ts'
import { owns, type Device, type Space } from './spaces.ts'

const [UDP, ESP] = [17, 50]

/** A tunnel that shows nothing of what it carries: no Ethernet in it, and no header of a kind that is read here around it. */
export function opaque({ device, frame, carriers }: Sight): boolean {
  return carriers.length === 0 && frame.layers[0]?.ethernet === undefined && device.name !== 'lo'
}

/** The sights, and between them those of the packets that carried it encrypted. */
export function withCarriers(spaces: readonly Space[], frames: readonly RecordedFrame[], sights: readonly Sight[], endpointsOf: (sight: Sight) => readonly string[]): readonly Sight[] {
  return sights.flatMap((sight, index) => {
    const next = sights[index + 1]
    if (!opaque(sight) || sight.frame.direction !== 'out' || (next !== undefined && next.space === sight.space)) return [sight]
    // Where it did not come out: a program has to be woken to encrypt it, which on a busy machine takes its time.
    const until = next?.frame.us ?? Number.POSITIVE_INFINITY
    const endpoints = endpointsOf(sight)
    const during = frames.filter(frame => frame.us > sight.frame.us && frame.us <= until && frame.layers.length === 1 && [UDP, ESP].includes(frame.layers[0]?.packet.protocol ?? 0))
    const first = during.find(frame => frame.inode === sight.space.inode && frame.direction === 'out' &&
      owns(sight.space, frame.layers[0]?.packet.from ?? '') && (endpoints.length === 0 || endpoints.includes(endOf(frame))) && (next === undefined || owns(next.space, frame.layers[0]?.packet.to ?? '')))?.layers[0]?.packet
    if (first === undefined) return [sight]
    const carrier: Carrier = {
      kind: 'encrypted', from: first.from, to: first.to, ...(first.fromPort === undefined || first.toPort === undefined ? {} : { fromPort: first.fromPort, toPort: first.toPort }),
    }
    const passed = new Set<string>()
    return [sight, ...during.flatMap((frame): readonly Sight[] => {
      const packet = frame.layers[0]?.packet
      const space = spaces.find(one => one.inode === frame.inode)
      const device: Device | undefined = space?.devices.find(one => one.index === frame.index)
      const same = packet?.from === first.from && packet.to === first.to && packet.fromPort === first.fromPort && packet.toPort === first.toPort
      // Before it comes what opens the tunnel, by the same way.
      const at = `${frame.inode} ${frame.index} ${frame.direction}`
      if (!same || space === undefined || device === undefined || passed.has(at)) return []
      passed.add(at)
      return [{ role: sight.role, space, device, frame, packet: sight.packet, carriers: [carrier], bystander: false }]
    })]
  })
}

function endOf({ layers }: RecordedFrame): string {
  const packet = layers[0]?.packet
  return packet === undefined ? '' : `${packet.to}:${packet.toPort ?? ''}`
}
