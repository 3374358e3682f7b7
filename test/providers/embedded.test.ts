import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pty from '@lydell/node-pty'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPEN } from '../../runner/core/bench.ts'
import { Unable } from '../../runner/core/mistake.ts'
import type { Provider } from '../../runner/core/provider.ts'
import type { Topology } from '../../runner/core/topology.ts'
import type { Evidence } from '../../runner/core/verdict.ts'
import { folders } from '../../runner/engine/state.ts'
import { embedded } from '../../runner/providers/embedded/index.ts'
import type { InLab } from '../helpers/in-lab.ts'
import { descendants, eventually, here, nodesOn, readProc, runs, startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const { cache } = folders()
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because
const IN_LAB = fileURLToPath(new URL('../helpers/in-lab.ts', import.meta.url))
const ATTACK = fileURLToPath(new URL('../helpers/attack.pl', import.meta.url))
const { signal } = new AbortController()
/** Asked again: until the kernel has found out that both ends of a new wire are up, a bridge drops what comes, and who has the address is asked only once a second. */
const succeeded = ({ exitCode }: Evidence): boolean => exitCode === 0

describe.skipIf(why !== undefined)(`embedded nodes${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  let folder: string
  let home: string
  let provider: Provider
  let lab: StartedLab

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hardway-embedded-'))
    home = join(folder, 'home')
    provider = embedded({ home, cache })
    await provider.prepare({ say: () => {} })
    lab = await startLab(provider)
  })
  afterAll(async () => {
    await lab[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const firstProcess = (of: string, in_ = home): number | undefined => {
    const found = here(`for f in $(grep -lszxF "HARDWAY_HOME=$1" /proc/[0-9]*/environ); do grep -qzxF "HARDWAY_LAB=$2" $f && grep -q '^NSpid:.*[[:space:]]1$' \${f%environ}status && echo \${f//[!0-9]/}; done`, in_, of)
    return Number(found.stdout.split('\n')[0]) || undefined
  }
  /** Has been sent a SIGKILL that it has not had the time to obey. */
  const doomed = (pid: number): boolean => /^SigPnd:\s+\w*[13579bdf]\w\w$/m.test(readProc(pid, 'status'))
  const cgroups = (of: string): string => here('find /sys/fs/cgroup -maxdepth 4 -type d -path "*hardway*$1*"', of).stdout

  describe('run commands', () => {
    test('with their exit code, and with stdout and stderr apart', async () => {
      expect(await lab.sh('echo out; echo err >&2; exit 7')).toMatchObject({
        place: 'node1', argv: ['bash', '-c', 'echo out; echo err >&2; exit 7'], exitCode: 7, stdout: 'out\n', stderr: 'err\n',
      })
      expect(await lab.sh('kill -9 $$')).toMatchObject({ exitCode: undefined })
      expect(await lab.node('node1').exec(['no-such-tool'])).toMatchObject({ exitCode: 127 })
    })

    test('with their standard input: text, nothing, or open until the signal', async () => {
      expect(await lab.sh('cat; echo end', { stdin: 'typed\n' })).toMatchObject({ stdout: 'typed\nend\n' })
      expect(await lab.sh('cat; echo end')).toMatchObject({ stdout: 'end\n' })
      const big = 'x'.repeat(300_000)
      expect((await lab.sh('wc -c', { stdin: big })).stdout.trim()).toBe('300000')
      // One that doesn't read what it is given is no error.
      expect(await lab.sh('exec <&-; echo done', { stdin: big })).toMatchObject({ exitCode: 0, stdout: 'done\n' })
      const controller = new AbortController()
      const heard: string[] = []
      const open = await lab.sh('echo begun; cat', { stdin: OPEN, signal: controller.signal, onStdout: text => {
        heard.push(text)
        controller.abort()
      } })
      expect(heard.join('')).toBe('begun\n')
      expect(open.exitCode).toBeUndefined()
    })

    test('as root of a user namespace that has neither the host\'s root nor its user', async () => {
      expect((await lab.sh('id -u; cut -c1-10,11- /proc/self/uid_map | xargs')).stdout).toBe('0\n0 1 65535\n')
      const number = /^Uid:\s+(\d+)/m.exec(readProc(descendants(firstProcess(lab.lab) ?? 0)[0] ?? 0, 'status'))?.[1]
      expect([0, process.getuid?.()]).not.toContain(Number(number))
    })

    test('and end them with everything they started when their time is over', async () => {
      const late = await lab.sh('sleep 7001 & (sleep 7001; true) & setsid sh -c "sleep 7001; true" & wait', { timeoutMs: 300 })
      expect(late.exitCode).toBeUndefined()
      // By itself it would end in two hours.
      expect(late.stderr).toContain('[no end after 300 ms]')
      await eventually(() => lab.sh('pgrep -fc "^sleep 7001"'), ({ stdout }) => stdout === '0\n')
    })

    test('and keep the beginning of a flood, and count the rest', async () => {
      const flood = await lab.sh('yes | head -c 50000000; yes | head -c 5000000 >&2', { maxBytes: 1000 })
      expect(flood.stdout).toHaveLength(1000 + '\n[49999000 more bytes]'.length)
      expect(flood.stdout).toMatch(/\n\[49999000 more bytes\]$/)
      expect(flood.stderr).toMatch(/\[4999000 more bytes\]$/)
      expect(flood.exitCode).toBe(0)
    })

    test('and do not wait for what they leave in the background', async () => {
      const left = await lab.sh('sleep 7002 & echo started')
      expect(left).toMatchObject({ exitCode: 0, stdout: 'started\n' })
      // It has ended by itself: who is waited for too long has no exit code. What it has left is still bash until it has become sleep.
      await eventually(() => lab.sh('pgrep -fc "^sleep 7002"'), ({ stdout }) => stdout === '1\n')
      expect((await lab.sh('pkill -f "^sleep 7002"')).exitCode).toBe(0)
    })

    test('a hundred at once', async () => {
      const all = await Promise.all(Array.from({ length: 100 }, (_, number) => lab.sh(`echo ${number}`, { on: number % 2 ? 'node1' : 'node2', timeoutMs: 60_000 })))
      expect(all.map(({ stdout }) => stdout)).toEqual(all.map((_, number) => `${number}\n`))
    })

    test('with nothing but their own three pipes, and nobody in the node beside them; what is too long for a message is run too', async () => {
      // Each looks when all have begun: who has just been let in is still a Perl, until it is what was asked for.
      const all = 'touch /tmp/begun.$$; begun=(/tmp/begun.*); until [ ${#begun[@]} = 5 ]; do begun=(/tmp/begun.*); done'
      const seen = await Promise.all(Array.from({ length: 5 }, () => lab.sh(`${all}; for fd in /proc/$$/fd/*; do readlink "$fd"; done; cat /proc/[0-9]*/comm`)))
      await lab.sh('rm /tmp/begun.*')
      for (const { stdout } of seen) {
        const [fds, names] = [stdout.split('\n').filter(line => /[:/]/.test(line)), stdout.split('\n').filter(line => /^\w+$/.test(line))]
        expect(fds).toEqual([1, 2, 3].map(() => expect.stringMatching(/^pipe:/) as string))
        expect(names).toEqual(expect.arrayContaining(['catatonit', 'cat']))
        expect(names).not.toContain('perl')
      }
      const long = 'x'.repeat(100_000)
      expect((await lab.sh(`: ${long}; echo ran`)).stdout).toBe('ran\n')
    })

    test('on a terminal of the caller\'s, into which root of the node types nothing', { retry: 0 }, async () => {
      // It stays until all is read: what a terminal holds back when its program has ended, node-pty drops after 0.2 s.
      const terminal = pty.spawn('bash', ['-c', '"$@"; IFS= read -r -t 1 typed; echo "typed<$typed>"; exec sleep 600', 'bash', ...lab.node('node1').command(['perl', '-e', readScript(), 'type', 'pwned\n'])], { cols: 200, rows: 50 })
      let said = ''
      terminal.onData(text => { said += text })
      const ended = new Promise<void>(resolve => { terminal.onExit(() => resolve()) })
      try {
        await eventually(() => said, text => /typed<[^>]*>/.test(text))
      } finally {
        terminal.kill('SIGKILL')
        await ended
      }
      // Where the kernel still lets a process type into its own terminal, the runner must never give it ours.
      if (/denied/.test(said)) expect(said).toContain('typed<>')
      else expect(here('cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo old').stdout).not.toBe('0\n')
    })
  })

  describe('are given by whoever starts them', { retry: 0 }, () => {
    const start = (options: { readonly script: string; readonly wrap?: readonly string[] }): string => {
      const inLab: InLab = { home: join(folder, 'given'), cache, lab: `given-${Math.random().toString(36).slice(2, 8)}`, topology: nodesOn(1), keep: false, script: options.script }
      // As a shell would: `exec 20</`.
      const ran = here('exec 20</; "$@"', ...options.wrap ?? [], process.execPath, IN_LAB, JSON.stringify(inLab))
      expect(ran.stdout, ran.stderr).toMatch(/^up\n/m)
      return (JSON.parse(ran.stdout.split('\n').find(line => line.startsWith('{')) ?? '{}') as { stdout: string }).stdout
    }

    test('no file that a shell had left open: an open directory would be a way out', () => {
      // The control: this does hand the host's root on to a process without a runner between.
      expect(here('exec 20</; bash -c "ls -d /proc/self/fd/20/proc/1"').stdout).toContain('/proc/1')
      expect(start({ script: 'ls /proc/self/fd/20/ /proc/1/fd/20/ 2>/dev/null; echo none' })).toBe('none\n')
    })

    test('no key of the caller\'s session keyring', () => {
      const wrap = ['perl', ATTACK, 'key-add', 'hardway-secret']
      // The control: what is started there without a runner between has the key.
      expect(here('"$@"', ...wrap, 'perl', ATTACK, 'key', 'hardway-secret')).toMatchObject({ stdout: 'done \n' })
      expect(start({ wrap, script: `perl -e '${readScript().replaceAll("'", `'\\''`)}' key hardway-secret; true` })).toMatch(/^denied/)
    })

    test('no variable of the caller\'s environment', () => {
      expect(start({ wrap: ['env', 'HARDWAY_SECRET=s', 'LD_PRELOAD=', 'BASH_ENV=/x'], script: 'cat /proc/[0-9]*/environ | tr "\\0" "\\n" | sort -u | cut -d= -f1 | xargs' })).not.toMatch(/SECRET|BASH_ENV|LD_PRELOAD|HW_|HARDWAY/)
    })
  })

  describe('are joined', () => {
    test('sixteen of them, each to each', async () => {
      await using many = await startLab(provider, nodesOn(16))
      const all = await provider.nodes(many.lab)
      expect(all.map(({ name }) => name)).toEqual([...Array.from({ length: 16 }, (_, index) => `node${index + 1}`), 'fabric'])
      const names = await Promise.all(all.slice(0, 16).map(node => node.exec(['hostname'])))
      expect(names.map(({ stdout }) => stdout.trim())).toEqual(all.slice(0, 16).map(({ name }) => name))
      await Promise.all(all.slice(0, 15).map((node, index) => eventually(() => node.exec(['ping', '-c1', '-W1', `192.168.1.${index + 12}`]), succeeded)))
    })

    test('as the topology says: segments, MTUs, addresses, and interfaces without one', async () => {
      const topology: Topology = {
        segments: [{ name: 'red', mtu: 1500 }, { name: 'blue', mtu: 9000 }],
        nodes: [
          { name: 'left', diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'red', address: '10.1.0.1/24' }, { name: 'net1', segment: 'blue', address: undefined }] },
          { name: 'middle', diskMiB: 64, interfaces: [{ name: 'up0', segment: 'red', address: '10.1.0.2/24' }, { name: 'down0', segment: 'blue', address: '10.2.0.2/28' }] },
          { name: 'a-node-with-a-very-long-name-31x', diskMiB: 64, interfaces: [{ name: 'eth0', segment: 'blue', address: '10.2.0.3/28' }] },
          { name: 'alone', diskMiB: 64, interfaces: [] },
        ],
      }
      await using wired = await startLab(provider, topology)
      const links = async (on: string) => (await wired.sh(`ip -j addr | jq -r '.[] | select(.ifname != "lo") | [.ifname, .mtu, (.addr_info | map("\\(.local)/\\(.prefixlen)") | join(","))] | join(" ")'`, { on })).stdout
      expect(await links('left')).toBe('eth0 1500 10.1.0.1/24\nnet1 9000 \n')
      expect(await links('middle')).toBe('up0 1500 10.1.0.2/24\ndown0 9000 10.2.0.2/28\n')
      expect(await links('alone')).toBe('')
      const long = 'a-node-with-a-very-long-name-31x'
      await eventually(() => wired.sh('ping -c1 -W1 10.2.0.3', { on: 'middle' }), succeeded)
      await eventually(() => wired.sh('ping -c1 -W1 -M do -s 8972 10.2.0.2', { on: long }), succeeded)
      expect((await wired.sh('ping -c1 -W1 -M do -s 8973 10.2.0.2', { on: long })).exitCode).not.toBe(0)
      // Segments are apart: the right address on the wrong wire reaches nobody.
      await wired.sh('ip addr add 10.1.0.9/24 dev eth0', { on: long })
      await eventually(() => wired.sh('ping -c1 -W1 10.1.0.2', { on: 'left' }), succeeded)
      expect((await wired.sh('ping -c1 -W1 10.1.0.1', { on: long })).exitCode).not.toBe(0)
    })

    test('to none of another lab, which has the same names and addresses', { retry: 0 }, async () => {
      await using other = await startLab(provider, nodesOn(2))
      await lab.sh('echo one >/tmp/mine')
      await other.sh('ip addr add 192.168.1.99/24 dev eth0')
      await eventually(() => other.sh('ping -c1 -W1 192.168.1.99', { on: 'node2' }), succeeded)
      expect((await lab.sh('ping -c1 -W1 192.168.1.99', { on: 'node2' })).exitCode).not.toBe(0)
      expect((await other.sh('cat /tmp/mine')).exitCode).toBe(1)
      // A pattern in brackets does not find who looks for it.
      await other.sh('sleep 7004 &')
      await eventually(() => other.sh('pgrep -f "[s]leep 7004" | wc -l'), ({ stdout }) => stdout === '1\n')
      expect((await lab.sh('pgrep -f "[s]leep 7004" | wc -l')).stdout).toBe('0\n')
    })
  })

  describe('live', () => {
    test('once: a running lab is not started again, and goes on', async () => {
      await lab.sh('echo kept >/tmp/kept')
      await expect(provider.up(lab.lab, nodesOn(2), { keep: true, signal })).rejects.toThrow(new Unable(`${lab.lab} is running already`))
      expect((await lab.sh('cat /tmp/kept')).stdout).toBe('kept\n')
    })

    test('until they are taken down, which may be twice', async () => {
      const id = `kept-${process.pid}`
      await provider.up(id, nodesOn(2), { keep: true, signal })
      expect(await provider.running()).toMatchObject([{ lab: id, provider: 'embedded', nodes: ['node1', 'node2'] }])
      const pid = firstProcess(id)
      if (pid === undefined) throw new Error('not found')
      const all = [pid, ...descendants(pid)]
      expect(all.length).toBeGreaterThanOrEqual(3)
      await provider.down(id)
      await provider.down(id)
      expect(await provider.running()).toEqual([])
      expect(await provider.nodes(id)).toEqual([])
      await eventually(() => all.filter(runs), left => left.length === 0)
      expect(cgroups(id)).toBe('')
      await expect(provider.nodes(id)).resolves.toEqual([])
    })

    test('not at all when the setting-up fails or the start is called off', async () => {
      const id = `never-${process.pid}`
      await expect(provider.up(id, nodesOn(2), { keep: true, signal, setUp: () => Promise.reject(new Error('no')) })).rejects.toThrow('no')
      const controller = new AbortController()
      const up = provider.up(id, nodesOn(8), { keep: true, signal: controller.signal })
      controller.abort()
      await expect(up).rejects.toThrow('stopped before the nodes were up')
      await eventually(() => firstProcess(id), pid => pid === undefined)
      expect(await provider.running()).toEqual([])
      await eventually(() => cgroups(id), left => left === '')
    })

    test('each for itself: one whose first process is killed is gone, and the others are not', async () => {
      await using three = await startLab(provider, nodesOn(3))
      const node2 = three.node('node2')
      const pids = descendants(firstProcess(three.lab) ?? 0)
      const second = pids.find(pid => readProc(pid, 'status').includes('NSpid') && here('nsenter -t "$1" -U -u --preserve-credentials hostname', String(pid)).stdout === 'node2\n')
      if (second === undefined) throw new Error('no first process of node2')
      process.kill(second, 'SIGKILL')
      await eventually(() => runs(second), running => !running)
      expect((await provider.nodes(three.lab)).map(({ name }) => name)).toEqual(['node1', 'node3', 'fabric'])
      // A node in hand from before says that it is gone, and not that the command failed.
      await expect(node2.exec(['true'])).rejects.toThrow('node2 is not running any more')
      await eventually(() => three.sh('ping -c1 -W1 192.168.1.13'), succeeded)
    })

    test.for([{ keep: false }, { keep: true }])('only whole: a starter that is killed at any moment leaves a kept lab or nothing, keep: $keep', { timeout: 600_000 }, async ({ keep }) => {
      const killedHome = join(folder, `killed-${keep}`)
      const there = embedded({ home: killedHome, cache })
      const inLab = (id: string): InLab => ({ home: killedHome, cache, lab: id, topology: nodesOn(6), keep })
      const begin = (id: string) => spawn(process.execPath, [IN_LAB, JSON.stringify(inLab(id))], { stdio: ['ignore', 'pipe', 'ignore'] })
      // How long it takes here and now, so that moments are spread over all of it.
      const started = performance.now()
      const whole = begin('measured')
      await new Promise(resolve => { whole.stdout.once('data', resolve) })
      const most = performance.now() - started
      whole.kill('SIGKILL')
      if (keep) await there.down('measured')
      else await eventually(() => firstProcess('measured', killedHome), pid => pid === undefined)
      let seen = 0
      for (let moment = 0; moment < 25; moment++) {
        const id = `k${moment}-${process.pid}`
        const child = begin(id)
        const died = new Promise(resolve => { child.once('close', resolve) })
        await new Promise(resolve => { setTimeout(resolve, Math.random() * 1.1 * most) })
        // Stopped, it starts nothing between being looked at and being killed.
        child.kill('SIGSTOP')
        await eventually(() => readProc(child.pid ?? 0, 'status'), status => !/^State:\s+[^TZ]/m.test(status))
        const pids = descendants(child.pid ?? 0)
        const agents = readProc(child.pid ?? 0, `task/${child.pid}/children`).split(' ').filter(Boolean).map(Number)
        child.kill('SIGKILL')
        await died
        // What runs commands ends with it, and ends a lab that it was not told to let go: one that is seen to be kept at that moment is not.
        await eventually(() => agents.some(runs) ? agents : pids.filter(runs).filter(doomed), left => left.length === 0)
        const kept = (await there.running()).find(({ lab: found }) => found === id)
        if (kept === undefined || !keep) {
          // Half a lab ends by itself, without anybody's doing.
          await eventually(() => pids.filter(runs), left => left.length === 0)
          await eventually(() => firstProcess(id, killedHome), pid => pid === undefined)
        } else {
          seen++
          expect(kept.nodes).toHaveLength(6)
          expect((await there.nodes(id)).map(({ name }) => name)).toHaveLength(7)
          await there.down(id)
        }
        await there.leftovers({ remove: true })
        expect(await there.running()).toEqual([])
        expect(await there.leftovers({ remove: false })).toEqual([])
        expect(cgroups(id)).toBe('')
        expect(firstProcess(id, killedHome)).toBeUndefined()
        // Who waited for the lab's first process hears of its end, and ends then.
        await eventually(() => pids.filter(runs), left => left.length === 0)
      }
      if (!keep) expect(seen).toBe(0)
      expect(here('ip -o link | grep -c node1-eth0; grep -c "$1" /proc/self/mounts', killedHome).stdout).toBe('0\n0\n')
    })
  })

  test('hold all users of a node together where no cgroup does, so that nobody dodges the limit by being many', async ({ skip }) => {
    if (!(await provider.problems()).some(({ severity, what }) => severity === 'limit' && what.includes('rlimit'))) skip('cgroups hold them here')
    const manyHome = join(folder, 'many')
    const inLab: InLab = { home: manyHome, cache, lab: 'many', topology: nodesOn(1), keep: false }
    // Of its own limit a lab takes half: 1000 processes, less than three users have with 512 each.
    const starter = spawn('prlimit', ['--nproc=2000:2000', process.execPath, IN_LAB, JSON.stringify(inLab)], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await new Promise(resolve => { starter.stdout.once('data', resolve) })
      const [node] = await embedded({ home: manyHome, cache }).nodes('many')
      if (node === undefined) throw new Error('no node')
      const first = firstProcess('many', manyHome) ?? 0
      let most = 0
      const done = node.exec(['perl', '-e', readScript(), 'bomb', '5', '0', '1', '2', '3'], { timeoutMs: 30_000 })
      // Its own alone: nodes of other tests are there too.
      const count = setInterval(() => { most = Math.max(most, descendants(first).length) }, 200)
      await done
      clearInterval(count)
      expect(first).toBeGreaterThan(1)
      expect(most).toBeGreaterThan(512)
      expect(most).toBeLessThan(1100)
    } finally {
      starter.kill('SIGKILL')
    }
  })

  test('are over a root filesystem that they never change', async () => {
    await lab.sh('echo x >/etc/new; rm /etc/hosts; mkdir /usr/new')
    await using other = await startLab(provider)
    expect((await other.sh('ls -d /etc/new /usr/new; ls /etc/hosts')).stdout).toBe('/etc/hosts\n')
  })

  function readScript(): string {
    return here('cat "$1"', ATTACK).stdout
  }
})
