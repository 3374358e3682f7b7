// A command that goes on while something else is done, and is always ended: a server, a capture.
import type { Place } from './bench.ts'
import { Lines } from './lines.ts'
import { CouldNotLook, type Evidence } from './verdict.ts'

export interface Running {
  /** To its standard input, which stays open. */
  say(text: string): void
  /** What it has printed until now, or since that was forgotten. */
  output(): string
  forget(): void
  /** Resolves when the output is as wanted, or after so many milliseconds, whichever comes first. */
  until(wanted: (output: string) => boolean, ms: number): Promise<boolean>
  /** Ends it; resolves when it has ended. */
  stop(): Promise<Evidence>
}

const READY_MS = 10_000
/** Longer than any look: what goes on for one ends by itself should nobody be left to end it. */
export const LONGEST_MS = 240_000
const MOST_CHARACTERS = 4 << 20

/** Starts it and waits until its output says that it is ready. */
export async function start(place: Place, argv: readonly string[], ready: (output: string) => boolean, readyMs = READY_MS): Promise<Running> {
  const abort = new AbortController()
  const input = new Lines()
  let output = ''
  let over = false
  let listener = (): void => {}
  const ended = place.exec(argv, {
    stdin: input, signal: abort.signal, timeoutMs: LONGEST_MS,
    onStdout: text => {
      if (output.length < MOST_CHARACTERS) output += text
      listener()
    },
  })
  // Whoever stops it is told; until then a place that is gone must not end the process.
  ended.catch(() => {}).finally(() => {
    over = true
    input.end()
    listener()
  })
  const running: Running = {
    say: text => input.push(text),
    output: () => output,
    forget: () => { output = '' },
    until: (wanted, ms) => new Promise(resolve => {
      const timer = setTimeout(() => answer(false), ms)
      const answer = (is: boolean): void => {
        clearTimeout(timer)
        listener = () => {}
        resolve(is)
      }
      listener = () => {
        if (wanted(output)) answer(true)
        else if (over) answer(false)
      }
      listener()
    }),
    stop: () => {
      abort.abort()
      return ended
    },
  }
  if (await running.until(ready, readyMs)) return running
  const evidence = await running.stop()
  const said = (evidence.stderr || evidence.stdout).trim().split('\n').at(-1)?.slice(0, 200)
  throw new CouldNotLook(`${place.name}: \`${argv.join(' ')}\` did not get ready${said ? `: ${said}` : ''}`, evidence)
}
