// Words for a grid of who reaches whom. Pure; terminal, page and site say the same.
import type { Grid, Measured } from './verdict.ts'

export const SAYS: Readonly<Record<Measured, string>> = {
  ok: 'answered', timeout: 'silence', refused: 'refused', unreachable: 'unreachable', lost: 'it arrives, and the answer is lost', wrong: 'something else answers',
}

export const MARKS: Readonly<Record<Measured, string>> = { ok: '✓', timeout: '✗', refused: '✗', unreachable: '✗', lost: '!', wrong: '?' }

/** One cell in words, if there is one. */
export function cellSentence({ rows, columns, cells, reasons }: Grid, row: number, column: number): string {
  const cell = cells[row]?.[column]
  if (cell === null || cell === undefined) return ''
  const reason = reasons[cell.because] ?? ''
  return `${rows[row] ?? ''} → ${columns[column] ?? ''}: ${SAYS[cell.measured]}${cell.right ? '' : `, and is to be ${cell.expected}`}${reason === '' ? '' : `: ${reason}`}`
}
