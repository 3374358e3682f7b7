// The form of mistakes/*.txt, as markdown-it's: title, `.`, input, `.`, expected, `.`
// A character that an editor would hide is written as <U+001B>.
import { readFileSync } from 'node:fs'

export interface Case {
  /** With the file and line, so that a failing test is found. */
  readonly title: string
  readonly input: string
  readonly expected: string
}

export function readCases(name: string): readonly Case[] {
  const lines = readFileSync(new URL(`mistakes/${name}.txt`, import.meta.url), 'utf8').split('\n')
  const cases: Case[] = []
  let from = 0
  let dots: number[] = []
  for (const [index, line] of lines.entries()) {
    if (line !== '.') continue
    dots.push(index)
    const [one = 0, two = 0, three] = dots
    if (three === undefined) continue
    const title = lines.slice(from, one).filter(text => text.trim() !== '').at(-1) ?? ''
    cases.push({
      title: `${title} (mistakes/${name}.txt:${one + 1})`,
      input: decoded(lines.slice(one + 1, two).map(text => `${text}\n`).join('')),
      expected: lines.slice(two + 1, three).join('\n'),
    })
    from = index + 1
    dots = []
  }
  if (dots.length > 0) throw new Error(`mistakes/${name}.txt: the last case is not complete`)
  return cases
}

/** What is thrown, as an author is shown it. */
export function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof Error) return error.message
  }
  return 'no mistake'
}

function decoded(text: string): string {
  return text.replaceAll(/<U\+([0-9A-F]{4})>/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
