import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Feature } from '../../runner/core/features.ts'
import type { Problem, Provider } from '../../runner/core/provider.ts'
import { doctor, leaks, mendOf, printDoctor, printLeaks } from '../../runner/cli/commands/doctor.ts'
import { folders } from '../../runner/engine/state.ts'
import { embedded } from '../../runner/providers/embedded/index.ts'
import { nodesOn } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const { signal } = new AbortController()
const vxlan: Feature = { what: 'tunnels', wanted: 'overlays', modules: ['vxlan'], probe: '' }
const broken = (...problems: Problem[]): Provider => ({
  name: 'docker', problems: async () => problems, prepare: async () => { throw new Error('no network') }, up: async () => {}, nodes: async () => [],
  running: async () => [], down: async () => {}, leftovers: async () => [],
})

test('A missing feature is mended by the module that this kernel could load', () => {
  const host = { kernel: '6.1', modules: new Set(['vxlan']), ubuntu: false }
  expect(mendOf('missing', vxlan, host)).toBe('sudo modprobe vxlan')
  expect(mendOf('missing', vxlan, { ...host, modules: new Set(['dummy']), ubuntu: true })).toBe('sudo apt-get install linux-modules-extra-6.1 && sudo modprobe -a vxlan')
  expect(mendOf('missing', vxlan, { ...host, modules: undefined })).toMatch(/^no command can/)
  expect(mendOf('refused', vxlan, host)).not.toContain('modprobe')
  expect(mendOf('unknown', vxlan, host)).not.toContain('modprobe')
})

test('Where no provider works, the report says why, what mends it, and that nothing was tried', async () => {
  const report = await doctor([broken({ what: 'nobody listens', mend: 'sudo systemctl start docker' })], signal)
  expect(report).toMatchObject({ ok: false, triedIn: undefined, features: [], providers: [{ name: 'docker', works: false, problems: [{ what: 'nobody listens', mend: 'sudo systemctl start docker', severity: 'problem' }] }] })
  const text = printDoctor(report, { colour: false })
  expect(text).toContain('sudo systemctl start docker')
  expect(text).not.toContain('\u001B')
})

test('A provider that can\'t be prepared does not work, whatever it says; a limit is no reason not to', async () => {
  const report = await doctor([broken({ what: 'root in a node can become root of this host', mend: 'use embedded', severity: 'limit' })], signal)
  expect(report.providers).toMatchObject([{ works: false, problems: [{ severity: 'limit' }, { what: 'no node could be started: no network', severity: 'problem' }] }])
})

for (const { name, because } of (await providersHere()).filter(each => each.name === 'embedded')) {
  test.skipIf(because !== undefined)(`${name}: the report is data, with every feature, and what labs it costs`, async () => {
    const home = mkdtempSync(join(tmpdir(), 'hardway-doctor-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    const provider = embedded({ home, cache: folders().cache })
    const report = await doctor([provider, broken({ what: 'no engine', mend: 'sudo apt-get install docker.io' })], signal, { required: new Map([['ipvs', ['99-old']], ['veth', ['01-first']]]) })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(report.providers.map(({ works }) => works)).toEqual([true, false])
    const ipvs = report.features.find(feature => feature.name === 'ipvs')
    expect(ipvs?.labs).toEqual(['99-old'])
    expect(report.ok).toBe(ipvs?.status === 'ok')
    if (ipvs?.status !== 'ok') expect(printDoctor(report, { colour: false })).toContain('skipped without it: 99-old')
  })

  test.skipIf(because !== undefined)(`${name}: leaks are running labs and what killed runs left, and not what is kept on purpose`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hardway-leaks-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const home = join(folder, 'home')
    const provider = embedded({ home, cache: folders().cache })
    await provider.prepare({ say: () => {} })
    expect(await leaks([provider], home, folders().cache)).toMatchObject({ ok: true, running: [], leftovers: [] })
    await provider.up('leaky', nodesOn(1), { keep: true, signal })
    try {
      const report = await leaks([provider], home, folders().cache)
      expect(report).toMatchObject({ ok: false, running: [{ lab: 'leaky', provider: 'embedded', nodes: ['node1'], mend: 'npx lab stop leaky' }], leftovers: [] })
      expect(report.kept.map(({ what }) => what).join()).toContain(folders().cache)
      expect(printLeaks(report, { colour: false })).toContain('leaky is running: node1')
    } finally {
      await provider.down('leaky')
    }
    expect(await leaks([provider], home)).toMatchObject({ ok: true, running: [], leftovers: [] })
    // A root filesystem that a killed run was making: nobody has this number any more.
    const cache = join(folder, 'cache')
    mkdirSync(join(cache, 'rootfs-x-1.making-4194303-1'), { recursive: true })
    mkdirSync(join(cache, 'rootfs-y-1'))
    const half = await leaks([embedded({ home, cache })], home, cache)
    expect(half.ok).toBe(false)
    expect(half.leftovers.map(({ what }) => what)).toEqual([`half-made root filesystem ${join(cache, 'rootfs-x-1.making-4194303-1')}`])
    expect(half.kept.map(({ what }) => what)).toEqual([`root filesystem ${join(cache, 'rootfs-y-1')}`])
    await embedded({ home, cache }).leftovers({ remove: true })
    expect((await leaks([embedded({ home, cache })], home, cache)).ok).toBe(true)
  })
}
