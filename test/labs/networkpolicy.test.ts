import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseLesson } from '../../runner/core/lesson.ts'

const lab = new URL('../../labs/19-networkpolicy/', import.meta.url)

test('the program that lesson 19 grows, all its pieces together, is the one in files/', () => {
  const lesson = parseLesson(readFileSync(new URL('lesson.md', lab), 'utf8'), 'lesson.md')
  // A piece that is printed again replaces the one before.
  const pieces = new Map(lesson.steps.flatMap(step => step.blocks).flatMap(block =>
    block.kind === 'file' && block.path.startsWith('/etc/netpol/') ? [[block.path, block.content] as const] : []))
  const whole = readFileSync(new URL('files/compile.jq', lab), 'utf8')
  const printed = [...pieces].toSorted(([one], [other]) => one < other ? -1 : 1).map(([, text]) => text).join('')
  expect(whole.slice(whole.indexOf('# Does this selector'))).toBe(printed)
})
