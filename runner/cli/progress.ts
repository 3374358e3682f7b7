// Progress of slow work: one line that changes where there is a terminal, a line each where there is a log.
import type { Progress } from '../core/provider.ts'

export interface ShownProgress extends Progress {
  /** Lines that stay, above the one that changes. */
  above(write: () => void): void
  /** `says`: what is left in its place. */
  end(says?: string): void
}

/** Work that says nothing is passed over for so long. */
const SILENCE_MS = 1_000

/** Quick work says nothing, so a start with everything in place shows nothing. `silent`: what somebody at a terminal is told when it takes longer. */
export function progressOn(stream: NodeJS.WriteStream, silent = ''): ShownProgress {
  const started = performance.now()
  let last = ''
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`
  // What is wider than the terminal would go on in the next line, and stay there.
  const fitted = (text: string, end: string): string => text.slice(0, (stream.columns || 80) - 1 - end.length).trimEnd() + end
  const draw = (): void => { if (last !== '') stream.write(`\r\x1b[K${fitted(last, ` … ${seconds()}`)}`) }
  const timer = stream.isTTY ? setInterval(() => {
    if (last === '' && performance.now() - started > SILENCE_MS) last = silent
    draw()
  }, 500).unref() : undefined
  return {
    say(text) {
      if (text === last) return
      last = text
      if (stream.isTTY) draw()
      else stream.write(`${text}\n`)
    },
    above(write) {
      if (stream.isTTY && last !== '') stream.write('\r\x1b[K')
      write()
      if (stream.isTTY) draw()
    },
    end(says = `ready after ${seconds()}`) {
      clearInterval(timer)
      if (last === '') return
      if (stream.isTTY) stream.write('\r\x1b[K')
      if (says !== '') stream.write(`${says}\n`)
    },
  }
}

/** Until the work is done. What failed or was stopped is not ready, and says so itself. */
export async function shownUntil<T>(progress: ShownProgress, work: Promise<T>): Promise<T> {
  try {
    const done = await work
    progress.end()
    return done
  } catch (error) {
    progress.end('')
    throw error
  }
}
