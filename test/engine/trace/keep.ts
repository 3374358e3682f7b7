// Keeps what was observed of faults, so that the rules can be tried on it without nodes:
//   sh runner/cli/launch --node test/engine/trace/keep.ts 'the name of a fault' …
import { mkdirSync, writeFileSync } from 'node:fs'
import { makeBench } from '../../../runner/engine/bench.ts'
import { trace } from '../../../runner/engine/trace/index.ts'
import type { Recording } from '../../../runner/engine/trace/recording.ts'
import { chosen } from '../../helpers/chosen.ts'
import { broken } from './broken.ts'
import { faults } from './faults.ts'
import { networks } from './networks.ts'

const provider = await chosen('embedded')
await provider.prepare({ say: () => {} })
mkdirSync(new URL('recordings', import.meta.url), { recursive: true })
for (const name of process.argv.slice(2)) {
  const fault = faults.find(one => one.name === name)
  if (fault === undefined) throw new Error(`there is no fault ${JSON.stringify(name)}`)
  await using network = await broken(provider, fault)
  let kept: Recording | undefined
  await trace(makeBench(network.nodes, networks[fault.network].topology), [fault.probe], recording => { kept = recording })
  if (kept === undefined) throw new Error('nothing was recorded')
  writeFileSync(new URL(`recordings/${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`, import.meta.url), `${JSON.stringify({ fault: name, recording: slim(kept) }, null, 1)}\n`)
  process.stdout.write(`kept: ${name}\n`)
}
process.exit()

/** Without what nobody reads: most of each interface's settings, and IPv6. */
function slim(recording: Recording): Recording {
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
