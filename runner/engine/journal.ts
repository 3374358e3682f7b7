// Everything that happened to a lab, as one stream of events: a JSON document a line, appended by whoever made it
// happen, followed by whoever wants to know. A start begins a new file and keeps the one before.
import { appendFileSync, closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { Event, Happening } from '../core/events.ts'
import { labFolder } from './state.ts'

const FILE = 'journal.ndjson'

export class Journal {
  readonly lab: string
  readonly #folder: string
  readonly #path: string
  constructor(home: string, lab: string) {
    this.lab = lab
    this.#folder = labFolder(home, lab)
    this.#path = join(this.#folder, FILE)
  }

  /** A new file; what was there becomes `journal.previous.ndjson`. */
  begin(): void {
    mkdirSync(this.#folder, { recursive: true })
    if (existsSync(this.#path)) renameSync(this.#path, join(this.#folder, 'journal.previous.ndjson'))
    appendFileSync(this.#path, '')
  }

  /** One write to a file opened for appending: entries of two processes never mix. */
  write(happening: Happening): Event {
    const event: Event = { at: Date.now(), lab: this.lab, ...happening }
    mkdirSync(this.#folder, { recursive: true })
    appendFileSync(this.#path, `${JSON.stringify(event)}\n`)
    return event
  }

  events(): readonly Event[] {
    if (!existsSync(this.#path)) return []
    return readEvents(readFileSync(this.#path, 'utf8'))
  }

  /** Calls back for each entry that is written from now on, also in the files that later starts begin. */
  follow(onEvent: (event: Event) => void, signal: AbortSignal): void {
    mkdirSync(this.#folder, { recursive: true })
    appendFileSync(this.#path, '')
    let file = openSync(this.#path, 'r')
    let offset = fstatSync(file).size
    let rest = ''
    const read = (): void => {
      const size = fstatSync(file).size
      if (size <= offset) return
      const piece = Buffer.alloc(size - offset)
      offset += readSync(file, piece, 0, piece.length, offset)
      const lines = (rest + piece.toString('utf8')).split('\n')
      rest = lines.pop() ?? ''
      for (const event of readEvents(lines.join('\n'))) if (!signal.aborted) onEvent(event)
    }
    const onChange = (): void => {
      read()
      // Whoever was told may have heard enough.
      if (signal.aborted) return
      // A start has put this file aside and begun another; or has not begun it yet, and will be heard of.
      const there = statSync(this.#path, { throwIfNoEntry: false })
      if (there === undefined || there.ino === fstatSync(file).ino) return
      closeSync(file)
      file = openSync(this.#path, 'r')
      offset = 0
      rest = ''
      read()
    }
    const watcher = watch(this.#folder, onChange)
    signal.addEventListener('abort', () => {
      watcher.close()
      closeSync(file)
    }, { once: true })
  }
}

/** A line that was cut short by a crash is passed over. */
export function readEvents(text: string): readonly Event[] {
  return text.split('\n').flatMap(line => {
    try {
      const event: unknown = JSON.parse(line)
      return typeof event === 'object' && event !== null && 'kind' in event && 'at' in event ? [event as Event] : []
    } catch {
      return []
    }
  })
}

/** Labs that have a journal here, running or not. */
export function journaled(home: string): readonly string[] {
  const folder = join(home, 'labs')
  return existsSync(folder) ? readdirSync(folder).filter(name => existsSync(join(folder, name, FILE))) : []
}
