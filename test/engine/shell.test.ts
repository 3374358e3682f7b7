// A node as a script has it.
import { expect, test, vi } from 'vitest'
import type { Node } from '../../runner/core/provider.ts'
import { shells } from '../../runner/engine/shell.ts'

function saying(stdout: string, stderr: string, exitCode = 0): Node {
  return { name: 'node1', command: argv => argv, exec: argv => Promise.resolve({ place: 'node1', argv, exitCode, stdout, stderr, ms: 1 }) }
}

test('what a node says in a deed reaches the script, and no terminal', async () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const { node1 } = shells([saying('out\n', '\x1b]52;c;aGk=\x07err\n')]) as { node1: ReturnType<typeof shells>[string] }
  const { stdout, stderr } = await node1`true`
  const spilt = written.mock.calls.map(([text]) => String(text)).join('')
  written.mockRestore()
  expect([stdout, stderr]).toEqual(['out\n', '\x1b]52;c;aGk=\x07err\n'])
  expect(spilt).toBe('')
})

test('a deed that fails ends the script, with what the node said', async () => {
  const { node1 } = shells([saying('', 'no such thing\n', 3)]) as { node1: ReturnType<typeof shells>[string] }
  await expect(node1`false`).rejects.toMatchObject({ exitCode: 3, stderr: 'no such thing\n' })
})
