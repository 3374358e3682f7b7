// What filters say of the packet: nftables tells of each rule that it met; the older iptables counts.
import { chainName, findRule } from '../../../checks/read/ruleset.ts'
import { countedRules } from '../../../checks/read/legacy-counters.ts'
import type { Cause } from '../../core/trace.ts'
import type { Finding } from './decide.ts'
import type { Role } from './identity.ts'
import type { Scene } from './scene.ts'
import type { Space } from './spaces.ts'

const OURS = 'hardway-trace'

interface Asked {
  /** At whose doors a filter may stand. */
  readonly devices?: readonly string[]
  /** A tunnel's UDP port: then its own packets are meant. */
  readonly port?: number
  /** It is a question for a MAC that got no answer. */
  readonly arp?: true
  /** It is an ICMP error of the namespace's own: of what that is about, nftables does not show enough to tell. */
  readonly complaint?: true
  /** Frames stay on a bridge. */
  readonly bridged?: true
  readonly way: 'there' | 'back'
}

/** Which filter of the namespace took it; or that its filters are to be asked first; or neither. */
export function filteredIn(scene: Scene, space: Space, { devices = [], port, arp, complaint, bridged, way }: Asked): Finding | undefined {
  const rules = scene.rules[space.inode]
  if (rules === undefined) return space.node === 'fabric' ? undefined : { needs: { space, devices, ...(port === undefined ? {} : { port }), ...(arp === undefined ? {} : { patient: arp }) } }
  const told = scene.recorded.rules.filter(one => one.inode === space.inode)
  for (const [index, one] of told.entries()) {
    if (one.verdict !== 'drop' || one.table.startsWith(OURS)) continue
    // Of several messages about one packet in a chain the first shows it.
    const packet = one.packet ?? told.slice(0, index).findLast(({ id, packet: shown }) => id === one.id && shown !== undefined)?.packet
    const role = one.family === 'arp' ? 'arp' : packet === undefined ? undefined : scene.identity.role(packet)
    const outer = (port !== undefined && packet?.toPort === port) || (complaint === true && packet?.icmp?.type === 3)
    if (role === undefined && !outer) continue
    if ((role === 'arp') !== (arp === true)) continue
    const text = one.handle === undefined || one.what === 'policy' ? undefined : findRule(rules.nft, one)
    return said(space, chainName(one), text, roleWay(role, way), { bridged: bridged === true, family: one.family, evidence: `nftables: ${one.what} ${one.verdict}` })
  }
  const [counted] = arp === true ? [] : countedRules(rules.before, rules.after)
  return counted === undefined ? undefined
    : said(space, `chain ${counted.chain} of table filter (iptables-legacy)`, counted.rule, way, { bridged: bridged === true, family: 'ip', evidence: `its counter ${counted.counted}` })
}

function roleWay(role: Role | 'arp' | undefined, otherwise: 'there' | 'back'): 'there' | 'back' {
  return role === 'there' || role === 'error there' ? 'there' : role === 'back' || role === 'error back' ? 'back' : otherwise
}

function said(space: Space, chain: string, rule: string | undefined, way: 'there' | 'back', { bridged, family, evidence }: { bridged: boolean; family: string; evidence: string }): Cause {
  const rejects = rule !== undefined && /\breject\b/i.test(rule)
  const does = rule === undefined ? `${chain} drops what no rule accepts (policy drop)` : `a rule of ${chain} ${rejects ? 'rejects' : 'drops'} it: \`${rule}\``
  if (family === 'bridge') {
    return { kind: 'bridge-filtered', where: space.place, way, sentence: `it stays on one bridge of ${space.name}, and ${rule === undefined ? does : `${chain} there drops frames: \`${rule}\``}`, evidence: [evidence] }
  }
  if (bridged) {
    return { kind: 'bridge-netfilter', where: space.place, way, sentence: `it stays on one bridge of ${space.name}, but net.bridge.bridge-nf-call-iptables is 1, and ${does}`, evidence: ['net.bridge.bridge-nf-call-iptables = 1', evidence] }
  }
  return { kind: rejects ? 'rejected' : 'filtered', where: space.place, way, sentence: `in ${space.name} ${does}`, evidence: [evidence] }
}
