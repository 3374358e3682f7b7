// Somebody asked for the MAC of the next hop, and got no answer.
import type { Cause } from '../../../core/trace.ts'
import type { Finding, Rule, Track } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { linkOf, linkPath, unattached } from '../link-path.ts'
import { deviceIn, nameOf } from '../say.ts'
import type { Asking, Scene } from '../scene.ts'
import { outermost } from '../sights.ts'
import { addressesOf, covering, holders, peerOf, upper, type Device, type Space } from '../spaces.ts'
import { ownRouteOf, question, routeOf } from './routes.ts'
import { unpeered } from './tunnels.ts'

/** The kernel asks at once; what is asked later is about something else, or for the next hop that its tables name. */
const AT_ONCE_US = 3_000
const SOON_US = 200_000

export const unanswered: Rule = (scene, track) => {
  const space = track.last?.space ?? scene.sender
  const since = track.last?.frame.us ?? 0
  const expected = track.last === undefined ? firstHop(scene, space) : expectedHops(scene, space, track.last)
  // What was sent nowhere yet may wait beside others that are sent at the same moment.
  const open = openQuestions(scene, space).find(({ frame, arp }) => frame.us >= since && (since === 0 ? expected.length === 0 || expected.includes(arp.target) : frame.us - since < (expected.includes(arp.target) ? SOON_US : AT_ONCE_US)))
  const asked = open === undefined ? pending(scene, space, track) : { device: upper(open.device), target: open.arp.target }
  return asked === undefined ? undefined : notFound(scene, track, asked.device, asked.target)
}

/** Whom its tables name for what it sends itself. */
function firstHop(scene: Scene, space: Space): readonly string[] {
  const route = ownRouteOf(scene, space, scene.probe.to, scene.source)
  return route === undefined || 'refusal' in route ? [] : [route.gateway ?? scene.probe.to]
}

/** Whom its tables name for what comes next: the packet, or the answer to it. */
function expectedHops(scene: Scene, space: Space, last: NonNullable<Track['last']>): readonly string[] {
  const packet = outermost(last)
  const routes = [
    [packet.to, routeOf(scene, space, question(packet.to, { from: packet.from, device: upper(last.device).name }))],
    [packet.to, routeOf(scene, space, packet.to)], [packet.from, ownRouteOf(scene, space, packet.from, packet.to)],
  ] as const
  return routes.flatMap(([to, route]) => route === undefined || 'refusal' in route ? [] : [route.gateway ?? to])
}

/** Questions that the namespace itself asks, and that nobody answered. */
export function openQuestions(scene: Scene, space: Space): readonly Asking[] {
  return scene.arps.filter(one => one.space === space && one.frame.direction === 'out' && one.arp.asks && one.device.port === undefined &&
    space.devices.some(device => device.mac === one.arp.senderMac) &&
    !scene.arps.some(({ space: at, frame, arp }) => at === space && frame.direction === 'in' && !arp.asks && arp.sender === one.arp.target))
}

/** A question that has been open since before: the kernel does not ask again for each packet. */
function pending(scene: Scene, space: Space, { last, sights }: Track): { readonly device: Device; readonly target: string } | undefined {
  if (last !== undefined && last.frame.direction === 'out') return undefined
  const to = last === undefined ? scene.probe.to : outermost(last).to
  if (addressesHere(space).includes(to)) return reply(scene, space, sights)
  const route = last === undefined ? ownRouteOf(scene, space, to, scene.source) : routeOf(scene, space, question(to, { from: outermost(last).from, device: upper(last.device).name }))
  return asking(scene, space, route, to)
}

/** It arrived; the question is whom the answer goes to. */
function reply(scene: Scene, space: Space, sights: Track['sights']): { readonly device: Device; readonly target: string } | undefined {
  const packet = sights.at(-1)?.packet
  return packet === undefined ? undefined : asking(scene, space, ownRouteOf(scene, space, packet.from, packet.to), packet.from)
}

function asking(scene: Scene, space: Space, route: ReturnType<typeof routeOf>, to: string): { readonly device: Device; readonly target: string } | undefined {
  if (route === undefined || 'refusal' in route) return undefined
  const target = route.gateway ?? to
  const device = space.devices.find(one => one.name === route.device)
  const neighbour = scene.facts(space)?.neighbours.find(one => one.address === target && one.device === route.device)
  return device !== undefined && neighbour !== undefined && neighbour.mac === undefined && neighbour.states.some(state => ['INCOMPLETE', 'FAILED'].includes(state)) ? { device, target } : undefined
}

function addressesHere(space: Space): readonly string[] {
  return space.devices.flatMap(addressesOf)
}

/** Why nobody answered. */
function notFound(scene: Scene, track: Track, device: Device, target: string): Finding | undefined {
  const { space } = device
  // What arrived is answered: then it is the answer that finds no way.
  const arrived = track.last !== undefined && track.last.frame.direction === 'in' && addressesHere(space).includes(track.last.packet.to)
  const way = arrived ? 'back' : track.way
  const to = arrived ? track.last?.packet.from : track.last === undefined ? scene.probe.to : outermost(track.last).to
  const evidence = [`${nameOf(space)} asked on ${device.name} who has ${target}: no answer`]
  const cause = (kind: Cause['kind'], sentence: string, where = space.place): Cause => ({ kind, where, way, sentence, evidence })
  const proxies = [...linkOf(scene.spaces, device)].filter(one => one.space !== space && one.space.own && answersForOthers(scene, one))
  if (proxies.length > 0 && !scene.patient) return { needs: 'patience' }
  const tunnel = unpeered(scene, { device, target, way, evidence, last: track.last })
  if (tunnel !== undefined) return tunnel
  const found = holders(scene.spaces, target)
  const asks = `${nameOf(space)} asks on ${device.name} who has ${target}`
  if (found.length === 0) {
    const standIn = inPlace(scene, device, target, proxies)
    if (standIn !== undefined) return cause('nobody-has-next-hop', `${asks}, and nobody answers: ${standIn}`)
    const original = way === 'there' ? scene.probe.to : scene.source
    const gateway = scene.facts(space)?.routes.some(route => route.gateway === target) === true
    if (!gateway && target !== original && (track.last?.carriers.length ?? 0) === 0) {
      const how = way === 'there' ? `${original ?? ''} was rewritten to ${target} on the way` : `the sender was rewritten to ${target} on the way`
      return cause('rewritten-to-nobody', `${nameOf(space)} looks for ${target} on ${device.name}, and nobody has that address: ${how}`)
    }
    return gateway || target !== to ? cause('nobody-has-next-hop', `${nameOf(space)} sends it to ${target} on ${device.name}, and nobody has that address`)
      : cause('nobody-has-address', `${asks}, and nobody has that address`)
  }
  const reachable = found.find(owner => linkPath(scene.spaces, device, owner) !== undefined)
  if (reachable === undefined) return elsewhere(scene, device, target, found, cause)
  return lostOnLink(scene, { from: device, to: reachable, asks, way, evidence, target }) ?? filteredQuestion(scene, device, reachable, way) ??
    cause('not-asked-for', `${asks}, and nobody answers, though ${deviceIn(reachable)} has it`)
}

function answersForOthers(scene: Scene, device: Device): boolean {
  const sysctl = scene.facts(device.space)?.sysctl
  return ['all', device.name].some(name => sysctl?.get(`net.ipv4.conf.${name.replaceAll('.', '/')}.proxy_arp`) === '1')
}

/** Nobody has it, and nobody has to, where the machine at the other end of a cable answers for all: as a pod's gateway at Calico. */
function inPlace(scene: Scene, device: Device, target: string, proxies: readonly Device[]): string | undefined {
  const other = peerOf(scene.spaces, device)
  if (other === undefined || !other.space.own || other.space.node === 'fabric' || other.master !== undefined) return undefined
  if (!proxies.includes(other)) return `nobody has it, and ${deviceIn(other)} does not answer for others (proxy_arp is 0)`
  // A proxy answers only for what it would itself send elsewhere.
  const route = routeOf(scene, other.space, target)
  return route !== undefined && 'refusal' in route ? `${nameOf(other.space)} answers for others, but has no route to ${target} itself` : undefined
}

/** Whoever has it is on another link. */
function elsewhere(scene: Scene, device: Device, target: string, found: readonly Device[], cause: (kind: Cause['kind'], sentence: string, where?: string) => Cause): Cause {
  for (const owner of found) {
    const loose = unattached(scene.spaces, [device, owner])
    if (loose === undefined) continue
    const { outer, end, bridge } = loose
    return cause('not-attached', `${nameOf(device.space)} asks on ${device.name} who has ${target}, and ${outer.name}, the other end of ${deviceIn(end)}, is attached to ${outer.master === undefined ? 'no bridge' : `${outer.master}, not to ${bridge.name}`}`, outer.space.place)
  }
  const range = covering(device, target)
  const [owner] = found
  return cause('wrong-mask', `${nameOf(device.space)} takes ${target} for a neighbour on ${device.name}${range === undefined ? ', by a route without a gateway' : ` (${range})`} and asks there for its MAC, and nobody answers: ${owner === undefined ? 'it is' : `${deviceIn(owner)} has it,`} on another link`)
}

/** What on the link between two interfaces is not as it must be; nothing if all of it is. */
export function lostOnLink(scene: Scene, { from, to, asks, way, evidence, target }: {
  readonly from: Device; readonly to: Device; readonly asks: string; readonly way: 'there' | 'back'; readonly evidence: readonly string[]; readonly target?: string
}): Cause | undefined {
  const path = linkPath(scene.spaces, from, to) ?? []
  const cause = (kind: Cause['kind'], device: Device, sentence: string): Cause => ({ kind, where: device.space.place, way, sentence, evidence })
  for (const [index, device] of path.entries()) {
    if (device.up) continue
    if (device.kind === 'bridge') return cause('bridge-down', device, `${asks}, and the bridge ${device.name} ${device.space.node === 'fabric' ? 'of the wire' : `in ${nameOf(device.space)}`} is down`)
    const [before, after] = [path[index - 1], path[index + 1]]
    // The far side first: a veth's own end that is up has no carrier if its other is down.
    if (before === from && before.kind === 'veth' && before.space !== device.space) return cause('link-down', device, `${deviceIn(before)} has no carrier: its other end, ${deviceIn(device)}, is down`)
    const other = after !== undefined && after.kind === 'veth' && after.master === undefined ? `, the other end of ${deviceIn(after)},` : ''
    return cause('link-down', device, `${asks}, and ${deviceIn(device)}${other} is down`)
  }
  const ports = path.filter(device => device.port !== undefined)
  for (const device of ports) {
    if (device.port !== undefined && device.port.state !== 'forwarding') return cause('port-not-forwarding', device, `${asks}, and ${device.name}, a port of ${device.master ?? 'a bridge'} in ${nameOf(device.space)}, is ${device.port.state}`)
  }
  for (const [index, device] of path.entries()) {
    const [before, after] = [path[index - 1], path[index + 1]]
    if (device.kind === 'bridge' && before?.port?.isolated === true && after?.port?.isolated === true) {
      return cause('isolated-ports', device, `${asks}; ${before.name} and ${after.name} are isolated ports of ${device.name} in ${nameOf(device.space)}: isolated ports do not talk to each other`)
    }
    if (target !== undefined && device.kind === 'bridge' && after?.port?.broadcasts === false) {
      return cause('port-not-forwarding', device, `${asks}, and ${device.name} in ${nameOf(device.space)} does not pass broadcasts to its port ${after.name} (bcast_flood off)`)
    }
  }
  if (target === undefined) return undefined
  const heard = scene.arps.some(one => one.device === to && one.frame.direction === 'in' && one.arp.asks && one.arp.target === target)
  if (to.noArp) return cause('not-asked-for', to, `${asks}, and ${nameOf(to.space)} does not answer: ARP is off on ${to.name}`)
  const ignores = scene.facts(to.space)?.sysctl
  const ignore = ['all', to.name].map(name => [name, Number(ignores?.get(`net.ipv4.conf.${name.replaceAll('.', '/')}.arp_ignore`) ?? 0)] as const).find(([, value]) => value > 2)
  if (heard && ignore !== undefined) return { ...cause('not-asked-for', to, `${asks}, and ${nameOf(to.space)} does not answer: net.ipv4.conf.${ignore[0]}.arp_ignore is ${ignore[1]}`), evidence: [...evidence, `net.ipv4.conf.${ignore[0]}.arp_ignore = ${ignore[1]}`] }
  return undefined
}

/** A filter may have taken the question, where it was last seen, or its answer. */
function filteredQuestion(scene: Scene, device: Device, owner: Device, way: 'there' | 'back'): Finding | undefined {
  const spaces = new Set([owner.space, ...(linkPath(scene.spaces, device, owner) ?? []).filter(one => one.kind === 'bridge').map(one => one.space), device.space])
  for (const space of spaces) {
    const found = filteredIn(scene, space, { way, arp: true })
    if (found !== undefined) return found
  }
  return undefined
}
