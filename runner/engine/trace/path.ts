// What was seen of a packet as the hops of its way: the same interfaces, and what was different at each.
import type { Carrier, Hop, Note, Rewrite } from '../../core/trace.ts'
import { listed, nameOf } from './say.ts'
import type { Scene } from './scene.ts'
import type { Sight } from './sights.ts'
import { holders } from './spaces.ts'

/** `asked`: what the sender itself sent, before rules of its own. */
export function hopsOf(sights: readonly Sight[], asked?: Ends): readonly Hop[] {
  const first = sights[0]?.frame.us ?? 0
  return sights.map(({ space, device, frame, packet, carriers }, index): Hop => {
    const before = sights[index - 1]
    return {
      place: space.place, name: nameOf(space), device: device.name, direction: frame.direction, us: Math.round(frame.us - first),
      from: packet.from, to: packet.to, fromPort: packet.fromPort, toPort: packet.toPort,
      ttl: packet.ttl, bytes: packet.bytes, fromMac: frame.layers[0]?.ethernet?.from, toMac: frame.layers[0]?.ethernet?.to,
      carriers, rewrites: before !== undefined ? rewrites(before, { packet, carriers }) : asked === undefined ? [] : rewritten(asked, packet),
    }
  })
}

export interface Ends {
  readonly from: string
  readonly to: string
  readonly fromPort: number | undefined
  readonly toPort: number | undefined
}

/** Undefined: it was seen first on its way through somebody else. */
export function askedBy({ probe, source, recorded, sender, there: [first] }: Scene): Ends | undefined {
  if (source === undefined || first === undefined || first.space !== sender || first.frame.direction !== 'out') return undefined
  const ports = probe.protocol !== 'icmp'
  return { from: source, to: probe.to, fromPort: ports ? recorded.sent.find(({ id }) => id === probe.id)?.port : undefined, toPort: ports ? probe.number : undefined }
}

function rewritten(old: Ends, packet: Ends): readonly Rewrite[] {
  const end = (address: string, port: number | undefined): string => port === undefined ? address : `${address}:${port}`
  const changed = (what: 'source' | 'destination', from: string, to: string): readonly Rewrite[] => from === to ? [] : [{ what, from, to }]
  return [...changed('source', end(old.from, old.fromPort), end(packet.from, packet.fromPort)), ...changed('destination', end(old.to, old.toPort), end(packet.to, packet.toPort))]
}

function rewrites(before: Sight, { packet, carriers }: Pick<Sight, 'packet' | 'carriers'>): readonly Rewrite[] {
  const same = (one: Carrier, other: Carrier): boolean => one.kind === other.kind && one.from === other.from && one.to === other.to
  const old = before.packet
  return [
    ...before.carriers.filter(one => !carriers.some(other => same(one, other))).map((carrier): Rewrite => ({ what: 'unwrapped', carrier })),
    ...rewritten(old, packet),
    ...(old.ttl === packet.ttl ? [] : [{ what: 'ttl', from: old.ttl, to: packet.ttl } as const]),
    ...carriers.filter(one => !before.carriers.some(other => same(one, other))).map((carrier): Rewrite => ({ what: 'wrapped', carrier })),
  ]
}

/** What works, and is odd. */
export function notesOf(scene: Scene): readonly Note[] {
  const notes: Note[] = []
  const first = scene.there[0]
  const arrived = scene.there.findLast(sight => sight.frame.direction === 'in' && !sight.bystander)
  if (first === undefined || arrived === undefined) return notes
  const rewriter = (changed: (sight: Sight) => boolean): string => {
    const sight = scene.there.find(changed)
    return sight === undefined ? '' : `, rewritten by ${nameOf(sight.space)}`
  }
  const { from, to } = askedBy(scene) ?? first.packet
  if (arrived.packet.from !== from) {
    notes.push({ kind: 'source-rewritten', sentence: `${nameOf(arrived.space)} sees ${arrived.packet.from}, not ${from}${rewriter(sight => sight.packet.from !== from)}` })
  }
  if (arrived.packet.to !== to) {
    notes.push({ kind: 'destination-rewritten', sentence: `${to} is ${arrived.packet.to}, ${nameOf(arrived.space)}${rewriter(sight => sight.packet.to !== to)}` })
  }
  const owners = holders(scene.spaces, arrived.packet.to)
  const spaces = [...new Set(owners.map(device => device.space))]
  if (spaces.length > 1) notes.push({ kind: 'duplicate-address', sentence: `${arrived.packet.to} belongs to ${listed(spaces.map(nameOf))}; ${nameOf(arrived.space)} got it` })
  // Whoever is no machine of its own, and passes packets on, is somebody's pod.
  for (const space of new Set(scene.there.filter(sight => sight.device.port === undefined).map(sight => sight.space))) {
    if (space.own || space === scene.sender || space === arrived.space) continue
    notes.push({ kind: 'detour', sentence: `it passes through ${nameOf(space)}, which is neither of the two` })
  }
  return notes
}
