// Grids as a terminal shows them: what is wrong stands out without colours too.
import { expect, test } from 'vitest'
import type { Grid } from '../../runner/core/verdict.ts'
import { checkReport } from '../../runner/cli/commands/check.ts'
import { gridLines, legend, wrongLines } from '../../runner/cli/grid-lines.ts'

const right = { expected: 'allowed', measured: 'ok', right: true, because: 0 } as const
const kept = { expected: 'denied', measured: 'timeout', right: true, because: 1 } as const
const open = { ...kept, measured: 'ok', right: false } as const
const grid: Grid = {
  title: 'TCP 80', rows: ['a/x', 'a/y', 'its own node'], columns: ['a/x', 'a/y', 'a/svc:80'],
  cells: [[right, kept, null], [open, right, { ...right, measured: 'lost', right: false }], [right, right, null]],
  reasons: ['no policy selects either of them', 'a/deny isolates it for ingress, and has no rule for it'],
}

test('rows ask, and columns have their numbers', () => {
  expect(gridLines(grid, false)).toEqual([
    'TCP 80',
    '                1  2  4',
    '1 a/x           ✓  ✗',
    '2 a/y          [✓] ✓ [!]',
    '  its own node  ✓  ✓',
    '4 a/svc:80',
  ])
})

test('each mark that is used is explained', () => {
  expect(legend([grid], false)).toBe('✓ answered   ✗ no answer   ! it arrives, and the answer is lost   [ ] not as the objects say')
  expect(legend([{ ...grid, cells: [[right]] }], false)).toBe('✓ answered')
})

test('each wrong one has its sentence; those with one reason share it', () => {
  expect(wrongLines([grid], 200)).toEqual([
    'a/y → a/x (TCP 80): answered, and is to be denied: a/deny isolates it for ingress, and has no rule for it',
    'a/y → a/svc:80 (TCP 80): it arrives, and the answer is lost, and is to be allowed: no policy selects either of them',
  ])
  const many: Grid = { ...grid, columns: ['1', '2', '3', '4', '5'], rows: ['a'], cells: [[open, open, open, open, open]] }
  expect(wrongLines([many], 200)).toEqual(['a → 1, a → 2, a → 3, 2 more (TCP 80): answered, and is to be denied: a/deny isolates it for ingress, and has no rule for it'])
})

test('names of whatever kind show nothing that a terminal would obey', () => {
  expect(gridLines({ ...grid, rows: ['\u001b[31ma', 'b', 'c'] }, false).join('\n')).not.toContain('\u001b')
  expect(wrongLines([{ ...grid, rows: ['x', '\u001b]0;t\u0007y', 'z'] }], 80).join('\n')).not.toContain('\u001b')
})

test('`check --json` has the table of a verdict, whether it holds or not', () => {
  const evidence = [{ place: 'node1', argv: ['true'], exitCode: 0, stdout: '', stderr: '', ms: 1 }] as const
  const report = checkReport('19', [{ id: 'a', title: 'A', status: 'fail', verdicts: [
    { claim: 'one', verdict: { status: 'pass', evidence, table: [grid] } }, { claim: 'two', verdict: { status: 'fail', because: 'why', evidence, table: [grid] } },
    { claim: 'three', verdict: { status: 'unknown', because: 'why', evidence } },
  ] }])
  expect(JSON.parse(JSON.stringify(report))).toMatchObject({ steps: [{ verdicts: [{ table: [grid] }, { because: 'why', table: [grid] }, { status: 'unknown' }] }] })
})
