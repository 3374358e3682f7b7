// Progress of slow work: one line that changes where there is a terminal, a line each where there is a log.
import type { Progress } from '../core/provider.ts'

export interface ShownProgress extends Progress {
  end(): void
}

/** Quick work says nothing, so a start with everything in place shows nothing. */
export function progressOn(stream: NodeJS.WriteStream): ShownProgress {
  const started = performance.now()
  let last = ''
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`
  const draw = (): void => { if (last !== '') stream.write(`\r\x1b[K${last} … ${seconds()}`) }
  const timer = stream.isTTY ? setInterval(draw, 500).unref() : undefined
  return {
    say(text) {
      if (text === last) return
      last = text
      if (stream.isTTY) draw()
      else stream.write(`${text}\n`)
    },
    end() {
      clearInterval(timer)
      if (last === '') return
      stream.write(stream.isTTY ? `\r\x1b[Kready after ${seconds()}\n` : `ready after ${seconds()}\n`)
    },
  }
}
