import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { components } from '../../fixtures/kubernetes/components.ts'
import { folderName } from '../../runner/components/cache.ts'
import { given } from '../../runner/components/given.ts'
import type { ComponentName } from '../../runner/core/components.ts'
import { nodesOn } from '../helpers/nodes.ts'

test('A node is given what it asks for, and what is there: links into its PATH, or where a runtime looks for plugins', () => {
  const cache = mkdtempSync(join(tmpdir(), 'hardway-given-'))
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }))
  const asking = (...names: readonly ComponentName[]) => {
    const { segments, nodes: [node1, node2] } = nodesOn(2)
    return { segments, nodes: [node1, node2].flatMap((node, index) => node === undefined ? [] : [{ ...node, ...index === 0 ? { components: names } : {} }]) }
  }
  expect(given(cache, asking('etcd'))).toBe(undefined)
  const fetch = (name: ComponentName): void => {
    const folder = join(cache, 'components', folderName(name))
    mkdirSync(folder, { recursive: true })
    for (const program of components[name].programs) writeFileSync(join(folder, program), 'x')
    writeFileSync(join(folder, 'contents.json'), JSON.stringify({ from: 'source', programs: Object.fromEntries(components[name].programs.map(program => [program, { bytes: 1, sha256: '' }])) }))
  }
  fetch('etcd')
  fetch('multus')
  expect(given(cache, nodesOn(2))).toBe(undefined)
  expect(given(cache, asking('kube-proxy'))).toBe(undefined)
  expect(given(cache, asking('etcd', 'kube-proxy', 'multus'))).toEqual({
    folder: join(cache, 'components'),
    links: [['node1', '/usr/local/bin/etcd', `${folderName('etcd')}/etcd`], ['node1', '/opt/cni/bin/multus', `${folderName('multus')}/multus`]],
  })
})
