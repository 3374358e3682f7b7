// Imports follow the arrows of CONTRIBUTING.md, and never return.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A room, and the rooms that its files may import besides their own. */
const ARROWS: readonly (readonly [string, readonly string[]])[] = [
  ['runner/core', []],
  ['kubernetes', ['runner/core']],
  ['checks', ['runner/core', 'kubernetes']],
  ['fixtures', ['runner/core']],
  ['labs', ['checks', 'fixtures', 'kubernetes', 'runner/core']],
  ['runner/components', ['runner/core', 'fixtures']],
  ['runner/providers', ['runner/core', 'fixtures', 'runner/components']],
  ['runner/engine', ['runner/core', 'checks/read']],
  ['site', ['runner/core']],
  ['runner/cli', ['runner/core', 'runner/engine', 'runner/components', 'runner/providers', 'checks', 'fixtures', 'kubernetes', 'site']],
]

const ALIASES: Readonly<Record<string, string>> = {
  'hardway/lab': 'runner/core/lab.ts', 'hardway/checks': 'checks/index.ts', 'hardway/networks': 'fixtures/networks/index.ts',
  'hardway/kubernetes': 'kubernetes/index.ts', 'hardway/cluster': 'fixtures/kubernetes/cluster.ts',
}

interface Import { readonly from: string; readonly to: string }

function imports(): readonly Import[] {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
    .map(entry => join(entry.parentPath, entry.name))
  return files.flatMap(file => [...readFileSync(file, 'utf8').matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)].flatMap(([, specifier = '']) => {
    const to = ALIASES[specifier] ?? (specifier.startsWith('.') ? relative(root, resolve(dirname(file), specifier)) : undefined)
    return to === undefined ? [] : [{ from: relative(root, file), to }]
  }))
}

function within(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`)
}

const all = imports()

test('there are imports to judge', () => {
  expect(all.length).toBeGreaterThan(100)
})

for (const [room, allowed] of ARROWS) {
  test(`${room} imports ${allowed.length === 0 ? 'nothing of ours' : allowed.join(', ')}`, () => {
    const against = all.filter(({ from, to }) => within(from, room) && ![room, ...allowed].some(may => within(to, may)))
    expect(against).toEqual([])
  })
}

test('core does no input or output', () => {
  const builtins = readdirSync(join(root, 'runner/core')).flatMap(name =>
    [...readFileSync(join(root, 'runner/core', name), 'utf8').matchAll(/from '(node:[^']+)'/g)].map(([, module]) => `${name} imports ${module}`))
  expect(builtins).toEqual([])
})

test('only the embedded provider assumes that this host is Linux', () => {
  const reading = readdirSync(join(root, 'runner'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => /readFile\w*\(\s*[`'"]\/(proc|sys)\//.test(readFileSync(file, 'utf8')))
    .map(file => relative(root, file))
  // The owner of a container is told apart by /proc where there is one, and by less where there is none.
  const may = ['runner/providers/embedded', 'runner/providers/docker/owner.ts']
  expect(reading.filter(file => !may.some(room => within(file, room)))).toEqual([])
})
