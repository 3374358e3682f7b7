// Two starts at once make one root filesystem.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { halfMade, makeRootfs, rootfs } from '../../runner/providers/embedded/rootfs.ts'
import { startTime } from '../../runner/providers/embedded/machine.ts'

function cacheOf(): { readonly cache: string; readonly target: string; readonly making: string } {
  const cache = mkdtempSync(join(tmpdir(), 'hardway-cache-'))
  onTestFinished(() => rmSync(cache, { recursive: true, force: true }))
  const target = dirname(rootfs(cache))
  return { cache, target, making: `${target}.making-${process.pid}-${startTime(process.pid)}` }
}

test('whoever is making it is waited for, and what they made is taken', async () => {
  const { cache, target, making } = cacheOf()
  mkdirSync(making)
  const said = Promise.withResolvers<string>()
  const made = makeRootfs(cache, { say: said.resolve })
  expect(await said.promise).toBe(`waiting for process ${process.pid}, which is making the root filesystem`)
  renameSync(making, target)
  await made
  expect(existsSync(making)).toBe(false)
})

test('what somebody is making is not half made', async () => {
  const { cache, target, making } = cacheOf()
  mkdirSync(making)
  mkdirSync(`${target}.making-${process.pid}-1`)
  expect(await halfMade(cache, { remove: true })).toEqual([`half-made root filesystem ${target}.making-${process.pid}-1`])
  expect([existsSync(making), existsSync(`${target}.making-${process.pid}-1`)]).toEqual([true, false])
})
