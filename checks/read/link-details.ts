// Reads of `ip -j -d addr` what few ask for: ports of bridges, and tunnels.
import { readJson, record, records, text, texts, whole } from './json.ts'

export interface LinkDetails {
  /** It has a carrier. */
  readonly lowerUp: boolean
  /** Nobody is asked for a MAC on it. */
  readonly noArp: boolean
  /** Of a bridge: whether frames that it forwards are shown to iptables, whatever the namespace says. */
  readonly showsIptables: boolean
  readonly port: { readonly state: string; readonly isolated: boolean; readonly hairpin: boolean; readonly broadcasts: boolean } | undefined
  readonly vxlan: { readonly id: number | undefined; readonly port: number | undefined; readonly local: string | undefined; readonly remote: string | undefined } | undefined
}

/** By the number of the interface. */
export function readLinkDetails(output: string): ReadonlyMap<number, LinkDetails> {
  return new Map(records(readJson(output)).flatMap(link => {
    const index = whole(link['ifindex'])
    if (index === undefined) return []
    const info = record(link['linkinfo'])
    const [port, tunnel, flags] = [record(info['info_slave_data']), record(info['info_data']), texts(link['flags'])]
    return [[index, {
      lowerUp: flags.includes('LOWER_UP'), noArp: flags.includes('NOARP'), showsIptables: tunnel['nf_call_iptables'] === 1,
      port: info['info_slave_kind'] !== 'bridge' ? undefined
        : { state: text(port['state']) ?? '', isolated: port['isolated'] === true, hairpin: port['hairpin'] === true, broadcasts: port['bcast_flood'] !== false },
      vxlan: info['info_kind'] !== 'vxlan' ? undefined
        : { id: whole(tunnel['id']), port: whole(tunnel['port']), local: text(tunnel['local']), remote: text(tunnel['remote']) ?? text(tunnel['group']) },
    }] as const]
  }))
}
