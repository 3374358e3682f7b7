// The claims of a step in as many lines as there are: what holds is counted before what does not hold is left out. Pure.
import type { Judged } from '../core/verdict.ts'
import { claimLines, paint } from './print.ts'

export interface Room {
  readonly width: number
  readonly rows: number
  readonly colour: boolean
  /** What does not hold, without why. */
  readonly silent?: boolean
}

export function claimsThatFit(judged: readonly Judged[], { width, rows, colour, silent = false }: Room): readonly string[] {
  const style = paint(colour)
  const lines = (one: Judged): readonly string[] => claimLines(one, colour, width, silent && one.verdict.status === 'fail')
  const all = judged.flatMap(lines)
  if (all.length <= rows) return all
  const open = judged.filter(({ verdict }) => verdict.status !== 'pass')
  const held = judged.length - open.length
  const shown: string[] = held === 0 ? [] : [`${style('green', '✓')} ${style('dim', `${held} of ${judged.length} claims hold`)}`]
  for (const [index, one] of open.entries()) {
    const next = lines(one)
    // A line for what is left out. One claim is always said.
    if (index > 0 && shown.length + next.length + (index === open.length - 1 ? 0 : 1) > rows) {
      return [...shown, style('dim', `… and ${open.length - index} more: npx lab check says all`)]
    }
    shown.push(...next)
  }
  return shown
}
