import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FEATURES, statusOf } from '../../runner/core/features.ts'
import { Unable, Usage } from '../../runner/core/mistake.ts'
import type { Node, Provider } from '../../runner/core/provider.ts'
import { probe, probeFeatures } from '../../runner/engine/features.ts'
import { folders } from '../../runner/engine/state.ts'
import { embedded } from '../../runner/providers/embedded/index.ts'
import { startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const { signal } = new AbortController()

describe('What a tool says of the kernel', () => {
  test.for([
    [0, '', 'ok'],
    [2, 'Error: Unknown device type.', 'missing'],
    [2, 'RTNETLINK answers: Operation not supported', 'missing'],
    [2, 'Error: Specified qdisc kind is unknown.', 'missing'],
    [1, '/dev/stdin:3:12-19: Error: Could not process rule: No such file or directory', 'missing'],
    [3, "iptables v1.8.11 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)", 'missing'],
    [1, 'iptables: No chain/target/match by that name.', 'missing'],
    [2, 'RTNETLINK answers: Operation not permitted', 'refused'],
    [1, 'unshare: unshare failed: Operation not permitted', 'refused'],
    [4, 'iptables v1.8.11 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)', 'refused'],
    // The tool is what is missing or too old: that says nothing of the kernel.
    [127, 'sh: 1: ipset: not found', 'unknown'],
    [2, "iptables v1.8.11 (nf_tables): Couldn't load match `set':No such file or directory", 'unknown'],
    [1, '/dev/stdin:3:12-19: Error: syntax error, unexpected string', 'unknown'],
    [255, 'Command line is not complete. Try option "help"', 'unknown'],
    [undefined, '[no end after 10000 ms]', 'unknown'],
    [1, '', 'unknown'],
    [1, 'refused: the node has no /dev/net/tun', 'refused'],
  ] as const)('%s %s is %s', ([code, text, status]) => {
    expect(statusOf(code, text)).toBe(status)
  })
})

const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because

describe.skipIf(why !== undefined)('Kernel features, tried in a node', () => {
  let folder: string
  let provider: Provider
  let lab: StartedLab
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hardway-features-'))
    provider = embedded({ home: folder, cache: folders().cache })
    await provider.prepare({ say: () => {} })
    lab = await startLab(provider)
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const tryOut = (name: string, through: (argv: readonly string[]) => readonly string[]) => {
    const node = lab.node('node1')
    const wrapped: Node = { ...node, exec: (argv, options) => node.exec(through(argv), options) }
    const feature = FEATURES[name]
    if (feature === undefined) throw new Error(`no ${name}`)
    return probe(wrapped, name, feature, signal)
  }

  test('are what they are, each with its evidence, in the order of the table', async () => {
    const results = await probeFeatures(provider, undefined, signal)
    expect(results.map(({ name }) => name)).toEqual(Object.keys(FEATURES))
    const status = new Map(results.map(result => [result.name, result.status]))
    // Without these nothing of the course works, and no provider would have started.
    for (const name of ['netns', 'veth', 'bridge', 'capture', 'forwarding', 'policy-routing']) expect(status.get(name), name).toBe('ok')
    for (const result of results) {
      expect(result.evidence.argv).toContain(FEATURES[result.name]?.probe)
      expect(result.because === undefined).toBe(result.status === 'ok')
    }
    expect(await provider.leftovers({ remove: false })).toEqual([])
  })

  test('are refused, not missing, to who lacks the privilege', async () => {
    for (const name of ['veth', 'vxlan', 'nft', 'tbf', 'policy-routing']) {
      const result = await tryOut(name, argv => ['capsh', '--drop=cap_net_admin', '--', '-c', 'exec "$@"', 'bash', ...argv])
      expect(result.status, result.because).toBe('refused')
    }
    expect(await tryOut('veth', argv => ['setpriv', '--reuid', '65534', '--clear-groups', ...argv])).toMatchObject({ status: 'refused' })
  })

  test('are unknown, not missing, where the tool is missing', async () => {
    await lab.sh('mkdir -p /tmp/few; for tool in sh unshare cat grep; do ln -sf "$(command -v $tool)" /tmp/few; done')
    for (const name of ['veth', 'nft', 'iptables-legacy', 'netem', 'bpf', 'conntrack', 'capture', 'xt-statistic']) {
      expect(await tryOut(name, argv => ['env', 'PATH=/tmp/few', ...argv]), name).toMatchObject({ status: 'unknown' })
    }
  })

  test('leave nothing in the node that tried them', async () => {
    const snapshot = async () => (await lab.sh('ip link; ip rule; ip netns; nft list ruleset; iptables-legacy-save | grep -v "^[#:]"; mount; tc qdisc; ls /tmp /mnt')).stdout
    const before = await snapshot()
    for (const name of Object.keys(FEATURES)) await tryOut(name, argv => argv)
    expect(await snapshot()).toBe(before)
  })

  test('that ask for a node of a role are refused where there can be none, and the others are what they are', async () => {
    const without: Provider = { ...provider, up: async (lab, topology, options) => {
      if (topology.nodes.some(({ role }) => role !== undefined)) throw new Unable('no cgroups here')
      await provider.up(lab, topology, options)
    } }
    expect(await probeFeatures(without, ['veth', 'containers', 'netns'], signal)).toMatchObject([
      { name: 'veth', status: 'ok' }, { name: 'containers', status: 'refused', because: 'no cgroups here' }, { name: 'netns', status: 'ok' },
    ])
  })

  test('have names: another one is a mistake', async () => {
    await expect(probeFeatures(provider, ['vxlam'], signal)).rejects.toThrow(Usage)
    await expect(probeFeatures(provider, ['vxlam'], signal)).rejects.toThrow('vxlan')
    expect(await probeFeatures(provider, [], signal)).toEqual([])
  })
})
