// A recording that is to be kept.
import type { Recording } from '../../../runner/engine/trace/recording.ts'

/** Without what nobody reads: most of each interface's settings, and IPv6. */
export function slim(recording: Recording): Recording {
  const some = (from: unknown, names: readonly string[]): object => Object.fromEntries(Object.entries(from ?? {}).filter(([name]) => names.includes(name)))
  const link = (one: Readonly<Record<string, unknown>>): object => ({
    ...some(one, ['ifindex', 'link_index', 'link', 'ifname', 'flags', 'mtu', 'operstate', 'master', 'address', 'link_netnsid']),
    linkinfo: {
      ...some(one['linkinfo'], ['info_kind', 'info_slave_kind']),
      info_data: some((one['linkinfo'] as Record<string, unknown> | undefined)?.['info_data'], ['id', 'remote', 'group', 'local', 'port', 'nf_call_iptables']),
      info_slave_data: some((one['linkinfo'] as Record<string, unknown> | undefined)?.['info_slave_data'], ['state', 'hairpin', 'isolated', 'bcast_flood']),
    },
    addr_info: (one['addr_info'] as readonly Record<string, unknown>[]).filter(held => held['family'] === 'inet').map(held => some(held, ['local', 'prefixlen'])),
  })
  return {
    ...recording,
    spaces: recording.spaces.map(space => ({ ...space, links: JSON.stringify((JSON.parse(space.links) as readonly Record<string, unknown>[]).map(link)) })),
    recorded: recording.recorded.map(text => text.split('\n').filter(line => !/^frame .* [0-9a-f]{24}86dd[0-9a-f]*$/.test(line)).join('\n')),
  }
}
