// What a lab's script writes is what was meant, whatever is in it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { write } from '../../runner/core/lab.ts'

function written(path: string, text: string, mode?: string): { text: string; mode: string } {
  const folder = mkdtempSync(join(tmpdir(), 'write-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  execFileSync('bash', ['-ec', write(path, text, mode)], { cwd: folder })
  const whole = join(folder, path)
  return { text: readFileSync(whole, 'utf8'), mode: (statSync(whole).mode & 0o777).toString(8) }
}

test.each([
  ['a line', 'one', 'one\n'],
  ['lines, the last of them ended', 'one\n\ntwo\n', 'one\n\ntwo\n'],
  ['blank lines at the end are one end', 'one\n\n\n', 'one\n'],
  ['what a shell would read otherwise', '$HOME `id` $(id) "a" \'b\' \\n \\\n!x *\n\tEND\n#', '$HOME `id` $(id) "a" \'b\' \\n \\\n!x *\n\tEND\n#\n'],
  ['more than a pipe holds', 'x'.repeat(70_000), `${'x'.repeat(70_000)}\n`],
  ['nothing', '', '\n'],
])('%s', (_, text, expected) => {
  expect(written('file', text).text).toBe(expected)
})

test('its folder is made, and its mode is what was said', () => {
  expect(written('a/b/file', 'x', '755')).toEqual({ text: 'x\n', mode: '755' })
  expect(written('file', 'x', '600').mode).toBe('600')
})

test('a folder that cannot be made ends the script', () => {
  const folder = mkdtempSync(join(tmpdir(), 'write-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a'), '')
  expect(() => execFileSync('bash', ['-ec', `${write('a/file', 'x')}\necho went on`], { cwd: folder, stdio: 'pipe' })).toThrow(/mkdir/)
})
