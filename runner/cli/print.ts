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

export function claimLines({ claim, verdict }: Judged, colour: boolean): string[] {
  const style = paint(colour)
  const lines = [`${style(COLOUR[verdict.status], MARK[verdict.status])} ${claim}`]
  if (verdict.status !== 'pass') {
    lines.push(...plain(verdict.because).split('\n').map(line => `    ${style(COLOUR[verdict.status], line)}`))
  }
  return lines
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

export function stepLines(step: StepVerdicts, colour: boolean): string[] {
  return [paint(colour)('bold', step.title), ...step.verdicts.flatMap(judged => claimLines(judged, colour)), '']
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
