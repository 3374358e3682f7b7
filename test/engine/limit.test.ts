// How many benches run at once.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseTopology } from '../../runner/core/topology.ts'
import { instancesOf, limiter } from '../../runner/engine/limit.ts'

test('no more run at once than were allowed, and all run', async () => {
  const limit = limiter(3)
  let now = 0
  let most = 0
  const done = await Promise.all(Array.from({ length: 20 }, (_, index) => limit(async () => {
    most = Math.max(most, ++now)
    await new Promise(resolve => setImmediate(resolve))
    now--
    if (index === 5) throw new Error('one fails')
    return index
  }).catch(() => -1)))
  expect([most, done.filter(value => value >= 0).length]).toEqual([3, 19])
})

test('of those that wait, the lowest turn goes first, and within it whoever came first', async () => {
  const limit = limiter(1)
  const order: string[] = []
  await Promise.all((['busy 2', 'late 3', 'first 1', 'early 0', 'second 1'] as const).map(name =>
    limit(async () => { order.push(name); await new Promise(resolve => setImmediate(resolve)) }, { turn: Number(name.at(-1)) })))
  expect(order).toEqual(['busy 2', 'early 0', 'first 1', 'second 1', 'late 3'])
})

test('who needs more inotify instances than are left waits, and others go on meanwhile; who needs more than there are has them all', async () => {
  const limit = limiter(10, 50)
  let now: readonly number[] = []
  const seen: string[] = []
  await Promise.all([22, 22, 22, 3, 80, 0].map(instances => limit(async () => {
    now = [...now, instances]
    seen.push(now.join(' '))
    await new Promise(resolve => setTimeout(resolve, instances === 22 ? 20 : 1))
    now = now.filter((_, index) => index !== now.indexOf(instances))
  }, { instances })))
  expect(seen.slice(0, 4)).toEqual(['22', '22 22', '22 22 3', '22 22 3 0'])
  expect(seen.some(some => some.split(' ').includes('80'))).toBe(true)
  for (const some of seen) expect(some.split(' ').map(Number).reduce((sum, one) => sum + Math.min(one, 50), 0)).toBeLessThanOrEqual(50)
})

test('what a bench needs is what its components need: a whole cluster more than a runtime on each node, and plain nodes nothing', () => {
  const needed = (name: string): number => {
    const file = `fixtures/topologies/${name}.yaml`
    return instancesOf(parseTopology(readFileSync(file, 'utf8'), file))
  }
  expect(['hard-way', 'two-runtimes', 'three-nodes'].map(needed)).toEqual([22, 4, 0])
})
