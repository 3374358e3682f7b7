// `lab` on a real pty, as a person at a terminal has it.
import { spawn } from '@lydell/node-pty'
import { onTestFinished } from 'vitest'
import { root, type Lab } from './lab.ts'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

export interface Terminal {
  types(text: string): void
  /** Waits until what was printed since the last match shows the pattern. */
  shows(pattern: RegExp): Promise<void>
  readonly ended: Promise<number>
}

const DEADLINE_MS = 60_000

export function inTerminal(lab: Lab, ...args: readonly string[]): Terminal {
  const env = Object.fromEntries(Object.entries({ ...process.env, ...lab.env }).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const pty = spawn(join(root, 'runner/cli/launch'), [...args], { cols: 100, rows: 60, env: { ...env, TERM: 'xterm-256color' } })
  let seen = ''
  let check = (): void => {}
  pty.onData(text => {
    seen += text
    check()
  })
  const ended = new Promise<number>(resolve => pty.onExit(({ exitCode }) => resolve(exitCode)))
  onTestFinished(() => {
    try {
      pty.kill()
    } catch {
      // It has ended.
    }
  })
  return {
    ended,
    types: text => pty.write(text),
    shows: async pattern => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never showed ${pattern}; the end of what it showed:\n${plain(seen).slice(-1500)}`)), DEADLINE_MS)
      check = () => {
        if (!pattern.test(plain(seen))) return
        clearTimeout(timer)
        seen = ''
        check = () => {}
        resolve()
      }
      check()
    }),
  }
}

/** Without the sequences; what was cleared to be drawn again is not seen any more. */
function plain(text: string): string {
  return stripVTControlCharacters(text.split('\x1b[J').at(-1) ?? '').replaceAll('\r', '')
}
