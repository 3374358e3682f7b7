// The papers say what is so: figures, commands, and files that are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { generated } from '../docs/readme.ts'
import { runsOf, svg } from '../docs/terminal.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string): string => readFileSync(`${root}${name}`, 'utf8')
const papers = readdirSync(root).filter(name => name.endsWith('.md'))

test('the figures of README.md are those of the labs (sh runner/cli/launch --node docs/readme.ts makes them anew; npm run proof NN proves lab NN first)', async () => {
  const readme = read('README.md')
  expect(readme).toBe(await generated(readme))
})

test('README.md tells of every command, and of no other', () => {
  const names = (file: string, pattern: RegExp): ReadonlySet<string | undefined> => new Set([...read(file).matchAll(pattern)].map(([, name]) => name))
  expect(names('README.md', /^\| `lab ([a-z-]+)/gm)).toEqual(names('runner/cli/main.ts', /lab\.command\('([a-z-]+)'\)/g))
})

for (const paper of papers) {
  test(`${paper} points to files that are there`, () => {
    const linked = [...read(paper).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path)
    // In tables of files: a path of this project in backquotes, unless something in it is left open.
    const named = [...read(paper).matchAll(/`((?:runner|checks|fixtures|labs|test|docs|\.ci|\.github)\/[\w./-]*\w\/?)`/g)].map(([, path = '']) => path)
    const missing = [...linked, ...named].filter(path => !path.includes('NN-') && !existsSync(`${root}${path}`))
    expect(missing).toEqual([])
  })

  test(`${paper} has no path of the machine that it was written on`, () => {
    expect(read(paper).match(/(?<![\w.~])\/(work|root|home|tmp)\/[^\s)`]*/g)).toBe(null)
  })
}

test('the picture keeps each character in its column, and what stands for itself', () => {
  const { runs } = runsOf('\x1b[32m✓\x1b[39m a <b>  c', { fill: 'fg', bold: false, dim: false, italic: false, underline: false })
  expect(runs.map(({ text, column, fill }) => [text, column, fill])).toEqual([['✓', 0, 'c2'], ['a <b>  c', 2, 'fg']])
  expect(svg([['one', 'a <b> & c']])).toContain('>a &lt;b&gt; &amp; c</text>')
})

test('DECISIONS.md gives a reason for every dependency, and for no other', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const needed = Object.keys({ ...dependencies, ...devDependencies }).filter(name => !name.startsWith('@types/')).toSorted()
  const section = read('DECISIONS.md').split('\n## ').find(part => part.startsWith('Dependencies')) ?? ''
  const named = section.split('\n').filter(line => line.startsWith('| [')).join('\n')
  expect(needed.filter(name => !named.includes(name))).toEqual([])
  expect([...named.matchAll(/^\| \[([^\]]+)\]/gm)].map(([, name = '']) => name).filter(name => !needed.includes(name))).toEqual([])
})
