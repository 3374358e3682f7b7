// Claims in a terminal: broken between words, and no more lines than it has.
import { expect, test } from 'vitest'
import { claimsThatFit } from '../../runner/cli/claims-that-fit.ts'
import { claimLines } from '../../runner/cli/print.ts'
import type { Judged } from '../../runner/core/verdict.ts'

const evidence = [{ place: 'node1', argv: ['true'], exitCode: 0, stdout: '', stderr: '', ms: 1 }] as const
const claim = (text: string, because?: string): Judged => ({ claim: text, verdict: because === undefined ? { status: 'pass', evidence } : { status: 'fail', because, evidence } })
const long = claim('the certificate node-0 of node-0 is that of a server at node-0 and 192.168.1.11', 'node-0 has no /etc/kubernetes/pki/node-0.crt, and nobody else has it')

test('a long claim is broken between words, and goes on below itself; so does its reason', () => {
  expect(claimLines(long, false, 40)).toEqual([
    '✗ the certificate node-0 of node-0 is',
    '  that of a server at node-0 and',
    '  192.168.1.11',
    '    node-0 has no',
    '    /etc/kubernetes/pki/node-0.crt, and',
    '    nobody else has it',
  ])
  expect(claimLines(long, false)).toHaveLength(2)
})

test('where there is no room, what holds is counted, and what does not is said as far as there are lines; one claim always', () => {
  const judged = [claim('a'), claim('b'), claim('c', 'why c'), claim('d', 'why d'), claim('e', 'why e')]
  const at = (rows: number): readonly string[] => claimsThatFit(judged, { width: 80, rows, colour: false })
  expect(at(8)).toHaveLength(8)
  expect(at(7)).toEqual(['✓ 2 of 5 claims hold', '✗ c', '    why c', '✗ d', '    why d', '✗ e', '    why e'])
  expect(at(6)).toEqual(['✓ 2 of 5 claims hold', '✗ c', '    why c', '✗ d', '    why d', '… and 1 more: npx lab check says all'])
  expect(at(0)).toEqual(['✓ 2 of 5 claims hold', '✗ c', '    why c', '… and 2 more: npx lab check says all'])
})

test('what somebody has broken for a learner to find is said without why', () => {
  expect(claimsThatFit([claim('a'), claim('b', 'why')], { width: 80, rows: 9, colour: false, silent: true })).toEqual(['✓ a', '✗ b'])
})
