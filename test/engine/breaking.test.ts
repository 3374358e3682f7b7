import { expect, test } from 'vitest'
import type { Event, Happening, StepVerdicts } from '../../runner/core/events.ts'
import type { LoadedLab } from '../../runner/engine/course.ts'
import { shuffled } from '../../runner/engine/break.ts'
import { breaking } from '../../runner/engine/breaking.ts'
import { stock } from '../../runner/engine/stock.ts'
import { mendedLines } from '../../runner/cli/mending.ts'

const events = (...happenings: readonly Happening[]): readonly Event[] => happenings.map((happening, at) => ({ at, lab: 'x', ...happening }))
const broke: Happening = { kind: 'broke', seed: 7, fault: 1, claims: ['red reaches green'] }
const typed: Happening = { kind: 'command', place: 'node1', text: 'ip route', exitCode: 0 }
const judged = (...failing: readonly string[]): Happening => ({ kind: 'judged', steps: [{
  id: 'a', title: 'A', status: 'fail',
  verdicts: failing.map(claim => ({ claim, verdict: { status: 'fail', because: 'so', evidence: [{ place: 'node1', argv: [], exitCode: 0, stdout: '', stderr: '', ms: 0 }] } })),
} satisfies StepVerdicts] })
const mended: Happening = { kind: 'mended', fault: 1, ms: 61_000, commands: 2, claims: 1, regressions: [], helped: false }

test('commands are counted from the break on, and until it is mended', () => {
  expect(breaking(events(typed, broke, typed, judged('red reaches green'), typed, mended, typed))).toMatchObject({ commands: 2, mended: true, regressions: [], claims: ['red reaches green'] })
  expect(breaking(events(typed))).toBe(undefined)
})

test('a claim that the fault had left alone and that failed later is a regression, once', () => {
  const { regressions } = breaking(events(broke, judged('red reaches green'), judged('red reaches green', 'node1 forwards'), judged('node1 forwards'))) ?? {}
  expect(regressions).toEqual(['node1 forwards'])
})

test('what failed before the break is none, and neither is what fails after it was mended', () => {
  expect(breaking(events(judged('node1 forwards'), broke, mended, judged('node1 forwards')))).toMatchObject({ regressions: [] })
})

test('fresh nodes end it, and the program\'s own solution is remembered', () => {
  expect(breaking(events(broke, { kind: 'started', provider: 'embedded', nodes: [] }))).toBe(undefined)
  expect(breaking(events(broke, { kind: 'solved', step: 'a' }))).toMatchObject({ helped: true, mended: false })
})

test('a seed gives the same order each time, another seed another one, and all have all', () => {
  const all = Array.from({ length: 20 }, (_, index) => index)
  expect(shuffled(all, 7)).toEqual(shuffled(all, 7))
  expect(shuffled(all, 8)).not.toEqual(shuffled(all, 7))
  expect(shuffled(all, 8).toSorted((a, b) => a - b)).toEqual(all)
  // Neighbouring seeds begin with different ones.
  expect(new Set(all.map(seed => shuffled(all, seed)[0])).size).toBeGreaterThan(8)
})

const at = { file: 'x', line: 1, column: 1 }
const nothing = (): Promise<void> => Promise.resolve()
const loaded: LoadedLab = {
  slug: '01-x', dir: '/', topology: { nodes: [], segments: [] },
  lesson: { title: 'X', minutes: 1, requires: [], topology: { name: 'x' }, topologyAt: at, intro: '', steps: [{ id: 'a', title: 'The way out', blocks: [], prose: '', at }] } as unknown as LoadedLab['lesson'],
  lab: { steps: { a: { checks: [{ claim: 'c', look: () => Promise.reject(new Error('none')) }], mutants: {
    'never done': { refusedBy: 'c', instead: nothing }, 'a cable cut': { refusedBy: 'c', after: nothing }, 'a door shut': { refusedBy: 'c', after: nothing },
  } } } },
}

test('the stock are the mutants that break a finished step, and no others', () => {
  expect(stock(loaded).map(({ number, name, title }) => [number, name, title])).toEqual([[0, 'a cable cut', 'The way out'], [1, 'a door shut', 'The way out']])
})

test('what is said at the end names the fault, the time, the commands and what else broke', () => {
  const said = (more: object): readonly string[] => mendedLines(loaded, { at: 0, lab: 'x', ...mended, ...more })
  expect(said({})).toEqual(['Mended in 1 min 1 s with 2 commands: 1 claim holds again.', 'It was: a door shut (The way out).', 'Nothing else was broken on the way.'])
  expect(said({ regressions: ['node1 forwards'], helped: true, ms: 4_000, claims: 3, commands: 1 })).toEqual([
    "Mended in 4 s with 1 command and the lab's own solution: 3 claims hold again.", 'It was: a door shut (The way out).',
    'Broken on the way, though it had nothing to do with it: node1 forwards.',
  ])
})
