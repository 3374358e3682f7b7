import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

async function gate(script: string, args: readonly string[] = []): Promise<string> {
  return run(process.execPath, [script, ...args], { cwd: root, maxBuffer: 1 << 24 }).then(
    () => '', (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`)
}

test('the types are right', async () => {
  expect(await gate('node_modules/typescript/bin/tsc', ['--noEmit'])).toBe('')
})

test('the types of what runs in a browser are right', async () => {
  expect(await gate('node_modules/typescript/bin/tsc', ['--noEmit', '-p', 'site/live/client'])).toBe('')
})

test('the linter has nothing to say', async () => {
  expect(await gate('node_modules/oxlint/bin/oxlint', ['--type-aware', '--deny-warnings', '--quiet'])).toBe('')
})

test('every lab keeps to the manners of a lesson', async () => {
  expect(await gate('runner/cli/main.ts', ['lint'])).toBe('')
})
