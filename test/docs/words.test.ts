// Whatever an author may write in a lab is said in CONTRIBUTING.md, with an example, and nothing else is.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LAB_KEYS } from '../../runner/core/agree.ts'
import { HEAD_KEYS } from '../../runner/core/lesson.ts'
import { TOPOLOGY_KEYS } from '../../runner/core/topology.ts'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const section = read('CONTRIBUTING.md').split('\n## ').find(part => part.startsWith('All that may be written in a lab')) ?? ''

/** The words of the table below a line that begins so. */
function words(under: string): readonly string[] {
  const part = section.slice(section.indexOf(under) + under.length)
  const rows = (/(?:^\|.*\n)+/m.exec(part)?.[0] ?? '').trim().split('\n').slice(2)
  // An example has the word in it: as a key, or as it is.
  return rows.map(row => row.split(' | ')).map(([word = '', , example = '']) => {
    const name = word.replaceAll(/[|` ]/g, '')
    return example.includes(name === '{#id}' ? '{#' : name) ? name : `${name}, whose example lacks it`
  })
}

/** What an interface of TypeScript has, one a line. */
function members(file: string, name: string): readonly string[] {
  const body = new RegExp(`^export interface ${name}\\b.*?\\{\\n(.*?)^\\}`, 'ms').exec(read(file))?.[1] ?? ''
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, key = '']) => key)
}

test('the head of a lesson', () => expect(words('In the head of `lesson.md`:')).toEqual(HEAD_KEYS))

test('a topology', () => expect(words('In a topology:').toSorted()).toEqual(TOPOLOGY_KEYS.toSorted()))

test('lab.ts', () => {
  const check = members('runner/core/bench.ts', 'Check')
  expect(check).toContain('claim')
  expect(words('In `lab.ts`,').toSorted()).toEqual([...new Set([...LAB_KEYS, ...check])].toSorted())
})

test('what lint knows of a lab.ts is what its types have', () => {
  const types = ['Lab', 'Step', 'Alternative', 'Answer'].flatMap(name => members('runner/core/lab.ts', name))
  expect([...new Set(LAB_KEYS)].toSorted()).toEqual([...new Set([...types, 'refusedBy', 'after'])].toSorted())
})
