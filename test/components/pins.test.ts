// Each component is pinned in two places, and both say the same.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { components, SOURCES } from '../../fixtures/kubernetes/components.ts'
import { COMPONENTS } from '../../runner/core/components.ts'

test.each(COMPONENTS)('%s is built in the version that is downloaded, from modules with known hashes', name => {
  const { version, programs, source, release } = components[name]
  const read = (file: string): string => readFileSync(join(SOURCES, source.folder, file), 'utf8')
  const [, module = '', pinned] = /^require (\S+) (\S+)$/m.exec(read('go.mod')) ?? []
  expect(pinned).toBe(version)
  expect(read('go.sum')).toContain(`${module} ${version} h1:`)
  if (source.without === undefined) for (const path of Object.values(source.packages)) expect(path.startsWith(module)).toBe(true)
  expect(Object.keys(source.packages)).toEqual(programs)
  for (const arch of ['amd64', 'arm64'] as const) {
    const published = release?.(arch)
    if (published === undefined) continue
    expect(published.url).toContain(arch)
    expect(published.url).toContain(version.replace('v', ''))
    expect(Object.keys(published.members ?? { [programs[0] ?? '']: '' })).toEqual(programs)
  }
})

test('the parts of Kubernetes are of the version that Kubernetes itself has', () => {
  const text = readFileSync(join(SOURCES, 'kubernetes/go.mod'), 'utf8')
  const parts = [...text.matchAll(/^\t(\S+) => (\S+) (\S+)$/gm)]
  expect(parts.length).toBeGreaterThan(20)
  for (const [, from, to, version] of parts) expect([to, version]).toEqual([from, components.kubelet.version.replace('v1.', 'v0.')])
})
