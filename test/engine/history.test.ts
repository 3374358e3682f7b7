import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Event, Happening, StepVerdicts } from '../../runner/core/events.ts'
import { fail } from '../../runner/core/verdict.ts'
import { Journal, readEvents } from '../../runner/engine/journal.ts'
import { differences } from '../../runner/engine/proof.ts'
import { history, replaced } from '../../runner/engine/session.ts'
import { partOf } from '../../runner/cli/commands/verify.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lab-journal-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function events(...happenings: readonly Happening[]): readonly Event[] {
  return happenings.map((happening, at) => ({ at, lab: 'x', ...happening }))
}

const step = (id: string, status: 'pass' | 'fail'): StepVerdicts => ({ id, title: id, status, verdicts: [] })
const typed = (text: string): Happening => ({ kind: 'command', place: 'node1', text, exitCode: 0 })

test('the commands since a step last held are those typed after it was last judged to hold', () => {
  const { commandsSince, completed } = history(events(
    typed('before'), { kind: 'completed', step: 'a' }, { kind: 'judged', steps: [step('a', 'pass')] }, typed('first'), typed('second'),
    { kind: 'judged', steps: [step('a', 'fail')] }, typed('third')))
  expect([...completed]).toEqual(['a'])
  expect(commandsSince.get('a')).toEqual(['node1: first', 'node1: second', 'node1: third'])
})

test('a new start forgets what held, and what was given', () => {
  const { completed, given } = history(events(
    { kind: 'completed', step: 'a' }, { kind: 'solved', step: 'a' }, { kind: 'started', provider: 'embedded', nodes: [] }))
  expect([completed.size, given.size]).toEqual([0, 0])
})

test('a journal that a crash cut short is read up to there', () => {
  expect(readEvents('{"at":1,"lab":"x","kind":"stopped"}\n{"at":2,"lab":"x","ki')).toEqual([{ at: 1, lab: 'x', kind: 'stopped' }])
  expect(readEvents('null\n7\n[]\n"x"\n')).toEqual([])
})

test('whoever follows a journal hears of each entry once, also of those in the file of a later start', async () => {
  const home = folder()
  const journal = new Journal(home, 'x')
  journal.begin()
  journal.write(typed('earlier'))
  const heard: string[] = []
  const all = Promise.withResolvers<void>()
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  journal.follow(event => {
    heard.push(event.kind === 'command' ? event.text : event.kind)
    if (heard.length === 4) all.resolve()
  }, controller.signal)
  journal.write(typed('one'))
  appendFileSync(join(home, 'labs/x/journal.ndjson'), '{"at":1,"lab":"x","kind":"command","pl')
  appendFileSync(join(home, 'labs/x/journal.ndjson'), 'ace":"node1","text":"two","exitCode":0}\n')
  journal.begin()
  journal.write({ kind: 'started', provider: 'embedded', nodes: [] })
  journal.write(typed('three'))
  await all.promise
  expect(heard).toEqual(['one', 'two', 'started', 'three'])
})

test('shards together are the whole, and no lab is in two', () => {
  const labs = Array.from({ length: 11 }, (_, index) => index)
  const parts = [1, 2, 3].map(index => partOf(labs, `${index}/3`, '--shard'))
  expect(parts.flat().toSorted((a, b) => a - b)).toEqual(labs)
})

test('a step that a later one has made untrue is as good as one that holds, while the later one holds', () => {
  const verdict = fail('it moved', { place: 'node1', argv: ['ip'], exitCode: 0, stdout: '', stderr: '', ms: 0 })
  const steps = (last: 'pass' | 'fail'): readonly StepVerdicts[] => replaced([
    { step: step('a', 'pass'), replaces: [] }, { step: { ...step('b', 'fail'), verdicts: [{ claim: 'x', verdict }] }, replaces: [] },
    { step: step('c', 'fail'), replaces: [] }, { step: step('d', last), replaces: ['b'] }])
  expect(steps('pass').map(({ status, replacedBy }) => [status, replacedBy])).toEqual([['pass', undefined], ['pass', 'd'], ['fail', undefined], ['pass', undefined]])
  expect(steps('pass')[1]?.verdicts).toEqual([])
  expect(steps('fail').map(({ status }) => status)).toEqual(['pass', 'fail', 'fail', 'fail'])
})

test('differences of two snapshots name the node, and what it lost and got', () => {
  expect(differences(new Map([['node1', 'a\nb'], ['node2', 'x']]), new Map([['node1', 'a\nc'], ['node2', 'x']])))
    .toEqual(['node1 lost "b"', 'node1 has got "c"'])
})

test('whoever follows may stop while being told, and is told no more', async () => {
  const home = folder()
  const journal = new Journal(home, 'x')
  const stopped = new AbortController()
  const heard: string[] = []
  journal.follow(event => {
    heard.push(event.kind)
    stopped.abort()
  }, stopped.signal)
  appendFileSync(join(home, 'labs/x/journal.ndjson'), '{"kind":"stopped","at":1,"lab":"x"}\n{"kind":"reset","at":2,"lab":"x"}\n')
  await expect.poll(() => heard).toEqual(['stopped'])
})
