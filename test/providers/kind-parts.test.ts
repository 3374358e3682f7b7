// What kind is asked for, and what it is not asked for: of text, without an engine.
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { parseTopology } from '../../runner/core/topology.ts'
import { problems } from '../../runner/providers/kind/problems.ts'
import { configOf, unfit } from '../../runner/providers/kind/cluster.ts'

const suits = parseTopology(readFileSync(new URL('../../fixtures/topologies/kind-cluster.yaml', import.meta.url), 'utf8'), 'kind-cluster.yaml')
const able = { cgroupVersion: '2', mayAll: true }
const asked = (...args: Parameters<typeof configOf>): unknown => JSON.parse(configOf(...args))
const nodes = (text: string): ReturnType<typeof parseTopology> => parseTopology(`segments: { fab: {}, other: {} }\nnodes: ${text}`, 'topology.yaml')

test('a cluster has no network for pods; its first node is the control plane; kube-proxy is there where a node asks for it', () => {
  expect(unfit(suits)).toBeUndefined()
  expect(asked(suits, undefined, able)).toEqual({
    kind: 'Cluster', apiVersion: 'kind.x-k8s.io/v1alpha4', networking: { disableDefaultCNI: true, kubeProxyMode: 'iptables' },
    nodes: [{ role: 'control-plane', extraMounts: [] }, { role: 'worker', extraMounts: [] }],
  })
  const without = { ...suits, nodes: suits.nodes.map(({ name, interfaces, diskMiB }) => ({ name, interfaces, diskMiB })) }
  expect(asked(without, undefined, able)).toMatchObject({ networking: { kubeProxyMode: 'none' } })
})

test('what is changed of its settings is changed only where the machine needs it, and components are mounted read-only', () => {
  const given = { folder: '/cache/components', links: [] }
  expect(asked(suits, given, { cgroupVersion: '1', mayAll: false })).toMatchObject({
    kubeadmConfigPatches: ['kind: KubeletConfiguration\nfailCgroupV1: false\n'],
    containerdConfigPatches: [expect.stringContaining('restrict_oom_score_adj = true')],
    nodes: [{ extraMounts: [{ hostPath: '/cache/components', containerPath: '/usr/local/lib/hardway/components', readOnly: true }] }, {}],
  })
})

test.each([
  ['{ a: { eth0: { segment: fab } } }', 'it has 2 segments, and the nodes of a kind cluster have one network'],
  ['{ a: { eth0: { segment: fab, address: 10.0.0.1/24 } } }', 'a is to have the address 10.0.0.1/24, and the nodes of a kind cluster have theirs from the engine'],
  ['{ a: { net1: { segment: fab } } }', 'a node of a kind cluster has one interface, eth0, and a is to have net1'],
  ['{ a: { eth0: { segment: fab }, eth1: { segment: fab } } }', 'a node of a kind cluster has one interface, eth0, and a is to have eth0, eth1'],
])('%s does not suit: %s', (text, because) => {
  const topology = nodes(text)
  expect(unfit(because.startsWith('it has') ? topology : { ...topology, segments: topology.segments.slice(0, 1) })).toBe(because)
})

test('what is missing is said, each with what mends it', async () => {
  const { PATH, DOCKER_HOST } = process.env
  onTestFinished(() => {
    for (const [name, value] of Object.entries({ PATH, DOCKER_HOST })) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  Object.assign(process.env, { PATH: '/nonexistent', DOCKER_HOST: 'unix:///proc/none' })
  expect((await problems('/nonexistent')).map(({ what, severity }) => [what, severity])).toEqual([
    ['there is no kind', undefined],
    ['there is no command `docker`, by which kind talks to the engine', undefined],
    [expect.stringContaining('privileged containers'), 'limit'],
    ["no engine's socket is there (unix:///proc/none)", undefined],
  ])
})
