// Who reaches whom, as a table of a page. Pure; the static site has it in its files, and the live page makes it in the browser.
import { cellSentence, MARKS } from '../runner/core/grid.ts'
import type { Grid, GridCell } from '../runner/core/verdict.ts'
import { html, type Html } from './html.ts'

/** Rows ask, columns are asked, by the numbers of the rows: names are too long to stand above each other. */
export function gridsHtml(grids: readonly Grid[]): Html {
  return html`${grids.map(gridHtml)}`
}

function gridHtml(grid: Grid): Html {
  const { title, rows, columns, cells } = grid
  const others = columns.filter(column => !rows.includes(column))
  const numberOf = (name: string): string => columns.includes(name) ? String(rows.includes(name) ? rows.indexOf(name) + 1 : rows.length + others.indexOf(name) + 1) : ''
  const wrong = cells.flatMap((own, row) => own.flatMap((cell, column) => cell === null || cell.right ? [] : [cellSentence(grid, row, column)]))
  return html`<div class="scrolls" tabindex="0" role="group" aria-label="${title}"><table class="grid"><caption>${title}</caption>
<thead><tr><th scope="col">asks</th>${columns.map(column => html`<th scope="col" title="${column}"><abbr title="${column}">${numberOf(column)}</abbr></th>`)}</tr></thead>
<tbody>${rows.map((row, index) => html`<tr><th scope="row"><span class="number">${numberOf(row)}</span> ${row}</th>${(cells[index] ?? []).map((cell, column) => cellHtml(cell, cellSentence(grid, index, column)))}</tr>`)}</tbody></table></div>
${others.length === 0 ? undefined : html`<p class="aside">${others.map(column => html`<span class="number">${numberOf(column)}</span> ${column} `)}</p>`}
${wrong.length === 0 ? undefined : html`${wrong.slice(0, SHOWN).map(sentence => html`<p class="cells">${sentence}</p>`)}${wrong.length > SHOWN ? html`<p class="cells">and ${wrong.length - SHOWN} more</p>` : undefined}`}`
}

/** Sentences below a table; those of the other cells are on the cells. */
const SHOWN = 6

function cellHtml(cell: GridCell | null, sentence: string): Html {
  if (cell === null) return html`<td></td>`
  return html`<td class="${cell.measured === 'ok' ? 'ok' : 'no'}${cell.right ? '' : ' wrong'}" title="${sentence}">${MARKS[cell.measured]}</td>`
}
