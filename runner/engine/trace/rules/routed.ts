// It is in a namespace that is to pass it on.
import type { Cause } from '../../../core/trace.ts'
import type { Rule, Track } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import { deviceIn, nameOf } from '../say.ts'
import type { Scene } from '../scene.ts'
import { outermost, type Sight } from '../sights.ts'
import { addressesOf, holders, owns, upper } from '../spaces.ts'
import { lostOnLink } from './neighbours.ts'
import { noRoute, ownRouteOf, question, routeOf } from './routes.ts'
import { entries } from './tunnels.ts'

/** The same namespaces again and again, until its TTL ends. */
export const looping: Rule = (_scene, { way, sights }) => {
  const visited: { readonly sight: Sight; readonly ttl: number }[] = []
  for (const sight of sights) {
    if (sight.space.node === 'fabric' || sight.device.port !== undefined || sight.carriers.length > 0) continue
    if (visited.at(-1)?.sight.space !== sight.space) visited.push({ sight, ttl: sight.packet.ttl })
  }
  const again = visited.some((one, index) => visited.some((other, at) => at > index + 1 && other.sight.space === one.sight.space && other.sight.device === one.sight.device && other.ttl < one.ttl - 3))
  const first = visited.findIndex((one, index) => visited.some((other, at) => at > index && other.sight.space === one.sight.space))
  const next = visited.findIndex((other, at) => at > first && other.sight.space === visited[first]?.sight.space)
  const [from, last] = [visited[first], visited[next - 1]]
  if (!again || from === undefined || last === undefined) return undefined
  return {
    kind: 'loop', where: last.sight.space.place, way,
    sentence: `${nameOf(last.sight.space)} sends it back to ${nameOf(from.sight.space)}, and so on until its TTL ends`,
    evidence: [`TTL ${from.ttl} … ${visited.at(-1)?.ttl ?? 0}: ${visited.slice(first, next + 1).map(one => nameOf(one.sight.space)).join(' → ')} → …`],
  }
}

/** It was for another MAC, and so for nobody. */
export const foreign: Rule = (scene, track) =>
  track.last === undefined || !track.last.frame.otherHost || track.last.device.port !== undefined ? undefined : misaddressed(scene, track, track.last)

export function misaddressed(scene: Scene, { way, sights }: Track, last: Sight): Cause | undefined {
  const mac = last.frame.ethernet?.to
  const sender = sights.find(sight => sight.frame.direction === 'out' && sight.device.port === undefined && sight.frame.ethernet?.to === mac && sight.carriers.length === 0 && sight.space.node !== 'fabric')
  if (mac === undefined || sender === undefined) return undefined
  const entry = scene.facts(sender.space)?.neighbours.find(one => one.mac === mac)
  const owner = scene.spaces.flatMap(space => space.devices).find(device => device.mac === mac)
  const evidence = [`${deviceIn(last.device)} has the MAC ${last.device.mac ?? 'none'}`, ...(entry === undefined ? [] : [`ip neigh in ${nameOf(sender.space)}: ${entry.address} lladdr ${mac} ${entry.states.join(' ')}`])]
  if (last.device.vxlan !== undefined && owner?.vxlan !== undefined && owner !== last.device) {
    const [peer] = entries(scene, sender.device, mac)
    return { kind: 'tunnel-wrong-peer', where: sender.space.place, way, evidence, sentence: `the tunnel ${sender.device.name} in ${nameOf(sender.space)} sends what is for ${mac} to ${peer ?? nameOf(last.space)}, which is ${nameOf(last.space)}; ${deviceIn(owner)} has that MAC` }
  }
  const right = entry === undefined ? [] : holders(scene.spaces, entry.address)
  if (owner !== undefined && right.includes(owner)) {
    const port = sights.findLast(sight => sight.frame.direction === 'out' && sight.frame.us <= last.frame.us && sight.device.port !== undefined)?.device
    if (port === undefined) return undefined
    return { kind: 'wrong-mac', where: port.space.place, way, evidence, sentence: `${port.master ?? 'the bridge'} in ${nameOf(port.space)} sends what is for ${mac}, ${deviceIn(owner)}, to its port ${port.name}: a forwarding entry says so, and it is not there` }
  }
  if (owner === sender.device && owner.noArp) {
    return { kind: 'not-asked-for', where: sender.space.place, way, evidence, sentence: `${nameOf(sender.space)} asks nobody for a MAC and writes its own on it: ARP is off on ${owner.name}` }
  }
  return {
    kind: 'wrong-mac', where: sender.space.place, way, evidence,
    sentence: `${nameOf(sender.space)} sends it to the MAC ${mac}${entry === undefined ? '' : ` for ${entry.address}`}, and ${owner === undefined ? 'nobody has that MAC' : `that is ${deviceIn(owner)}`}${right[0]?.mac === undefined ? '' : `: ${deviceIn(right[0])} has ${right[0].mac}`}`,
  }
}

export const routed: Rule = (scene, track) => {
  const { way, sights, last } = track
  if (last === undefined || last.frame.direction !== 'in') return undefined
  const { space } = last
  const packet = outermost(last)
  const device = upper(last.device)
  const cause = (kind: Cause['kind'], sentence: string, evidence: readonly string[]): Cause => ({ kind, where: space.place, way, sentence, evidence })
  if (device !== last.device && !device.up) return cause('bridge-down', `${nameOf(space)} received it on ${last.device.name}, a port of ${device.name}, and ${device.name} is down`, [`${device.name}: down`])
  if (owns(space, packet.from) && space !== scene.sender && !owns(space, packet.to)) {
    return cause('own-source', `${nameOf(space)} gets a packet from ${packet.from}, its own address, and drops it`, [`from ${packet.from} on ${device.name}`])
  }
  const misled = taken(scene, sights, last)
  const route = routeOf(scene, space, question(packet.to, { from: packet.from, device: device.name }))
  const sysctl = scene.facts(space)?.sysctl
  const strict = wayBack(scene, last, way)
  if (strict !== undefined) return strict
  const own = `net.ipv4.conf.${device.name.replaceAll('.', '/')}.forwarding`
  const dropped = scene.changed(space, 'IpInAddrErrors')
  // What was for the namespace itself and is counted there has been rewritten since it was seen.
  const rewritten = owns(space, packet.to)
  const off = sysctl?.get(own) === '0' && (!rewritten || dropped !== undefined)
  const all = sysctl?.get('net.ipv4.ip_forward') === '0'
  // Asked for a packet that comes in here, the kernel says of no forwarding what it says of no host: a route that says no is asked for first.
  if (route !== undefined && 'refusal' in route) {
    const refusal = noRoute(scene, space, { from: packet.from, to: packet.to, device, way, evidence: [`ip route get ${packet.to} from ${packet.from} iif ${device.name}: ${route.refusal}`] })
    if (refusal.kind === 'route-says-no') return refusal
    if (!off && route.refusal === 'Network is unreachable' && scene.changed(space, 'IpExtInNoRoutes') !== undefined) return { ...refusal, evidence: [...refusal.evidence, `IpExtInNoRoutes ${scene.changed(space, 'IpExtInNoRoutes') ?? ''}`] }
  }
  if (off && dropped !== undefined) {
    return misled ?? cause('forwarding-off', `${nameOf(space)} received it on ${device.name}${rewritten ? ', rewrote its destination,' : ''} and dropped it: ${all ? 'net.ipv4.ip_forward' : own} is 0`, [`IpInAddrErrors ${dropped}`, `${all ? 'net.ipv4.ip_forward' : own} = 0`])
  }
  if (route !== undefined && 'device' in route && !route.local) {
    const out = space.devices.find(one => one.name === route.device)
    const next = route.gateway ?? packet.to
    const [owner] = holders(scene.spaces, next)
    if (out !== undefined && owner !== undefined && out.vxlan === undefined) {
      const lost = lostOnLink(scene, { from: out, to: owner, asks: `${nameOf(space)} sends it to ${next} on ${out.name}`, way, evidence: [] })
      // What stands in a router's way is asked first: a link that is down is one that would be named by its neighbour.
      if (lost !== undefined && (lost.kind === 'link-down' || lost.kind === 'bridge-down')) return lost
    }
  }
  const port = last.carriers[0]?.toPort
  return filteredIn(scene, space, { way, devices: [last.device.name], ...(port === undefined ? {} : { port }) }) ?? misled
}

/** The reverse path is another, and the kernel counts that. */
export function wayBack(scene: Scene, sight: Sight, way: 'there' | 'back' = 'there'): Cause | undefined {
  const { space, device: at } = sight
  const packet = outermost(sight)
  const counted = scene.changed(space, 'TcpExtIPReversePathFilter')
  if (counted === undefined) return undefined
  const device = upper(at)
  const back = ownRouteOf(scene, space, packet.from, packet.to)
  return {
    kind: 'reverse-path-filter', where: space.place, way,
    sentence: `${nameOf(space)} drops it: rp_filter on ${device.name} is 1, and the way back to ${packet.from} is ${back === undefined || 'refusal' in back ? 'none' : back.device}`,
    evidence: [`TcpExtIPReversePathFilter ${counted}`],
  }
}

/** It is here because somebody wrote this one's MAC on it, for an address that another has. */
function taken(scene: Scene, sights: readonly Sight[], last: Sight): Cause | undefined {
  const sender = sights.findLast(sight => sight.frame.direction === 'out' && sight.device.port === undefined && sight.space !== last.space && sight.space.node !== 'fabric')
  const mac = last.frame.ethernet?.to
  const entry = sender === undefined ? undefined : scene.facts(sender.space)?.neighbours.find(one => one.mac === mac && one.device === sender.device.name && !last.space.devices.some(device => addressesOf(device).includes(one.address)))
  if (sender === undefined || entry === undefined || mac === undefined) return undefined
  const [right] = holders(scene.spaces, entry.address)
  if (right === undefined || right.mac === mac) return undefined
  return {
    kind: 'wrong-mac', where: sender.space.place, way: last.role === 'back' ? 'back' : 'there',
    sentence: `${nameOf(sender.space)} sends it to the MAC ${mac} for ${entry.address}, and that is ${deviceIn(last.device)}, which does not pass it on: ${deviceIn(right)} has ${right.mac ?? 'another'}`,
    evidence: [`ip neigh in ${nameOf(sender.space)}: ${entry.address} lladdr ${mac} ${entry.states.join(' ')}`],
  }
}
