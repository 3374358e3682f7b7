import { expect, test } from 'vitest'
import { shortNames } from '../../runner/core/short-names.ts'

test('what a runtime calls a namespace is cut to what tells it apart; other names stay', () => {
  expect(shortNames('node1/cni-9b743555-c371-734e-45f8-efb7fd6acdd1 answers')).toBe('node1/cni-9b743555… answers')
  expect(shortNames('node1/cni-0, cni0 and red')).toBe('node1/cni-0, cni0 and red')
})
