// The commands of all differences, typed in their order, make the one network the other.
import { describe, expect, test } from 'vitest'
import type { Observed } from '../../../runner/core/observed.ts'
import type { Node } from '../../../runner/core/provider.ts'
import type { Topology } from '../../../runner/core/topology.ts'
import { placeIn } from '../../../runner/engine/bench.ts'
import { loadLab, projectRoot } from '../../../runner/engine/course.ts'
import { compare } from '../../../runner/engine/diff/compare.ts'
import type { Difference } from '../../../runner/engine/diff/difference.ts'
import { bringToEnd } from '../../../runner/engine/diff/index.ts'
import { observe } from '../../../runner/engine/observe/index.ts'
import { bringTo, stepsOf, type Session } from '../../../runner/engine/session.ts'
import { onSpareNodes } from '../../../runner/engine/spare.ts'
import { chosen } from '../../helpers/chosen.ts'
import { eventually } from '../../helpers/nodes.ts'
import { providersHere } from '../../helpers/providers.ts'
import { broken } from '../trace/broken.ts'
import { faults, type Fault } from '../trace/faults.ts'
import { networks } from '../trace/networks.ts'

const provider = await chosen('embedded')
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because
const skipped = why === undefined ? '' : ` (skipped: ${why})`
if (why === undefined) await provider.prepare({ say: () => {} })

async function typeAll(differences: readonly Difference[], nodes: readonly Node[]): Promise<void> {
  for (const { place, text } of differences.flatMap(({ commands }) => commands)) {
    const node = nodes.find(({ name }) => name === place.split('/')[0])
    if (node === undefined) throw new Error(`no ${place}`)
    expect(await placeIn(node, place).exec(['bash', '-ec', text]), `${place}# ${text}`).toMatchObject({ exitCode: 0 })
  }
}

/** A port is shut until the kernel has noticed its cable, which may take a second. */
async function becomes(nodes: readonly Node[], topology: Topology, want: Observed): Promise<void> {
  await eventually(async () => compare(await observe(nodes, topology), want), found => found.length === 0)
}

for (const slug of ['01-first-netns', '02-bridge-samenode', '05-static-routes']) {
  const loaded = await loadLab(projectRoot, slug)
  const session: Session = { home: '/nonexistent', provider, loaded }
  describe.skipIf(why !== undefined)(`${slug}${skipped}`, () => {
    for (const { text } of stepsOf(loaded)) {
      test.concurrent(`do what ${text.id} does`, async () => {
        const { signal } = new AbortController()
        const want = await onSpareNodes(session, signal, async nodes => {
          await bringToEnd(loaded, text.id, nodes)
          return observe(nodes, loaded.topology)
        })
        expect(compare(want, want)).toEqual([])
        await onSpareNodes(session, signal, async nodes => {
          await bringTo(loaded, nodes, text.id)
          await typeAll(compare(await observe(nodes, loaded.topology), want), nodes)
          await becomes(nodes, loaded.topology, want)
        })
      })
    }
  })
}

/** One of each kind of thing that can be different. */
const MENDED: readonly string[] = [
  'no route out, and nothing is called as usual', 'a blackhole in a table that a rule names', 'a rule that prohibits the reply', 'a second bridge with a narrower range',
  'the receiver is no port, and nothing is called as usual', 'the second bridge has no address', 'the receiver takes everything for its neighbours, with another mask',
  'the receiver has another address', 'ports kept apart', 'a pod that does not do ARP', 'a wrong MAC for the next hop', 'a rule that drops, by the older iptables',
  'a rule in a chain that another jumps to', 'a rule that drops at once, by nft', 'a set of those who are not let through', 'bridged frames sent through iptables',
  'strict reverse path filtering, and another way back', 'a route that says less', 'no forwarding entry for the tunnel', 'another network identifier', 'no tunnel at the other end',
]

describe.skipIf(why !== undefined)(`faults${skipped}`, () => {
  const healthy = (network: Fault['network']): Fault => ({ name: 'nothing', network, deeds: {}, probe: { from: '', to: '', protocol: 'icmp' }, truth: { arrives: true } })
  const asked = faults.filter(({ name }) => MENDED.includes(name))

  test('each is in the stock', () => expect(asked.map(({ name }) => name).toSorted()).toEqual(MENDED.toSorted()))

  for (const fault of asked) {
    test.concurrent(`mend: ${fault.name}`, async () => {
      const { topology } = networks[fault.network]
      await using whole = await broken(provider, healthy(fault.network))
      const want = await observe(whole.nodes, topology)
      await using network = await broken(provider, fault)
      const found = compare(await observe(network.nodes, topology), want)
      expect(found.length).toBeGreaterThan(0)
      await typeAll(found, network.nodes)
      await becomes(network.nodes, topology, want)
      expect(await network.answered(true)).toBe(true)
    })
  }
})
