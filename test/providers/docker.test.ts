import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pty from '@lydell/node-pty'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Node } from '../../runner/core/provider.ts'
import { Unable } from '../../runner/core/mistake.ts'
import type { Evidence } from '../../runner/core/verdict.ts'
import { containers, limits } from '../../runner/providers/docker/container.ts'
import { findEngine } from '../../runner/providers/docker/engine.ts'
import { docker } from '../../runner/providers/docker/index.ts'
import { isRootless, usersOf } from '../../runner/providers/docker/users.ts'
import { folders } from '../../runner/engine/state.ts'
import { eventually } from '../helpers/nodes.ts'
import { threeNodes } from './three-nodes.ts'

const { cache } = folders()
const home = mkdtempSync(join(tmpdir(), 'hardway-docker-'))
const provider = docker({ home, cache })
const broken = (await provider.problems()).filter(({ severity }) => severity === undefined)
const reason = broken.map(({ what }) => what).join('; ')
const { signal } = new AbortController()
// Where all is skipped, nothing after it runs either.
if (broken.length > 0) rmSync(home, { recursive: true })

describe.skipIf(broken.length > 0)(`the docker provider${reason === '' ? '' : ` (skipped: ${reason})`}`, () => {
  let nodes: readonly Node[] = []
  const on = (name: string): Node => {
    const node = nodes.find(candidate => candidate.name === name)
    if (node === undefined) throw new Error(`no ${name}`)
    return node
  }
  const sh = (text: string, name = 'node1'): Promise<Evidence> => on(name).exec(['bash', '-c', text], { timeoutMs: 60_000 })

  beforeAll(async () => {
    await provider.prepare({ say: () => {} })
    await provider.up('wired', threeNodes, { keep: true, signal })
    nodes = await provider.nodes('wired')
  }, 600_000)

  afterAll(async () => {
    for (const found of await containers(findEngine(), home)) await provider.down(found.lab ?? '')
    rmSync(home, { recursive: true })
  })

  it('finds the nodes, and the fabric as the last', () => {
    expect(nodes.map(({ name }) => name)).toEqual(['node1', 'node2', 'node3', 'fabric'])
  })

  it('lists the lab, with the nodes it was started with', async () => {
    expect(await provider.running()).toMatchObject([{ lab: 'wired', provider: 'docker', nodes: ['node1', 'node2', 'node3'] }])
  })

  it('shows nothing of it to another state folder', async () => {
    expect(await docker({ home: `${home}-other`, cache }).running()).toEqual([])
  })

  it('refuses a second lab of the name', async () => {
    await expect(provider.up('wired', threeNodes, { keep: true, signal })).rejects.toThrow(new Unable('wired is running already'))
    expect(await provider.running()).toHaveLength(1)
  })

  it('joins the nodes, and nothing else', async () => {
    await eventually(() => sh('ping -c1 -W1 192.168.1.12'), ({ exitCode }) => exitCode === 0)
    expect((await sh('ip -o link | cut -d: -f2 | cut -d@ -f1 | xargs')).stdout).toBe('lo eth0\n')
    expect((await sh('ip route')).stdout).toBe('192.168.1.0/24 dev eth0 proto kernel scope link src 192.168.1.11 \n')
  })

  it('has every wire in the fabric', async () => {
    const { stdout } = await on('fabric').exec(['bridge', '-j', 'link'])
    expect((JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname)).toEqual(['node1-eth0', 'node2-eth0', 'node3-eth0'])
  })

  describe('exec', () => {
    it('keeps outputs apart, and passes the exit code on', async () => {
      expect(await sh('echo out; echo err >&2; exit 7')).toMatchObject({
        place: 'node1', argv: ['bash', '-c', 'echo out; echo err >&2; exit 7'], exitCode: 7, stdout: 'out\n', stderr: 'err\n',
      })
    })

    it('has no exit code for what a signal ended', async () => {
      expect((await on('node1').exec(['sleep', '9'], { timeoutMs: 100 })).exitCode).toBeUndefined()
    })

    it('feeds standard input, and ends it', async () => {
      expect(await on('node1').exec(['wc', '-c'], { stdin: 'x'.repeat(300_000) })).toMatchObject({ exitCode: 0, stdout: '300000\n' })
      expect(await on('node1').exec(['cat'])).toMatchObject({ exitCode: 0, stdout: '' })
    })

    it('survives a command that reads none of it', async () => {
      expect(await on('node1').exec(['true'], { stdin: 'x'.repeat(300_000) })).toMatchObject({ exitCode: 0 })
    })

    it('ends a command at its deadline with all that it started', async () => {
      const { exitCode, stderr } = await on('node1').exec(['bash', '-c', 'sleep 4711 & (sleep 4712 | sleep 4713)'], { timeoutMs: 300 })
      expect({ exitCode, stderr }).toEqual({ exitCode: undefined, stderr: '[no end after 300 ms]' })
      // All are killed at once, and each ends when it has a processor.
      await eventually(() => sh('pgrep -fx "sleep 471[123]" | wc -l'), left => left.stdout === '0\n')
    })

    it('does not wait for what a command leaves behind', async () => {
      const { exitCode, stdout } = await sh('sleep 4714 & echo left')
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'left\n' })
      // It has ended by itself: who is waited for too long has no exit code. What it has left is still bash until it has become sleep.
      await eventually(() => sh('pkill -fx "sleep 4714"'), killed => killed.exitCode === 0)
    })

    it('hands on output while it comes', async () => {
      const pieces: string[] = []
      const stop = new AbortController()
      const ended = on('node1').exec(['bash', '-c', 'echo first; sleep 60'], { signal: stop.signal, onStdout: text => pieces.push(text) })
      while (pieces.length === 0) await pause(5)
      stop.abort()
      expect(await ended).toMatchObject({ exitCode: undefined, stdout: 'first\n' })
    })

    it('takes 20 MB of output and keeps what it is asked to', async () => {
      const { exitCode, stdout } = await on('node1').exec(['head', '-c', '20000000', '/dev/zero'], { maxBytes: 30_000_000 })
      expect({ exitCode, bytes: stdout.length }).toEqual({ exitCode: 0, bytes: 20_000_000 })
      const cut = await on('node1').exec(['head', '-c', '20000000', '/dev/zero'])
      expect(cut.stdout.slice(1 << 20)).toBe('\n[18951424 more bytes]')
    })

    it('is not stopped by a flood elsewhere', async () => {
      const stop = new AbortController()
      const flood = on('node2').exec(['cat', '/dev/zero'], { signal: stop.signal })
      await pause(100)
      expect((await sh('echo still here')).stdout).toBe('still here\n')
      stop.abort()
      await flood
    })

    it('runs 30 at once', async () => {
      const all = await Promise.all(Array.from({ length: 30 }, (_, index) => sh(`echo ${index}`, `node${index % 3 + 1}`)))
      expect(all.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 30 }, (_, index) => `${index}\n`))
    })

    it('works in network namespaces that the learner makes', async () => {
      expect(await sh('ip netns add red && ip -n red link set lo up')).toMatchObject({ exitCode: 0 })
      await eventually(() => sh('ip netns exec red ping -c1 -W1 127.0.0.1'), ({ exitCode }) => exitCode === 0)
    })
  })

  describe('root in a node', { retry: 0 }, () => {
    const refused = async (text: string): Promise<void> => {
      const { exitCode, stderr } = await sh(text)
      expect(exitCode, text).toBeGreaterThan(0)
      expect(stderr, text).toMatch(/permission denied|not permitted|read-only/i)
    }

    it('is nobody on the engine\'s host', async () => {
      const users = usersOf(await findEngine().call('GET', '/info'))
      const map = async (name: string): Promise<string> =>
        (await sh('cat /proc/self/uid_map', name)).stdout.split('\n').map(line => line.trim().split(/\s+/).join(' ')).join('\n').trim()
      expect(await map('node1')).toBe(users.nodeMap)
      expect(await map('fabric')).toBe(users.labMap)
      expect(users.ofNode(0)).not.toBe(0)
    })

    it('is under the engine\'s filter of system calls, where its container is not a rootless engine\'s', async ({ skip }) => {
      skip(isRootless(await findEngine().call('GET', '/info')), 'a rootless engine')
      expect((await sh('grep Seccomp: /proc/self/status')).stdout).toBe('Seccomp:\t2\n')
    })

    it.each([
      'cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern',
      'mkdir -p /tmp/p && mount -t proc proc /tmp/p && cat /tmp/p/sys/kernel/core_pattern >/tmp/p/sys/kernel/core_pattern',
      'mknod /tmp/disk b 8 0', 'mknod /tmp/null c 1 3',
      'mount -t debugfs debugfs /mnt', 'mount -t tracefs tracefs /mnt',
      'echo 1 >/sys/kernel/profiling',
      'sysctl -w kernel.panic=1', 'sysctl -w vm.swappiness=1',
    ])('cannot %s', refused)

    it('cannot have more processes than it is given', async () => {
      const { stderr } = await on('node3').exec(['sh', '-c', 'for i in $(seq 600); do sleep 600 & done'], { timeoutMs: 60_000 })
      expect(stderr).toContain('Cannot fork')
      await sh('pkill sleep', 'node3')
      await refused('mkdir -p /tmp/c && mount -t cgroup -o pids none /tmp/c && echo max >/tmp/c/pids.max')
    })

    it('cannot have more memory than it is given', async ({ skip }) => {
      skip(!limits(await findEngine().call('GET', '/info')).memory, 'the engine has no memory limits')
      expect((await sh("perl -e '$_ = q(x) x 700_000_000; print length'", 'node3')).stdout).toBe('')
    })

    it('can touch nothing of the lab when it takes off its own root directory', async () => {
      await provider.up('bare', threeNodes, { keep: true, signal })
      try {
        const victim = (await provider.nodes('bare'))[0]
        const bare = async (text: string): Promise<Evidence> => await victim?.exec(['bash', '-c', text]) ?? expect.unreachable()
        await bare('umount -l /')
        // Where the engine's filter allows pivot_root, as Podman's does, there is nothing beneath.
        if ((await bare('cat /etc/hostname')).stdout === 'node1\n') return
        const writable = await bare('find / -xdev -writable ! -type l; find /tmp -path /tmp/node1 -prune -o -writable ! -type l -print')
        expect(writable.stdout).toBe('')
        for (const text of [
          'mount -o remount,bind,rw /', 'touch /x', 'touch /tmp/files/x', 'umount /tmp/files', 'umount -l /tmp', 'umount -l /',
          'cat /tmp/go.node2', 'cat /proc/1/environ', 'ls /proc/1/root/', 'cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern',
        ]) expect((await bare(text)).exitCode, text).not.toBe(0)
      } finally {
        await provider.down('bare')
      }
    })
  })

  describe('a terminal', () => {
    const open = (argv: readonly string[]): { readonly terminal: pty.IPty; said(): string; readonly exit: Promise<number> } => {
      const [file = '', ...args] = on('node1').command(argv)
      const terminal = pty.spawn(file, args, { rows: 30, cols: 100, name: 'xterm' })
      let text = ''
      terminal.onData(piece => { text += piece })
      return { terminal, said: () => text, exit: new Promise(resolve => terminal.onExit(({ exitCode }) => resolve(exitCode))) }
    }
    const until = async (what: () => boolean): Promise<void> => {
      const deadline = performance.now() + 60_000
      while (!what()) {
        if (performance.now() > deadline) throw new Error(`waited in vain: ${what.toString()}`)
        await pause(5)
      }
    }

    it('echoes, has a size, takes Ctrl-C and Ctrl-P, and passes the exit code on', async () => {
      const { terminal, said, exit } = open(['bash', '--norc'])
      await until(() => said().includes('# '))
      terminal.write('stty size; echo $TERM\r')
      await until(() => said().includes('30 100\r\nxterm'))
      terminal.resize(90, 20)
      // What is typed may overtake a new size on the way.
      terminal.write('until [ "$(stty size)" = "20 90" ]; do :; done; sleep 6000\r')
      await eventually(() => sh('pgrep -fx "sleep 6000"'), ({ exitCode }) => exitCode === 0)
      terminal.write('\x03')
      await until(() => said().includes('^C'))
      terminal.write('echo $? `stty size`\r')
      await until(() => said().includes('130 20 90'))
      // The keys that detach from an engine's own terminal, first half: here they are the command's.
      terminal.write('\x10\r')
      await until(() => said().includes('0 20 90', said().indexOf('130 20 90') + 7))
      terminal.write('exit 7\r')
      expect(await exit).toBe(7)
    })

    it('ends what runs in it when it is closed, and when its program is killed', async () => {
      for (const signal of ['SIGHUP', 'SIGKILL']) {
        const { terminal, said, exit } = open(['bash', '-c', 'echo ready; sleep 4715'])
        await until(() => said().includes('ready'))
        terminal.kill(signal)
        await exit
        // Where the agent has to find out that nobody is there any more, later.
        await eventually(() => sh('pgrep -fx "sleep 4715" | wc -l'), left => left.stdout === '0\n')
      }
    })

    it('is none where there is none: outputs and input are the command\'s', async () => {
      const [file = '', ...args] = on('node1').command(['sh', '-c', 'wc -c; echo err >&2; exit 3'])
      const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
      const said = { stdout: '', stderr: '' }
      child.stdout.on('data', (piece: Buffer) => { said.stdout += piece.toString() })
      child.stderr.on('data', (piece: Buffer) => { said.stderr += piece.toString() })
      child.stdin.end(Buffer.alloc(5_000_000))
      expect(await new Promise(resolve => child.on('close', resolve))).toBe(3)
      expect(said).toEqual({ stdout: '5000000\n', stderr: 'err\n' })
    })
  })

  describe('what is left', { retry: 0 }, () => {
    const there = async (lab: string): Promise<readonly string[]> => (await containers(findEngine(), home, lab)).map(({ name }) => name)

    it('is nothing after down, which may be called twice', async () => {
      await provider.up('short', threeNodes, { keep: true, signal })
      await provider.down('short')
      expect(await there('short')).toEqual([])
      await provider.down('short')
      expect(await provider.nodes('short')).toEqual([])
    })

    it('is nothing when setting up fails', async () => {
      const setUp = async (): Promise<void> => {
        expect(await provider.nodes('failing')).toHaveLength(4)
        throw new Unable('no such luck')
      }
      await expect(provider.up('failing', threeNodes, { keep: true, signal, setUp })).rejects.toThrow('no such luck')
      expect(await there('failing')).toEqual([])
    })

    it('is nothing when the start is stopped', async () => {
      for (const ms of [0, 50, 150, 250]) {
        const stop = new AbortController()
        setTimeout(() => stop.abort(), ms)
        // However fast it is, it is not done before it is stopped.
        const setUp = (): Promise<void> => new Promise(() => {})
        await expect(provider.up('stopped', threeNodes, { keep: true, signal: stop.signal, setUp })).rejects.toThrow(Unable)
        expect(await there('stopped')).toEqual([])
      }
    })

    it('is nothing of a lab that was not kept, once its starter is killed and leftovers are removed', async () => {
      for (const ms of [undefined, 30, 120, 200, 300]) {
        const starter = spawn(process.execPath, [fileURLToPath(new URL('docker-starter.ts', import.meta.url)), home, cache, 'brief'], { stdio: ['ignore', 'pipe', 'inherit'] })
        if (ms === undefined) {
          await new Promise(resolve => starter.stdout.once('data', resolve))
          expect(await provider.running()).toHaveLength(1)
          expect(await provider.leftovers({ remove: true })).toEqual([])
        } else await pause(ms)
        starter.kill('SIGKILL')
        await new Promise(resolve => starter.on('close', resolve))
        // Also without anybody who cleans up, nothing runs on.
        if (ms === undefined) {
          await expect.poll(async () => (await containers(findEngine(), home, 'brief')).map(({ running }) => running)).toEqual([false])
        }
        await provider.leftovers({ remove: true })
        expect(await there('brief')).toEqual([])
      }
      expect(await provider.running()).toHaveLength(1)
    })

    it('is reported when the lab\'s first process has been killed, and makes room for a new one', async () => {
      await provider.up('dead', threeNodes, { keep: true, signal })
      await findEngine().call('POST', `/containers/${(await there('dead'))[0]}/kill`)
      expect(await provider.leftovers({ remove: false })).toEqual([`container ${(await there('dead'))[0]}`])
      await provider.up('dead', threeNodes, { keep: true, signal })
      expect(await provider.nodes('dead')).toHaveLength(4)
      await provider.down('dead')
    })
  })
})
