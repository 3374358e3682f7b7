// Grids of who reaches whom, as a terminal shows them. Pure.
import { MARKS, SAYS } from '../core/grid.ts'
import type { Grid, GridCell, Measured } from '../core/verdict.ts'
import { paint, plain, wrap, type Colour } from './print.ts'

const COLOUR: Readonly<Record<Measured, Colour>> = { ok: 'green', timeout: 'dim', refused: 'dim', unreachable: 'dim', lost: 'dim', wrong: 'dim' }
/** What is not as it should be stands out without colours too. */
const WRONG: Colour = ['red', 'bold', 'inverse']

/** Rows ask, columns are asked, by the numbers of the rows. */
export function gridLines({ title, rows, columns, cells }: Grid, colour: boolean): readonly string[] {
  const style = paint(colour)
  const numbers = new Map(rows.map((row, index) => [row, index + 1]))
  for (const column of columns) if (!numbers.has(column)) numbers.set(column, numbers.size + 1)
  const others = columns.filter(column => !rows.includes(column))
  const left = Math.max(...rows.map(({ length }) => length))
  const wide = String(numbers.size).length
  const number = (name: string): string => columns.includes(name) ? String(numbers.get(name)).padStart(wide) : ' '.repeat(wide)
  return [
    style('bold', plain(title)),
    `${' '.repeat(wide + 1 + left)} ${columns.map(column => ` ${number(column)} `).join('')}`.trimEnd(),
    ...rows.map((row, index) => `${number(row)} ${plain(row).padEnd(left)} ${(cells[index] ?? []).map(cell => shown(cell, wide, style)).join('')}`.trimEnd()),
    ...others.map(column => `${number(column)} ${plain(column)}`),
  ]
}

function shown(cell: GridCell | null, wide: number, style: ReturnType<typeof paint>): string {
  if (cell === null) return ' '.repeat(wide + 2)
  const room = ' '.repeat(wide - 1)
  const mark = MARKS[cell.measured]
  return cell.right ? `${room} ${style(COLOUR[cell.measured], mark)} ` : `${room}${style(WRONG, `[${mark}]`)}`
}

export function legend(grids: readonly Grid[], colour: boolean): string {
  const all = grids.flatMap(({ cells }) => cells.flat()).filter(cell => cell !== null)
  const used = new Map(all.map(({ measured }) => [MARKS[measured], MARKS[measured] === '✗' ? 'no answer' : SAYS[measured]]))
  return [...[...used].map(([mark, says]) => `${mark} ${says}`), ...all.some(({ right }) => !right) ? [`${paint(colour)(WRONG, '[ ]')} not as the objects say`] : []].join('   ')
}

/** A sentence for each wrong cell; those that one reason decides, of one outcome, once. */
export function wrongLines(grids: readonly Grid[], width: number): readonly string[] {
  return grids.flatMap(({ title, rows, columns, cells, reasons }) => {
    const pairs = new Map<string, string[]>()
    for (const [row, own] of cells.entries()) {
      for (const [column, cell] of own.entries()) {
        if (cell === null || cell.right) continue
        const said = `${SAYS[cell.measured]}, and is to be ${cell.expected}: ${reasons[cell.because] ?? ''}`
        pairs.set(said, [...pairs.get(said) ?? [], `${rows[row] ?? ''} → ${columns[column] ?? ''}`])
      }
    }
    return [...pairs].flatMap(([said, who]) => {
      const some = who.length > 4 ? [...who.slice(0, 3), `${who.length - 3} more`] : who
      return wrap(plain(`${some.join(', ')} (${title}): ${said}`), width - 2).map((line, index) => index === 0 ? line : `  ${line}`)
    })
  })
}
