import { describe, expect, test } from 'vitest'
import { locate } from '../../runner/core/locate.ts'
import { readCases } from './cases.ts'
import { mistakesOfPair } from './pair.ts'

describe('A lesson and a lab that disagree', () => {
  test.each(readCases('agree'))('$title', async ({ input, expected }) => {
    expect(await mistakesOfPair(input)).toBe(expected)
  })
})

describe('A key of lab.ts', () => {
  const source = `import { defineLab } from 'hardway/lab'
// steps: { 'a-b': { hints: [] } }
const x = { steps: { 'a-b': 1 } }, y = 4 / 2 / 1, z = /steps: {/
export default defineLab<'node1'>({
  setup: async ({ node1 }) => { await node1\`echo steps: { \${'}' + \`\${1}\`}\`; return { steps: 1 } },
  steps: {
    plain: { checks: [{ claim: 'checks: {', look() { return { hints: 1 } } }] },
    'a-b': {
      checks, hints: ['it\\'s {'],
      async solution({ node1 }) { return { mutants: 1 } },
      mutants: { "two words": { refusedBy: 'x', instead: async () => {} } },
    },
  },
})
`
  const lineOf = (...path: string[]) => {
    const { line, column } = locate(source, path)
    return `${line}: ${(source.split('\n')[line - 1] ?? '').slice(column - 1).slice(0, 9).trim()}`
  }

  test.each([
    [['steps'], '6: steps: {'],
    [['steps', 'plain'], '7: plain: {'],
    [['steps', 'a-b'], "8: 'a-b': {"],
    [['steps', 'a-b', 'checks'], '9: checks, h'],
    [['steps', 'a-b', 'hints'], '9: hints: [\''],
    [['steps', 'a-b', 'solution'], '10: solution('],
    [['steps', 'a-b', 'mutants', 'two words', 'instead'], '11: instead:'],
  ])('%j is found where it is the key, not where a string or a comment has it', (path, expected) => {
    expect(lineOf(...path)).toBe(expected)
  })

  test('that is missing is looked for no further than the last one that is there', () => {
    expect(lineOf('steps', 'plain', 'hints')).toBe('7: plain: {')
    expect(lineOf('steps', 'nowhere', 'hints')).toBe('6: steps: {')
    expect(lineOf('nowhere')).toBe('4: defineLab')
  })

  test.each(['', '{', '`${', '"', '/', "export default defineLab({ steps: { a: `"])('does not trouble a source that ends in the middle: %j', text => {
    expect(locate(text, ['steps', 'a']).line).toBe(1)
  })
})
