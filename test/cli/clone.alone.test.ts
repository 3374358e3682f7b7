import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { hostState } from '../helpers/host.ts'
import { doesLab, type Run } from '../helpers/learner.ts'
import { root, type Ran } from '../helpers/lab.ts'

const run = promisify(execFile)

/** A clone of what is here now, changes that are not committed included, as `git clone` would give it. */
async function clone(folder: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, maxBuffer: 1 << 24 })
  for (const file of stdout.split('\0').filter(Boolean)) cpSync(join(root, file), join(folder, file))
}

function runner(folder: string, before: readonly string[], env: Readonly<Record<string, string>>): Run {
  return async (...args) => new Promise<Ran>(resolve => {
    const [file = '', ...rest] = [...before, 'npx', '--no', 'lab', ...args]
    const child = spawn(file, rest, { cwd: folder, env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (piece: Buffer) => { stdout += piece.toString() })
    child.stderr.on('data', (piece: Buffer) => { stderr += piece.toString() })
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Certificates and mirrors of this machine, so that npm works here as it does for whoever runs the tests. */
const NPM: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && /^(npm_config_(cafile|registry|userconfig|cache)|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i.test(entry[0])))

test('in a fresh clone with an empty cache and no Docker, lab 05 is started, done as printed, and leaves the host as it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lab-clone-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const project = join(folder, 'hardway')
  await clone(project)
  const before = await hostState(join(folder, 'home'))
  const lab = runner(project, [], {
    ...NPM, HOME: process.env['HOME'] ?? '/root', DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    LAB_HOME: join(folder, 'home'), LAB_CACHE: join(folder, 'cache'),
  })
  await doesLab(lab, project, '05-static-routes', 'embedded')
  expect(await hostState(join(folder, 'home'))).toEqual(before)
})

test('the same as an ordinary user without root', async ({ skip }) => {
  const user = process.env['LAB_TEST_USER']
  if (process.getuid?.() !== 0 || user === undefined) {
    if (process.env['CI']) throw new Error('in CI the tests run as root and LAB_TEST_USER names an ordinary user')
    skip('needs root, and an ordinary user with subordinate numbers named by LAB_TEST_USER')
    return
  }
  const { stdout: passwd } = await run('getent', ['passwd', user])
  const home = passwd.split(':')[5] ?? ''
  const folder = join(home, 'hardway')
  onTestFinished(async () => { await run('rm', ['-rf', folder, join(home, 'state'), join(home, 'cache')]) })
  await clone(folder)
  await run('chown', ['-R', `${user}:`, folder])
  const before = await hostState(join(home, 'state'))
  const lab = runner(folder, ['runuser', '-u', user, '--', 'env', `HOME=${home}`], {
    ...NPM, npm_config_cache: join(home, '.npm'), npm_config_userconfig: join(home, '.npmrc'), DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    LAB_HOME: join(home, 'state'), LAB_CACHE: join(home, 'cache'),
  })
  await doesLab(lab, folder, '05-static-routes', 'embedded')
  expect(JSON.parse((await lab('doctor', '--leaks', '--json')).stdout)).toMatchObject({ ok: true })
  expect(await hostState(join(home, 'state'))).toEqual(before)
})
