// Whoever it arrived at says that nobody is there; or somebody says so in their name.
import type { Packet } from '../../../../checks/read/frame.ts'
import type { Cause } from '../../../core/trace.ts'
import type { Rule } from '../decide.ts'
import { filteredIn } from '../filters.ts'
import type { Scene } from '../scene.ts'
import type { Sight } from '../sights.ts'
import { holders, owns, type Space } from '../spaces.ts'
import { chainName, findRule } from '../../../../checks/read/ruleset.ts'
import { listed, nameOf } from '../say.ts'

export const refused: Rule = scene => {
  const refusal = refusalIn(scene)
  if (refusal === undefined) return undefined
  const { space } = refusal
  const got = scene.there.findLast(sight => sight.space === space && sight.frame.direction === 'in') ?? scene.there.findLast(sight => sight.space === space)
  const packet = got?.packet ?? refusal.packet
  const [to, port] = got === undefined ? [scene.probe.to, scene.probe.number] : [packet.to, packet.toPort ?? scene.probe.number]
  const deliveredThere = owns(space, to)
  const listens = scene.facts(space)?.listening.filter(one => one.protocol === scene.probe.protocol && one.port === port) ?? []
  // Nobody refuses what is listened for but a filter; nor does a router what is not its own.
  const open = scene.probe.served || listens.some(one => one.address === '0.0.0.0' || one.address === to)
  if (!deliveredThere || open) {
    const filtered = filteredIn(scene, space, { way: 'there' })
    if (filtered !== undefined) return filtered
  }
  if (!deliveredThere) {
    const taken = redirected(scene, space)
    if (taken !== undefined) return { kind: 'nobody-listens', where: space.place, way: 'there', sentence: `${nameOf(space)} took it for itself and refused it: ${taken}`, evidence: [told(refusal)] }
    return { kind: 'rejected', where: space.place, way: 'there', sentence: `${nameOf(space)} refused it in place of ${to}`, evidence: [told(refusal)] }
  }
  if (open) return undefined
  const cause = (kind: Cause['kind'], sentence: string): Cause => ({ kind, where: space.place, way: 'there', sentence, evidence: [told(refusal), `listening on ${port} in ${nameOf(space)}: ${listens.length === 0 ? 'nobody' : listens.map(one => one.address).join(', ')}`] })
  const others = holders(scene.spaces, to).filter(device => device.space !== space)
  if (others.length > 0) {
    return cause('duplicate-address', `${listed([space, ...new Set(others.map(device => device.space))].map(nameOf))} each have ${to}; ${nameOf(space)} got it, and nobody listens on port ${port} there`)
  }
  const [elsewhere] = listens
  return elsewhere === undefined
    ? cause('nobody-listens', `${nameOf(space)} refused it: nobody listens on ${scene.probe.protocol.toUpperCase()} port ${port} there`)
    : cause('listens-elsewhere', `${nameOf(space)} refused it: on port ${port} somebody listens, but only at ${listed(listens.map(one => one.address))}, not at ${to}`)
}

/** An RST, or `port unreachable`, where it was first seen: who said it. */
export function refusalIn(scene: Scene): Sight | undefined {
  const reset = scene.back.find(({ packet }) => packet.tcp?.rst === true)
  if (reset !== undefined && !scene.back.some(({ packet }) => packet.tcp?.rst === false)) return reset
  const error = scene.errors.find(({ role, packet }) => role === 'error there' && packet.icmp?.type === 3 && packet.icmp.code === 3 && !inTunnel(packet))
  return error === undefined || scene.back.length > 0 ? undefined : error
}

/** The error is about the tunnel's packet, not about the one in it. */
export function inTunnel(packet: Packet): boolean {
  return (packet.icmp?.quoted?.layers.length ?? 0) > 1
}

function told({ packet, space }: Sight): string {
  return packet.tcp === undefined ? `${nameOf(space)} says: ICMP port unreachable` : `${nameOf(space)} says: TCP RST`
}

/** The rule that made it the namespace's own, as nftables told of it. */
function redirected(scene: Scene, space: Space): string | undefined {
  const rules = scene.rules[space.inode]
  for (const one of scene.recorded.rules.filter(({ inode, what }) => inode === space.inode && what === 'rule')) {
    if (one.packet === undefined || scene.identity.role(one.packet) !== 'there' || rules === undefined) continue
    const text = findRule(rules.nft, one)
    if (text !== undefined && /\b(redirect|dnat)\b/i.test(text)) return `the rule \`${text}\` of ${chainName(one)} leads it to a port where nobody listens`
  }
  return undefined
}
