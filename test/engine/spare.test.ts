// Nodes of the runner's own, by a provider that tells what is asked of it; real ones are interrupted in cli/killed.alone.test.ts.
import { expect, test } from 'vitest'
import { parseLesson } from '../../runner/core/lesson.ts'
import type { Provider } from '../../runner/core/provider.ts'
import { onSpareNodes } from '../../runner/engine/spare.ts'
import { nodesOn } from '../helpers/nodes.ts'

const loaded = {
  slug: '01-room', dir: '/', lab: { steps: {} }, topology: nodesOn(1),
  lesson: parseLesson('---\ntitle: T\nminutes: 5\ntopology: one-node\n---\nWhy?\n\n## Room {#room}\n\nMake it.\n', 'lesson.md'),
}

/** As a real one: who asks for what is being taken away already is told that it is not there. */
function telling(told: string[]): Provider {
  const there = new Set<string>()
  return {
    name: 'embedded', problems: async () => [], prepare: async () => {}, running: async () => [], leftovers: async () => [],
    up: async lab => { there.add(lab); told.push('up') },
    nodes: async () => [],
    async down(lab) {
      if (!there.delete(lab)) return
      told.push('down')
      await new Promise(resolve => setImmediate(resolve))
      told.push('gone')
    },
  }
}

test('Interrupted, the end is not told before the nodes are gone, also when the work ends for want of them', async () => {
  for (const ends of [true, false]) {
    const told: string[] = []
    const stop = new AbortController()
    const work = onSpareNodes({ loaded, provider: telling(told) }, stop.signal, () => new Promise<never>((_, reject) => {
      stop.signal.addEventListener('abort', () => { if (ends) reject(new Error('the node is gone')) })
      setImmediate(() => stop.abort(new Error('interrupted')))
    }))
    await expect(work).rejects.toThrow(ends ? /interrupted|the node is gone/ : 'interrupted')
    expect(told).toEqual(['up', 'down', 'gone'])
  }
})

test('The nodes go with the work, whether it is done or fails, and what it made is handed on', async () => {
  const told: string[] = []
  const on = { loaded, provider: telling(told) }
  const { signal } = new AbortController()
  expect(await onSpareNodes(on, signal, async () => 7)).toBe(7)
  await expect(onSpareNodes(on, signal, async () => { throw new Error('it does not hold') })).rejects.toThrow('it does not hold')
  expect(told).toEqual(['up', 'down', 'gone', 'up', 'down', 'gone'])
})
