import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readCases, shown } from './cases.ts'
import { readers } from './readers.ts'

const files = readdirSync(new URL('.', import.meta.url)).filter(name => name.endsWith('.txt')).map(name => name.slice(0, -'.txt'.length))

test('every reader has its transcripts', () => {
  expect(files.toSorted()).toEqual(Object.keys(readers).toSorted())
})

for (const [name, read] of Object.entries(readers)) {
  describe(name, () => {
    for (const { title, input, expected } of readCases(name)) {
      test(title, () => expect(shown(read, input)).toBe(expected))
    }

    test('what is huge ends soon', () => {
      const before = performance.now()
      for (const piece of ['[', '{"a":', 'x', '\n', 'IP 1.1.1.1 > ', ': ', 'namespace 1 - x\n[]\n', 'tcp ', '22:04:26.754546 a P IP 1.1.1.1 > 2.2.2.2: IP ', '-P ', '*']) shown(read, piece.repeat(50_000))
      expect(performance.now() - before).toBeLessThan(10_000)
    })

    test('a value never has a number that is none', () => {
      for (const { input } of readCases(name)) {
        for (const broken of [input.replaceAll(/\d+/g, 'NaN'), input.replaceAll(/\d+/g, '1e999'), input.replaceAll(/\d+/g, ''), input.replaceAll(/\d/g, '-'), input.slice(0, input.length / 2)]) {
          // JSON has no NaN and no Infinity: they would be null.
          expect(shown(read, broken)).not.toMatch(/(?<!\w)null(?!\w)/)
        }
      }
    })
  })
}
