import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { labIn, type Lab } from '../helpers/lab.ts'
import { hostState } from '../helpers/host.ts'
import { providersHere } from '../helpers/providers.ts'

const MOMENTS = 15

/** Kills the process and all that it started on this side, as the kernel would when memory runs out. */
async function killedAt(lab: Lab, ms: number, args: readonly string[]): Promise<void> {
  const { child, ended } = lab.begin(...args)
  await Promise.race([pause(ms), ended])
  child.kill('SIGKILL')
  await ended
}

async function leaksOf(lab: Lab): Promise<unknown> {
  const stopped = await lab.run('stop', '--all')
  expect(stopped.code, stopped.stderr).toBe(0)
  const { code, stdout, stderr } = await lab.run('doctor', '--leaks', '--json')
  expect(code, stderr + stdout).toBe(0)
  return JSON.parse(stdout)
}

for (const provider of await providersHere()) {
  test(`${provider.name}: a start that is killed at any moment leaves nothing after \`lab stop --all\``, async ({ skip }) => {
    if (provider.because !== undefined) skip(provider.because)
    const lab = labIn()
    // Once undisturbed, so that the cache is filled, and to know how long it takes.
    const started = performance.now()
    expect((await lab.run('start', '01', '--no-watch', '--provider', provider.name)).code).toBe(0)
    const whole = performance.now() - started
    await lab.run('stop', '--all')
    const before = await hostState(lab.home)
    for (let moment = 0; moment < MOMENTS; moment++) {
      await killedAt(lab, Math.random() * whole, ['start', '01', '--no-watch', '--provider', provider.name])
      expect(await leaksOf(lab)).toMatchObject({ ok: true, running: [], leftovers: [] })
    }
    expect(await hostState(lab.home)).toEqual(before)
  })

  test(`${provider.name}: a lab whose start was killed before it had written down that it is there is stopped by its name, and with all`, async ({ skip }) => {
    if (provider.because !== undefined) skip(provider.because)
    const lab = labIn()
    for (const argv of [['01'], ['--all']]) {
      expect((await lab.run('start', '01', '--no-watch', '--provider', provider.name)).code).toBe(0)
      rmSync(join(lab.home, 'labs'), { recursive: true })
      expect(await lab.run('stop', ...argv)).toMatchObject({ code: 0, stderr: 'stopped 01-first-netns\n' })
      expect((await lab.run('doctor', '--leaks', '--json')).code).toBe(0)
    }
  })

  test(`${provider.name}: a proof that is killed at any moment leaves nothing after \`lab stop --all\``, async ({ skip }) => {
    if (provider.because !== undefined) skip(provider.because)
    const lab = labIn()
    const before = await hostState(lab.home)
    for (let moment = 0; moment < MOMENTS; moment++) {
      await killedAt(lab, 200 + Math.random() * 3_000, ['verify', '01', '--provider', provider.name])
      expect(await leaksOf(lab)).toMatchObject({ ok: true, running: [], leftovers: [] })
    }
    expect(await hostState(lab.home)).toEqual(before)
  })

  test(`${provider.name}: a proof that is interrupted takes its nodes away, and calls no lab failed`, async ({ skip }) => {
    if (provider.because !== undefined) skip(provider.because)
    const lab = labIn()
    const { child, ended } = lab.begin('verify', '01', '--provider', provider.name)
    // The first bench is done, and others run.
    await new Promise(resolve => child.stderr?.on('data', (text: Buffer) => { if (text.includes('1 of ')) resolve(undefined) }))
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, stdout: '' })
    const { code, stdout } = await lab.run('doctor', '--leaks', '--json')
    expect(code, stdout).toBe(0)
  })
}
