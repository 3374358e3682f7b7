// The recorder of one machine while it runs: lines to it, lines from it.
import type { Place } from '../../core/bench.ts'
import { Lines } from '../../core/lines.ts'
import { CouldNotLook } from '../../core/verdict.ts'

export interface Recorder {
  output(): string
  say(line: string): void
  /** Resolves when its output is as wanted, or after so many milliseconds. */
  until(wanted: (output: string) => boolean, ms: number): Promise<boolean>
  /** Asks it to count and to end; all it has to say has been said then. */
  end(): Promise<void>
}

const READY_MS = 8_000
const LONGEST_MS = 30_000
const MOST_CHARACTERS = 16 << 20

export async function recorder(place: Place, argv: readonly string[]): Promise<Recorder> {
  const lines = new Lines()
  const abort = new AbortController()
  let output = ''
  let over = false
  const listeners = new Set<() => void>()
  const heard = (): void => { for (const listener of listeners) listener() }
  const running = place.exec(argv, {
    stdin: lines, signal: abort.signal, timeoutMs: LONGEST_MS, maxBytes: 1 << 16,
    onStdout: text => {
      // Of a flood of other traffic the rest is left out; what the recorder itself says is not.
      output += output.length < MOST_CHARACTERS ? text : text.replaceAll(/^frame .*\n/gm, '')
      heard()
    },
  })
  // Whoever waits for its output is told that there will be no more; its own end takes the kernel a while.
  running.catch(() => {}).finally(() => {
    over = true
    heard()
  })
  const until: Recorder['until'] = (wanted, ms) => new Promise(resolve => {
    const answer = (is: boolean): void => {
      clearTimeout(timer)
      listeners.delete(listener)
      resolve(is)
    }
    const listener = (): void => {
      if (wanted(output)) answer(true)
      else if (over) answer(false)
    }
    const timer = setTimeout(() => answer(false), ms)
    listeners.add(listener)
    listener()
  })
  const end = async (): Promise<void> => {
    lines.end()
    if (!await until(text => text.endsWith('end\n'), READY_MS)) abort.abort()
  }
  if (!await until(text => text.startsWith('ready '), READY_MS)) {
    abort.abort()
    lines.end()
    const evidence = await running
    throw new CouldNotLook(`${place.name}: the recorder did not get ready: ${evidence.stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? ''}`, evidence)
  }
  return { output: () => output, say: line => lines.push(`${line}\n`), until, end }
}
