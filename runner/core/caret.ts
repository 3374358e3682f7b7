import type { Mistake } from './mistake.ts'
import { control, escaped } from './quoted.ts'

/** The line of the source that the mistake is in, and under it a `^` below its column. */
export function withCaret(mistake: Mistake, source: string): string {
  const line = source.split(/\r?\n/)[mistake.at.line - 1] ?? ''
  const before = line.slice(0, mistake.at.column - 1)
  // Tabs stay, so that the caret is right whatever width the terminal gives them.
  const shown = (text: string) => text.replaceAll(new RegExp(control, 'gu'), c => (c === '\t' ? c : escaped(c)))
  return `${shown(line)}\n${shown(before).replaceAll(/[^\t]/gu, ' ')}^`
}
