// What a person or a script is shown: results on stdout, progress and remarks on stderr.
import { stripVTControlCharacters, styleText } from 'node:util'
import type { StepVerdicts } from '../core/events.ts'
import type { Judged, Status } from '../core/verdict.ts'

export type Colour = Parameters<typeof styleText>[0]

/** Whether the stream is a terminal that wants colours; NO_COLOR and FORCE_COLOR are respected. */
export function coloured(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

export function paint(colour: boolean): (style: Colour, text: string) => string {
  return (style, text) => colour ? styleText(style, text, { validateStream: false }) : text
}

/** Text of a node on one line or more: no escape sequence of it may reach a terminal. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '')
}

const MARK: Readonly<Record<Status, string>> = { pass: '✓', fail: '✗', unknown: '?' }
const COLOUR: Readonly<Record<Status, Colour>> = { pass: 'green', fail: 'red', unknown: 'yellow' }

/** A claim, and below it, unless that is not to be said, why it does not hold. Without a width lines are as long as they are: for a file, or another program. */
export function claimLines({ claim, verdict }: Judged, colour: boolean, width = Infinity, silent = false): string[] {
  const style = paint(colour)
  const [first = '', ...rest] = wrap(claim, width - 2)
  const lines = [`${style(COLOUR[verdict.status], MARK[verdict.status])} ${first}`, ...rest.map(line => `  ${line}`)]
  if (verdict.status !== 'pass' && !silent) {
    lines.push(...wrap(plain(verdict.because), width - 4).map(line => `    ${style(COLOUR[verdict.status], line)}`))
  }
  return lines
}

/** How wide a text is to be read: as the terminal, and no wider than an eye finds its way back. Undefined: no terminal. */
export function readingWidth(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? Math.min(stream.columns || 80, 100) : undefined
}

/** Lines of at most so many columns, broken between words; a line of the text begins a line. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap(line => {
    const lines = ['']
    for (const word of line.split(' ')) {
      const last = lines.at(-1) ?? ''
      if (last !== '' && last.length + 1 + word.length > width) lines.push(word)
      else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
    }
    return lines
  })
}

export function stepLines(step: StepVerdicts, colour: boolean, width?: number): string[] {
  return [paint(colour)('bold', step.title), ...step.verdicts.flatMap(judged => claimLines(judged, colour, width)), '']
}

/** As a shell reports a command that SIGPIPE ended. */
const CLOSED = 141

// Whoever reads our output may have seen enough, as `head` has: that ends us, and is nobody's mistake.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(CLOSED)
    throw error
  })
}

export function result(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function remark(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** The one document that `--json` promises. */
export function json(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export function statusCode(status: Status): number {
  return { pass: 0, fail: 1, unknown: 3 }[status]
}
