// Reads `ip -j -d addr` and `ip -j -d link`.
import type { Link } from '../../runner/core/bench.ts'
import { needed, readJson, record, records, text, texts, whole } from './json.ts'

export function readLinks(output: string): readonly Link[] {
  // A link that went while it was listed is an empty object.
  const links = records(readJson(output)).filter(link => typeof link['ifname'] === 'string')
  const indexes = new Map(links.map(link => [link['ifname'], whole(link['ifindex'])]))
  return links.map(link => {
    const info = record(link['linkinfo'])
    return {
      name: text(link['ifname']) ?? '',
      index: needed(whole(link['ifindex']), 'number of the interface'),
      kind: text(info['info_kind']),
      // `link` names the peer when it is in the same namespace, `link_index` numbers it when it is in another.
      peerIndex: whole(link['link_index']) ?? indexes.get(text(link['link'])),
      peerNamespace: whole(link['link_netnsid']),
      master: text(link['master']),
      mac: text(link['address']),
      mtu: needed(whole(link['mtu']), 'MTU'),
      up: texts(link['flags']).includes('UP'),
      state: text(link['operstate']) ?? 'UNKNOWN',
      addresses: records(link['addr_info'] ?? []).flatMap(address => {
        const local = text(address['local'])
        const prefix = whole(address['prefixlen'])
        return local === undefined || prefix === undefined ? [] : [`${local}/${prefix}`]
      }),
    }
  })
}
