// The packet was to be carried by another, or was, and did not come out of it.
import type { Packet } from '../../../../checks/read/frame.ts'
import type { Cause } from '../../../core/trace.ts'
import { contains, parseAddress, parseCidr } from '../../../core/ipv4.ts'
import type { Finding, Rule } from '../decide.ts'
import { opaque } from '../encrypted.ts'
import { filteredIn } from '../filters.ts'
import { nameOf } from '../say.ts'
import type { Scene } from '../scene.ts'
import type { Sight } from '../sights.ts'
import { holders, owns, type Device, type Space } from '../spaces.ts'

export const tunnelled: Rule = (scene, { way, last }) => {
  if (last === undefined) return undefined
  if (opaque(last) || last.carriers[0]?.kind === 'encrypted') return encrypted(scene, last, way)
  const [outer] = last.frame.layers
  if (last.carriers.length > 0 && outer !== undefined && last.frame.direction === 'in' && owns(last.space, outer.packet.to)) {
    return undecapsulated(scene, last.space, { way, outer: outer.packet, evidence: [`${nameOf(last.space)} received it on ${last.device.name}, carried from ${outer.packet.from}`] })
  }
  if (last.device.vxlan === undefined || last.frame.direction !== 'out') return undefined
  const mac = last.frame.ethernet?.to
  const peers = entries(scene, last.device, mac)
  // It knows to whom: then what carries it is taken on its own way out.
  if (peers.length > 0) return filteredIn(scene, last.space, { way, ...(last.device.vxlan.port === undefined ? {} : { port: last.device.vxlan.port }) })
  return {
    kind: 'tunnel-no-peer', where: last.space.place, way,
    sentence: `${nameOf(last.space)} gave it to the tunnel ${last.device.name}, which has no forwarding entry for ${mac ?? 'its MAC'}: it does not know to whom`, evidence: [`bridge fdb: no entry for ${mac ?? 'it'} on ${last.device.name}`],
  }
}

function placeOf(endpoint: string | undefined): string {
  return endpoint === 'none' ? 'no endpoint' : endpoint ?? 'an endpoint that was not told'
}

/** Given to a tunnel that encrypts, or carried by it. */
function encrypted(scene: Scene, last: Sight, way: 'there' | 'back'): Finding | undefined {
  const { space, packet, device, frame } = last
  const cause = (kind: Cause['kind'], sentence: string, evidence: readonly string[]): Cause => ({ kind, where: space.place, way, sentence, evidence })
  const peers = scene.facts(space)?.peers ?? []
  const [carrier] = last.carriers
  if (carrier === undefined) {
    if (frame.direction === 'in') return undefined
    const own = peers.filter(peer => peer.device === device.name)
    const taking = own.find(({ ranges }) => ranges.some(range => inRange(range, packet.to)))
    const gave = `${nameOf(space)} gave it to the tunnel ${device.name}`
    if (own.length === 0) return cause('tunnel-no-peer', `${gave}, which sent nothing on and has no peer`, [])
    const evidence = own.map(({ ranges, endpoint }) => `wg: a peer at ${placeOf(endpoint)} takes ${ranges.join(' ') || 'nothing'}`)
    if (taking === undefined) return cause('tunnel-no-peer', `${gave}, and none of its peers takes what is for ${packet.to} (allowed ips)`, evidence)
    if (taking.endpoint === 'none') return cause('tunnel-no-peer', `${gave}, and its peer that takes ${packet.to} has no endpoint to send to`, evidence)
    // Where it is, is not always told: then nothing is said of it.
    return filteredIn(scene, space, { way, ...(taking.endpoint === undefined ? {} : { port: Number(taking.endpoint.split(':').at(-1)) }) })
  }
  const { to, toPort, from, fromPort } = carrier
  if (frame.direction !== 'in' || !owns(space, to)) return undefined
  const got = `${nameOf(space)} received it on ${device.name}, encrypted, from ${from}`
  const unheard = scene.recorded.frames.some(({ layers }) => layers.some(({ packet: { icmp } }) => icmp?.type === 3 && icmp.quoted?.layers.some(quoted => quoted.packet.to === to && quoted.packet.toPort === toPort && quoted.packet.from === from && quoted.packet.fromPort === fromPort) === true))
  if (unheard) return cause('tunnel-down', `${got}, and has no tunnel that listens on UDP port ${toPort ?? '?'}`, [`${nameOf(space)} says: ICMP port unreachable`])
  const filtered = filteredIn(scene, space, { way, devices: [device.name], ...(toPort === undefined ? {} : { port: toPort }) })
  if (filtered !== undefined) return filtered
  const down = space.devices.find(one => !one.up && (one.kind === 'tun' || one.kind === 'wireguard'))
  if (down !== undefined) return cause('tunnel-down', `${got}, and its ${down.name} is down`, [`${down.name}: down`])
  const evidence = peers.map(peer => `wg: a peer at ${placeOf(peer.endpoint)} may send from ${peer.ranges.join(' ') || 'nothing'}`)
  return cause('tunnel-wrong-peer', peers.some(({ ranges }) => ranges.some(range => inRange(range, packet.from)))
    ? `${got}, and its tunnel gave nothing out: it drops without a word what is not from a peer whose key it has`
    : `${got}, and none of its peers may send from ${packet.from} (allowed ips)`, evidence)
}

function inRange(range: string, address: string): boolean {
  const [cidr, number] = [parseCidr(range), parseAddress(address)]
  return cidr !== undefined && number !== undefined && contains(cidr, number)
}

/** To whom the tunnel sends what is for a MAC. */
export function entries(scene: Scene, device: Device, mac: string | undefined): readonly string[] {
  const fdb = scene.facts(device.space)?.fdb.filter(one => one.device === device.name && one.to !== undefined) ?? []
  const exact = fdb.filter(one => one.mac === mac)
  return (exact.length > 0 ? exact : fdb.filter(one => one.mac === '00:00:00:00:00:00')).flatMap(one => one.to ?? [])
}

/** A tunnel's packet came to where it was sent, and nothing came out of it. */
export function undecapsulated(scene: Scene, space: Space, { way, outer, evidence }: {
  readonly way: 'there' | 'back'; readonly outer: Packet | undefined; readonly evidence: readonly string[]
}): Finding | undefined {
  const layer = scene.recorded.frames.flatMap(frame => frame.layers).find(one => one.carries !== undefined && one.packet.to === outer?.to && one.packet.toPort === outer?.toPort)
  if (outer === undefined || layer?.carries?.kind !== 'vxlan') return undefined
  const [port, id] = [outer.toPort, layer.carries.id]
  const cause = (kind: Cause['kind'], sentence: string): Cause => ({ kind, where: space.place, way, sentence, evidence })
  const tunnels = space.devices.filter(device => device.vxlan !== undefined)
  const got = `${nameOf(space)} received the tunnel's packet on UDP port ${port ?? '?'}, with the VNI ${id ?? '?'}`
  const [any] = tunnels
  if (any === undefined) return cause('tunnel-down', `${got}, and has no VXLAN interface`)
  const fitting = tunnels.filter(device => device.vxlan?.port === port)
  const [first] = fitting
  if (first === undefined) return cause('tunnel-wrong-port', `${got}, and its VXLAN interface ${any.name} listens on port ${any.vxlan?.port ?? '?'}`)
  const same = fitting.find(device => device.vxlan?.id === id)
  if (same === undefined) return cause('tunnel-wrong-id', `${got}, and its ${first.name} has the VNI ${first.vxlan?.id ?? '?'}`)
  if (!same.up) return cause('tunnel-down', `${got}, and its ${same.name} is down`)
  return filteredIn(scene, space, { way, ...(port === undefined ? {} : { port }) })
}

/** The question for a MAC had to go through a tunnel, or was for the tunnel's other end. */
export function unpeered(scene: Scene, { device, target, way, evidence, last }: {
  readonly device: Device; readonly target: string; readonly way: 'there' | 'back'; readonly evidence: readonly string[]; readonly last: Sight | undefined
}): Finding | undefined {
  const { space } = device
  const cause = (kind: Cause['kind'], sentence: string): Cause => ({ kind, where: space.place, way, sentence, evidence })
  if (device.vxlan !== undefined) {
    const outer = scene.recorded.frames.find(frame => frame.arp?.asks === true && frame.arp.target === target && frame.layers.length > 0)
    if (outer === undefined) return cause('tunnel-no-peer', `${nameOf(space)} sends it to ${target} through the tunnel ${device.name}, which has no neighbour entry for ${target}, and nobody whom it could ask`)
    const arrived = scene.recorded.frames.findLast(frame => frame.arp?.asks === true && frame.arp.target === target && frame.layers.length > 0)
    const there = scene.spaces.find(one => one.inode === arrived?.inode)
    const packet = arrived?.layers[0]?.packet
    return there !== undefined && packet !== undefined && owns(there, packet.to) ? undecapsulated(scene, there, { way, outer: packet, evidence }) : undefined
  }
  if (last?.device.vxlan === undefined || last.frame.direction !== 'out' || last.space !== space || holders(scene.spaces, target).length > 0) return undefined
  const mac = last.frame.ethernet?.to
  return entries(scene, last.device, mac).includes(target)
    ? cause('tunnel-wrong-peer', `the tunnel ${last.device.name} in ${nameOf(space)} sends what is for ${mac ?? 'it'} to ${target}, and nobody has that address`) : undefined
}
