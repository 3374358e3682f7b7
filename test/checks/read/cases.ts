// Transcripts, in the form of markdown-it's: title, `.`, what a tool printed, `.`, what it means, `.`
// A character that an editor would hide is written as <U+001B>.
import { readFileSync } from 'node:fs'

export interface Case {
  /** With the file and line, so that a failing test is found. */
  readonly title: string
  readonly input: string
  readonly expected: string
}

export function readCases(name: string): readonly Case[] {
  const lines = readFileSync(new URL(`${name}.txt`, import.meta.url), 'utf8').split('\n')
  const dots = lines.flatMap((line, index) => line === '.' ? [index] : [])
  if (dots.length === 0 || dots.length % 3 !== 0) throw new Error(`${name}.txt: the last case is not complete`)
  return dots.flatMap((from, number) => {
    const [middle, to] = [dots[number + 1], dots[number + 2]]
    if (number % 3 !== 0 || middle === undefined || to === undefined) return []
    return [{
      title: `${lines[from - 1] ?? ''} (${name}.txt:${from})`,
      input: lines.slice(from + 1, middle).map(line => `${line}\n`).join(''),
      expected: lines.slice(middle + 1, to).join('\n'),
    }]
  })
}

/** What a reader makes of it: a value a line, or what it throws. */
export function shown(read: (text: string) => unknown, input: string): string {
  const text = input.replaceAll(/<U\+([0-9A-F]{4})>/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  try {
    const value = read(text)
    const values = value instanceof Map ? [...value as Map<unknown, unknown>] : Array.isArray(value) ? value as readonly unknown[] : [value]
    return values.length === 0 ? 'nothing' : values.map(one => JSON.stringify(one) ?? 'nothing').join('\n')
  } catch (error) {
    return `throws: ${error instanceof Error ? error.message : String(error)}`
  }
}
