// Reads `ip -j -d addr` and `ip -j -d link`.
import type { Link } from '../../runner/core/bench.ts'
import { readJson, record, records, text } from './json.ts'

export function readLinks(output: string): readonly Link[] {
  return records(readJson(output)).filter(link => typeof link['ifname'] === 'string').map(link => {
    const info = record(link['linkinfo'])
    return {
      name: text(link['ifname']) ?? '',
      index: Number(link['ifindex']),
      kind: text(info['info_kind']),
      // `link` names the peer when it is in the same namespace, `link_index` numbers it when it is in another.
      peerIndex: typeof link['link_index'] === 'number' ? link['link_index'] : indexOf(records(readJson(output)), text(link['link'])),
      peerNamespace: typeof link['link_netnsid'] === 'number' ? link['link_netnsid'] : undefined,
      master: text(link['master']),
      mac: text(link['address']),
      mtu: Number(link['mtu']),
      up: Array.isArray(link['flags']) && link['flags'].includes('UP'),
      state: text(link['operstate']) ?? 'UNKNOWN',
      addresses: records(link['addr_info'] ?? []).flatMap(address =>
        typeof address['local'] === 'string' ? [`${address['local']}/${String(address['prefixlen'])}`] : []),
    }
  })
}

function indexOf(links: readonly Readonly<Record<string, unknown>>[], name: string | undefined): number | undefined {
  const found = name === undefined ? undefined : links.find(link => link['ifname'] === name)
  return typeof found?.['ifindex'] === 'number' ? found['ifindex'] : undefined
}
