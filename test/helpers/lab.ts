// Runs `lab` as a learner does, as a process of its own, in a state folder of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Lab {
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  run(...args: readonly string[]): Promise<Ran>
  /** For a test that wants the process: to kill it, to write to it. */
  begin(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ran> }
}

/** Everything that is started in it is stopped when the test ends. */
export function labIn(env: Readonly<Record<string, string>> = {}): Lab {
  const lab = labFor(env)
  onTestFinished(() => lab[Symbol.asyncDispose]())
  return lab
}

/** The same, for several tests: whoever has it disposes of it. */
export function labFor(env: Readonly<Record<string, string>> = {}): Lab & AsyncDisposable {
  const home = mkdtempSync(join(tmpdir(), 'lab-home-'))
  const own = { LAB_HOME: home, NO_COLOR: '1', ...env }
  const children: ChildProcess[] = []
  const begin = (...args: readonly string[]): { child: ChildProcess; ended: Promise<Ran> } => {
    const child = spawn(join(root, 'runner/cli/launch'), args, {
      env: { ...process.env, ...own }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (piece: Buffer) => { stdout += piece.toString() })
    child.stderr?.on('data', (piece: Buffer) => { stderr += piece.toString() })
    const ended = new Promise<Ran>(resolve => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })))
    return { child, ended }
  }
  const run = (...args: readonly string[]): Promise<Ran> => begin(...args).ended
  return {
    home, env: own, begin, run,
    async [Symbol.asyncDispose]() {
      // A test that gave up may have left one that goes on.
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await run('stop', '--all')
      rmSync(home, { recursive: true, force: true })
    },
  }
}
