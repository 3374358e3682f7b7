import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, utimesSync, chmodSync } from 'node:fs'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { course } from '../helpers/course.ts'
import { labIn, root, type Ran } from '../helpers/lab.ts'

const LESSON = `---
title: A room
minutes: 10
topology: one-node
---
Why.

## Make it {#make}

\`\`\`sh node1
ip netns add red
\`\`\`
`
const LAB = `import { defineLab, pass, fail } from 'hardway/lab'
const room = { claim: 'red is there', look: async bench => {
  const all = await bench.namespaces('node1')
  const red = all.find(one => one.named === 'red')
  return red ? pass(red.evidence) : fail('no red', all[0].evidence)
} }
export default defineLab({ steps: { make: { checks: [room], hints: ['?'] } } })
`

function files(lesson = LESSON, lab = LAB): Readonly<Record<string, string>> {
  return { 'labs/01-room/lesson.md': lesson, 'labs/01-room/lab.ts': lab }
}

/** Used wrongly: exit status 2, nothing on stdout, and no stack trace. */
function refused(ran: Ran): string {
  expect(ran.stdout).toBe('')
  expect(ran.stderr).not.toMatch(/^\s+at /m)
  expect(ran.code).toBe(2)
  return ran.stderr.trim()
}

test('an unknown command is refused, and the nearest is suggested', async () => {
  expect(refused(await labIn().run('strat'))).toMatch(/unknown command 'strat'[^]*start/)
})

test('an unknown lab is refused, and the nearest is named', async () => {
  const said = refused(await labIn({ LAB_COURSE: course(files()) }).run('start', 'rom'))
  expect(said).toBe('lab: no lab is called `rom`; the nearest is `01-room`. See `npx lab list`.')
})

test('an unknown option, a missing argument and a wrong value are each one line, with exit status 2', async () => {
  const lab = labIn()
  for (const args of [['list', '--frob'], ['goto'], ['verify'], ['verify', '--all', '--jobs', '0'], ['verify', '--all', '--shard', '3/2'], ['verify', '--all', '--ways', '0/2'], ['verify', '01', '--provider', 'kind'], ['start', '--provider', 'lxc']]) {
    expect(refused(await lab.run(...args)).split('\n').filter(line => !line.startsWith('(')), args.join(' ')).toHaveLength(1)
  }
})

test('a mistake in a lesson is file:line:column, what is wrong, what was expected, and an example', async () => {
  const lab = labIn({ LAB_COURSE: course(files(LESSON.replace('sh node1', 'sh node9'))) })
  for (const args of [['start', '01'], ['verify', '01']]) {
    expect(refused(await lab.run(...args))).toMatch(/^labs\/01-room\/lesson\.md:10:\d+: the topology has no node `node9`; expected .*node1/)
  }
})

test('lint says every mistake of every lab on stdout, and counts them', async () => {
  const lab = labIn({ LAB_COURSE: course(files(LESSON.replace('{#make}', '{#made}'))) })
  const ran = await lab.run('lint')
  expect(ran.code).toBe(2)
  expect(ran.stdout).toMatch(/^labs\/01-room\/lesson\.md:8:\d+: /m)
  expect(ran.stderr).toMatch(/mistakes?$/m)
  const json: unknown = JSON.parse((await lab.run('lint', '--json')).stdout)
  expect(json).toMatchObject({ labs: 1, mistakes: [{ file: expect.stringMatching(/^labs\/01-room\//), line: expect.any(Number), column: expect.any(Number) }, {}] })
})

test('a syntax error in lab.ts is one line that says where', async () => {
  const said = refused(await labIn({ LAB_COURSE: course(files(LESSON, `${LAB}\nconst x = = 1\n`)) }).run('start', '01'))
  expect(said).toMatch(/^labs\/01-room\/lab\.ts:9:\d+: /)
  expect(said.split('\n')).toHaveLength(1)
})

test('without a running lab every command that needs one says how to start one, with exit status 3', async () => {
  const lab = labIn()
  for (const args of [['check'], ['exec', 'node1', '--', 'true'], ['hint'], ['solve'], ['reset'], ['goto', 'x'], ['answer', 'a', 'b']]) {
    const { code, stdout, stderr } = await lab.run(...args)
    expect({ code, stdout, stderr: stderr.trim() }, args.join(' ')).toEqual({ code: 3, stdout: '', stderr: 'lab: no lab is running: `npx lab start`' })
  }
})

test('list --json is one document with every lab of the course in order', async () => {
  const { code, stdout, stderr } = await labIn({ LAB_COURSE: course(files()) }).run('list', '--json')
  expect({ code, stderr, document: JSON.parse(stdout) as unknown })
    .toEqual({ code: 0, stderr: '', document: { labs: [{ lab: '01-room', title: 'A room', minutes: 10, done: [] }] } })
})

test('a command that needs a terminal says so where there is none', async () => {
  expect(refused(await labIn().run('watch'))).toMatch(/needs a terminal/)
  expect(refused(await labIn().run('shell', 'node1'))).toMatch(/needs a terminal/)
})

/** A checkout in which nothing is installed, with an npm that does what the test wants. */
function checkout(npm: string): { readonly folder: string; readonly launch: (...args: readonly string[]) => ReturnType<typeof spawnSync> } {
  const folder = mkdtempSync(join(tmpdir(), 'lab-checkout-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'runner/cli'), { recursive: true })
  mkdirSync(join(folder, 'bin'))
  cpSync(join(root, 'runner/cli/launch'), join(folder, 'runner/cli/launch'))
  writeFileSync(join(folder, 'package-lock.json'), '{}')
  writeFileSync(join(folder, 'runner/cli/main.ts'), "const said: string = `main ${process.argv.slice(2).join(' ')}`\nprocess.stdout.write(said)\n")
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\n${npm}\n`, { mode: 0o755 })
  return {
    folder,
    launch: (...args) => spawnSync(join(folder, 'runner/cli/launch'), args, {
      encoding: 'utf8', env: { PATH: `${join(folder, 'bin')}:${join(process.execPath, '..')}:/usr/bin:/bin` },
    }),
  }
}

test('the launcher installs what the lock file names when nothing is installed, and again when the lock file is newer', () => {
  const { folder, launch } = checkout('echo "$@" >>"$PWD/calls"; mkdir -p node_modules; touch node_modules/.package-lock.json')
  const past = new Date(Date.now() - 60_000)
  utimesSync(join(folder, 'package-lock.json'), past, past)
  const calls = (): number => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length
  expect(launch('a', 'b').stdout).toBe('main a b')
  expect(launch('c').stdout).toBe('main c')
  expect(calls()).toBe(1)
  const future = new Date(Date.now() + 60_000)
  utimesSync(join(folder, 'package-lock.json'), future, future)
  expect(launch('d').stdout).toBe('main d')
  expect(calls()).toBe(2)
})

test('of several first starts at once one installs, and the others wait for it; what a killed one left is in nobody\'s way', async () => {
  const { folder } = checkout('echo "$@" >>"$PWD/calls"; sleep 1; mkdir -p node_modules; touch node_modules/.package-lock.json')
  const past = new Date(Date.now() - 60_000)
  utimesSync(join(folder, 'package-lock.json'), past, past)
  mkdirSync(join(folder, '.installing'))
  writeFileSync(join(folder, '.installing/owner'), '4194305\n')
  const env = { PATH: `${join(folder, 'bin')}:${join(process.execPath, '..')}:/usr/bin:/bin` }
  const started = await Promise.all([1, 2, 3].map(number => new Promise<string>(resolve => {
    const child = spawn(join(folder, 'runner/cli/launch'), [String(number)], { env })
    let said = ''
    child.stdout.on('data', (piece: Buffer) => { said += piece.toString() })
    child.on('close', () => resolve(said))
  })))
  expect(started).toEqual(['main 1', 'main 2', 'main 3'])
  expect(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')).toHaveLength(1)
  expect(existsSync(join(folder, '.installing'))).toBe(false)
})

test('the launcher says one clear line when there is no network', () => {
  const { launch } = checkout('echo "npm error code ENOTFOUND" >&2; echo "npm error network request failed" >&2; exit 1')
  const { status, stderr, stdout } = launch('list')
  expect({ status, stdout }).toEqual({ status: 3, stdout: '' })
  expect(String(stderr).trim().split('\n').at(-1)).toMatch(/^lab: npm ci failed: code ENOTFOUND network request failed .*npm ci$/)
})

test('the launcher says one clear line in a read-only checkout', ({ skip }) => {
  if (process.getuid?.() === 0) {
    // Root may write anywhere; -w asks the kernel, so a read-only mount shows it to root too.
    const { folder } = checkout('exit 0')
    const said = spawnSync('unshare', ['-m', 'sh', '-c', `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder} && ${folder}/runner/cli/launch list`], { encoding: 'utf8' })
    if (said.stderr.includes('unshare')) skip('no mount namespace can be made here')
    expect({ status: said.status, stderr: said.stderr.trim() }).toEqual({ status: 3, stderr: 'lab: the packages are not installed and this checkout is read-only: run npm ci where it can be written' })
    return
  }
  const { folder, launch } = checkout('exit 0')
  chmodSync(folder, 0o555)
  onTestFinished(() => chmodSync(folder, 0o755))
  expect(launch('list').status).toBe(3)
})

test('the launcher can be called through links', () => {
  const { folder } = checkout('mkdir -p node_modules; touch node_modules/.package-lock.json')
  execFileSync('ln', ['-s', '../runner/cli/launch', join(folder, 'bin/lab')])
  execFileSync('ln', ['-s', join(folder, 'bin/lab'), join(folder, 'bin/lab2')])
  const { stdout } = spawnSync(join(folder, 'bin/lab2'), ['x'], { encoding: 'utf8', env: { PATH: `${join(folder, 'bin')}:${join(process.execPath, '..')}:/usr/bin:/bin` } })
  expect(stdout).toBe('main x')
})

test('whoever stops reading ends a command without a stack trace', () => {
  // Has stopped, before the command says its first word: a reader that is only about to would leave it room in the pipe.
  const { status, stderr } = spawnSync('bash', ['-c', 'exec 3> >(true); wait $!; "$1" list >&3', 'bash', join(root, 'runner/cli/launch')], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 141, stderr: '' })
})
