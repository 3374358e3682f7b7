import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { progressOn } from '../../runner/cli/progress.ts'

// The seconds that are shown are not those of a busy machine.
beforeEach(() => { vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }) })
afterEach(() => { vi.useRealTimers() })

/** What is written, on a terminal of so many columns or into a log. */
function stream(columns?: number): { readonly stream: NodeJS.WriteStream; readonly text: () => string } {
  let text = ''
  const fake = { isTTY: columns !== undefined, columns, write: (more: string) => { text += more; return true } }
  return { stream: fake as unknown as NodeJS.WriteStream, text: () => text }
}

test('a line that changes is never wider than the terminal, or it would stay in part', () => {
  const { stream: narrow, text } = stream(30)
  const progress = progressOn(narrow)
  progress.say('17 of 107: 02-bridge-samenode ports: ports that stay down')
  progress.end()
  const [line = ''] = text().split('\r\x1b[K').slice(1)
  expect(line).toBe('17 of 107: 02-bridge-sa … 0 s')
  expect(line.length).toBeLessThan(30)
})

test('lines above it stay, and it is drawn again below them', () => {
  const { stream: wide, text } = stream(80)
  const progress = progressOn(wide)
  progress.say('one')
  progress.above(() => wide.write('proven\n'))
  progress.end('')
  expect(text()).toBe('\r\x1b[Kone … 0 s\r\x1b[Kproven\n\r\x1b[Kone … 0 s\r\x1b[K')
})

test('a log has a line each, and nothing that moves a cursor', () => {
  const { stream: log, text } = stream()
  const progress = progressOn(log)
  progress.say('one')
  progress.say('one')
  progress.above(() => log.write('proven\n'))
  progress.say('two')
  progress.end()
  expect(text()).toBe('one\nproven\ntwo\nready after 0 s\n')
})

test('quick work says nothing', () => {
  const { stream: quiet, text } = stream(80)
  progressOn(quiet).end()
  expect(text()).toBe('')
})
