// Bounds outside of which something is no chance: against the definition, and against numbers that others have computed.
import { describe, expect, test } from 'vitest'
import { fewest, most, probability } from '../../checks/chance.ts'
import { boundsOf } from '../../checks/service-shares.ts'

const below = (n: number, p: number, count: number): number => Array.from({ length: count }, (_, k) => probability(n, p, k)).reduce((sum, one) => sum + one, 0)

describe('the binomial distribution', () => {
  test('a coin, four times', () => {
    expect([0, 1, 2, 3, 4].map(k => Math.round(probability(4, 0.5, k) * 16))).toEqual([1, 4, 6, 4, 1])
  })
  test('its parts are one, with many and with few', () => {
    for (const [n, p] of [[1, 0.3], [64, 1 / 3], [1500, 1 / 3], [1500, 0.001]] as const) expect(below(n, p, n + 1)).toBeCloseTo(1, 9)
  })
  test('what is certain, and what is impossible', () => {
    expect([probability(5, 0, 0), probability(5, 0, 1), probability(5, 1, 5), probability(5, 1, 4)]).toEqual([1, 0, 1, 0])
  })
  test('two of three who are missed 64 times: less than once in ten million', () => {
    expect(probability(64, 1 / 3, 0)).toBeLessThan(1e-11)
  })
})

describe('bounds', () => {
  test('fewer than the lower one are rarer than asked for, and one more is not', () => {
    for (const chance of [1e-3, 1e-6, 1e-9]) {
      const low = fewest(500, 1 / 3, chance)
      expect(below(500, 1 / 3, low)).toBeLessThanOrEqual(chance)
      expect(below(500, 1 / 3, low + 1)).toBeGreaterThan(chance)
    }
  })
  test('the upper one is the lower one of what is not', () => {
    expect(most(500, 1 / 3, 1e-6)).toBe(500 - fewest(500, 2 / 3, 1e-6))
  })
  test('those that the claim names', () => {
    expect([boundsOf(500, 3, 5e-7 / 24), boundsOf(1500, 3, 5e-7 / 24)]).toEqual([{ low: 108, high: 229 }, { low: 392, high: 612 }])
    expect(boundsOf(10, 1, 1e-6)).toEqual({ low: 10, high: 10 })
  })
  test('chances of 1/3, 1/3 and the rest pass the first round, or both, less than once in a thousand looks', () => {
    // 22 % are below the lower bound, or else 44 % would have to be within the upper one, too.
    const passes = (n: number, chance: number): number => {
      const { low, high } = boundsOf(n, 3, chance / 24)
      return Math.min(1 - below(n, 2 / 9, low), below(n, 4 / 9, high + 1))
    }
    expect(passes(600, 0.2)).toBeLessThan(5e-4)
    expect(passes(1500, 5e-7)).toBeLessThan(5e-4)
  })
})
