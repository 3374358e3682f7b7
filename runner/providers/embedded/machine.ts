// This host as the machine under the nodes.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Machine, Running } from '../namespaces/machine.ts'

/** Where the tools of this system are: an ordinary user's PATH may leave sbin out. */
export const PATH = (): string => `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`

export const thisHost: Machine = {
  spawn(argv, onOutput, env = {}): Running {
    const [file = '', ...args] = argv
    // Of the learner's environment only what finding a program takes: a node must not read their secrets.
    const child = spawn(file, args, {
      env: { PATH: PATH(), LC_ALL: 'C', ...env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const ended = Promise.withResolvers<number | undefined>()
    let read = 0
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (piece: Buffer) => {
        read += piece.length
        onOutput(stream, piece)
      })
    }
    // A command that is not read to its end closes the pipe: that is its right.
    child.stdin.on('error', () => {})
    child.on('error', error => {
      onOutput('stderr', Buffer.from(`${error.message}\n`))
      ended.resolve(127)
    })
    child.on('close', code => ended.resolve(code ?? undefined))
    // A daemon that the command leaves behind may hold its output open for ever: what has come when nothing more
    // comes is the command's. Two quiet ticks, because a busy event loop runs a timer before it reads what is there.
    child.on('exit', code => {
      let seen = read
      let quiet = 0
      const timer = setInterval(() => {
        quiet = read === seen ? quiet + 1 : 0
        seen = read
        if (quiet < 2) return
        child.stdout.destroy()
        child.stderr.destroy()
        ended.resolve(code ?? undefined)
      }, AFTER_EXIT_MS)
      void ended.promise.then(() => clearInterval(timer))
    })
    return {
      ended: ended.promise,
      write: text => void child.stdin.write(text),
      end: () => void child.stdin.end(),
      kill: () => {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killTree(child.pid)
      },
      release: () => {
        child.stdin.end()
        child.stdout.destroy()
        child.stderr.destroy()
        child.unref()
      },
    }
  },
}

const AFTER_EXIT_MS = 25

/**
 * What waits for a command does not pass signals on, so the command is killed, and what waited then ends by itself. Killed with it, the command
 * would be left to this host's first process to reap, which may take its time, and no process namespace is gone
 * before the last of its processes is reaped.
 */
function killTree(pid: number, round = 0): void {
  const below = descendantsOf(pid)
  for (const each of below.length === 0 || round >= PATIENT_ROUNDS ? [...below, pid] : below) kill(each)
  if (below.length > 0 && round < PATIENT_ROUNDS) setTimeout(() => { if (childrenOf(pid).length > 0) killTree(pid, round + 1) }, 10)
}

/** Something that forks as fast as it is killed. */
const PATIENT_ROUNDS = 20

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap(child => [child, ...descendantsOf(child)])
}

export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** The kernel's start time of a process, in clock ticks since boot: with the number it names a process for good. */
export function startTime(pid: number): string | undefined {
  try {
    // The name, in parentheses, may hold anything; the start time is field 22.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  } catch {
    return undefined
  }
}
