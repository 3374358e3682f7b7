// labs/README.md says what the lessons say, and the lessons say what the course promises.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { generatedMap, mentioned, missingOf, placeOf, question, readCourse } from '../../docs/labs.ts'
import { MECHANISMS } from '../../docs/mechanisms.ts'
import { EXERCISES, SUBJECTS } from '../../docs/subjects.ts'

const folder = fileURLToPath(new URL('../../labs/', import.meta.url))
const labs = readCourse()
const waits = (at: readonly string[]): readonly string[] => [...new Set(at.map(one => one.slice(0, 2)))].filter(number => !labs.some(lab => lab.number === number))

test('labs/README.md is what the lessons make of it (sh runner/cli/launch --node docs/labs.ts makes it anew)', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8')
  expect(readme).toBe(generatedMap(readme, labs))
})

test('labs/README.md leads to files and headings that are there', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8')
  const dead = [...readme.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)].filter(([, path = '', anchor]) => !existsSync(`${folder}${path}`) ||
    (anchor !== undefined && !headings(readFileSync(`${folder}${path}`, 'utf8')).includes(anchor)))
  expect(dead.map(([link]) => link)).toEqual([])
})

/** As GitHub has them: lower case, letters, digits, `-` and `_`, and a hyphen for each space. */
function headings(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-'))
}

test('a name that no lesson has is not written', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8')
  const silent = labs.map(lab => lab.number === '08' ? { ...lab, lesson: { ...lab.lesson, steps: lab.lesson.steps.map(step => ({ ...step, markdown: '' })) } } : lab)
  expect(() => generatedMap(readme, silent)).toThrow('08#device does not say "flannel.1", which Flannel is to call a tunnel between all nodes')
  expect(generatedMap(readme, labs.filter(({ number }) => number < '05'))).not.toContain('flannel.1')
})

test('a section that a lab does not have is a mistake, and a lab that is not there is none', () => {
  expect(() => placeOf(labs, '05#no-such-step')).toThrow('lab 05 has no step no-such-step: forward, route-out')
  expect(placeOf(labs, '98#anything')).toBeUndefined()
})

test('what a lesson takes up is read from its words', () => {
  expect(mentioned('As in lab 02, and labs 05, 06 and 14. Lab 10 to come; 12 nodes')).toEqual(['02', '05', '06', '10', '14'])
  expect(mentioned('see labs 05 to 08')).toEqual(['05', '06', '07', '08'])
  expect(mentioned('labs of 20 minutes')).toEqual([])
})

test('the question that a lesson begins with is the last one of its opening', () => {
  expect(question('It works. Why? Nobody knows.\nWho `took` it, and *when*?\n\nIn this lab you ask: what else?')).toBe('Who took it, and when?')
  expect(question('It works.')).toBe('')
  expect(question('Nobody knows. Who has 10.96.0.42? That is the question.')).toBe('Who has 10.96.0.42?')
})

describe('the course promises, and a lesson keeps it:', () => {
  for (const subject of SUBJECTS) {
    const missing = waits(subject.at)
    // Of a lab that is written later nothing can be said yet.
    test.skipIf(missing.length > 0)(`${subject.about} (${subject.at.join(', ')})`, () => {
      expect(missingOf(labs, subject)).toEqual([])
    })
  }
})

describe('graded on live nodes:', () => {
  for (const { asks, answered } of EXERCISES) {
    test(asks, () => {
      const there = labs.flatMap(({ number, lesson }) => lesson.steps.flatMap(({ blocks }) => blocks.flatMap(block => block.kind === 'answer' ? [`${number} ${block.name}`] : [])))
      expect(answered.filter(one => waits([one]).length === 0 && !there.includes(one))).toEqual([])
    })
  }
})

test('every lab has a question whose answer is graded', () => {
  expect(labs.flatMap(({ number, lesson }) => lesson.steps.some(({ blocks }) => blocks.some(({ kind }) => kind === 'answer')) ? [] : [number])).toEqual([])
})

test('every lab keeps some promise, or is found under the name of a real system', () => {
  const reached = new Set([...SUBJECTS.flatMap(({ at }) => at), ...MECHANISMS.map(({ at }) => at)].map(one => one.slice(0, 2)))
  expect(labs.map(({ number }) => number).filter(number => !reached.has(number))).toEqual([])
})
