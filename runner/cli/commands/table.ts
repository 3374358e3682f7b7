import { readFileSync } from 'node:fs'
import { measurable, measure, sentence } from '../../../checks/measured.ts'
import { Usage } from '../../core/mistake.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { benchOf } from '../../engine/session.ts'
import type { Objects } from '../../../kubernetes/objects.ts'
import { readObjects } from '../../../kubernetes/read.ts'
import { alike, portOf, tableOf, undescribed, type Cell, type Outcome, type Port, type Table } from '../../../kubernetes/table.ts'
import { session } from '../context.ts'
import { gridLines, legend, wrongLines } from '../grid-lines.ts'
import { coloured, json, paint, plain, remark, result, wrap, type Colour } from '../print.ts'

export interface TableOptions {
  readonly json?: true
  readonly port?: readonly string[]
  readonly live?: true
}

/** What the objects of the files say about who may reach whom. Needs no nodes. */
export async function table(files: readonly string[], options: TableOptions): Promise<number> {
  const asked = options.port?.map(text => {
    const port = portOf(text)
    if (port === undefined) throw new Usage(`${JSON.stringify(text)} is no port: use --port 8080 or --port 53/UDP`)
    return port
  })
  const objects = readObjects(files.map(file => ({ file: file === '-' ? 'standard input' : file, text: textOf(file) })))
  if (objects.pods.length === 0) throw new Usage(`no Pod is in ${files.join(', ')}: a table has pods; \`kubectl get pods -A -o yaml\` prints those of a cluster`)
  if (options.live) return live(objects, asked, options)
  const found = tableOf(objects, asked)
  if (options.json) json({ ...found, namespacesWithoutLabels: undescribed(objects) })
  else print(found)
  for (const text of remarks(objects, found)) remark(plain(text))
  return 0
}

/** 0: all is as the objects say; 1: not. */
async function live(objects: Objects, ports: readonly Port[] | undefined, { json: asJson }: TableOptions): Promise<number> {
  const pods = measurable(objects)
  if (pods.length === 0) throw new Usage('no Pod has a status.podIP of its own: nobody knows where to ask; `kubectl get pods -A -o yaml` prints pods with their status')
  const at = await session()
  const measured = await measure(await benchOf(at), objects, { ports })
  if ('because' in measured) throw new CouldNotLook(`${at.loaded.slug}: ${measured.because}`, ...measured.evidence)
  const { cells, grids } = measured
  const wrong = cells.filter(({ right }) => !right)
  if (asJson) {
    json({
      lab: at.loaded.slug, wrong: wrong.length,
      cells: cells.map(cell => ({ from: cell.from, to: cell.to, ...cell.port, expected: cell.outcome, measured: cell.reply.kind, right: cell.right, because: cell.because, by: cell.by, ...cell.right ? {} : { says: sentence(cell) } })),
    })
    return wrong.length === 0 ? 0 : 1
  }
  const colour = coloured(process.stdout)
  result([...grids.flatMap(grid => [...gridLines(grid, colour), '']), legend(grids, colour)].join('\n'))
  const said = wrongLines(grids, 100)
  if (said.length > 0) result(`\n${said.join('\n')}`)
  const left = objects.pods.length - pods.length
  if (left > 0) remark(`left out, for they have no address of their own: ${left} pods`)
  remark(paint(coloured(process.stderr))(wrong.length === 0 ? 'green' : 'bold', wrong.length === 0 ? `all ${cells.length} answers are as the objects say` : `${wrong.length} of ${cells.length} answers are not as the objects say`))
  return wrong.length === 0 ? 0 : 1
}

function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new Usage(`cannot read ${file}: ${code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : error instanceof Error ? error.message : String(error)}`)
  }
}

const MARK: Readonly<Record<Outcome, string>> = { allowed: '✓', denied: '✗', some: '±', none: '∅', unspecified: '~', unknown: '?' }
const COLOUR: Readonly<Record<Outcome, Colour>> = { allowed: 'green', denied: 'red', some: 'yellow', none: 'yellow', unspecified: 'yellow', unknown: 'yellow' }
const MEANS: Readonly<Record<Outcome, string>> = {
  allowed: 'allowed', denied: 'denied', some: 'some endpoints only', none: 'no endpoint', unspecified: 'up to the plugin', unknown: 'not known',
}

function print({ pods, services }: Table): void {
  const style = paint(coloured(process.stdout))
  const used = new Set<Outcome>()
  const grids = alike(pods).map(({ ports, table }) => ({ title: `pods, ${ports.map(nameOf).join(', ')}`, cells: table.cells }))
  if (grids.length === 0) remark('no pod declares a port and no policy names one: --port 8080 asks for one')
  if (services.cells.length > 0) grids.push({ title: 'Services', cells: services.cells })
  for (const { title, cells } of grids) {
    for (const { outcome } of cells) used.add(outcome)
    result(`${style('bold', plain(title))}\n${grid(cells, style).join('\n')}\n`)
  }
  result([...used].map(outcome => `${style(COLOUR[outcome], MARK[outcome])} ${MEANS[outcome]}`).join('   '))
}

function nameOf({ protocol, port }: Port): string {
  return `${protocol} ${port}`
}

const HEAD = 'from ↓  to →'

/** Rows ask, columns answer; each cell has the number of the reason below. */
function grid(cells: readonly Cell[], style: ReturnType<typeof paint>): readonly string[] {
  const rows = [...new Set(cells.map(({ from }) => from))]
  const columns = [...new Set(cells.map(({ to }) => to))]
  const reasons = [...new Set(cells.map(({ because }) => because))]
  const left = Math.max(HEAD.length, ...rows.map(({ length }) => length))
  const widths = columns.map(({ length }) => Math.max(length, 4))
  const line = (name: string, texts: readonly string[]): string => `${name.padEnd(left)}  ${texts.join('  ')}`.trimEnd()
  return [
    line(HEAD, columns.map((column, index) => plain(column).padEnd(widths[index] ?? 0))),
    ...rows.map(from => line(from, columns.map((to, index) => {
      const cell = cells.find(one => one.from === from && one.to === to)
      if (cell === undefined) return ' '.repeat(widths[index] ?? 0)
      const text = `${MARK[cell.outcome]} ${reasons.indexOf(cell.because) + 1}`
      return style(COLOUR[cell.outcome], text) + ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length))
    }))),
    ...reasons.flatMap((because, index) => {
      const number = `${index + 1}`.padStart(String(reasons.length).length)
      return wrap(plain(because), 92).map((text, at) => at === 0 ? `  ${style('dim', number)} ${text}` : `  ${' '.repeat(number.length)} ${text}`)
    }),
  ]
}

function remarks(objects: Objects, found: Table): readonly string[] {
  const nameless = undescribed(objects)
  const kinds = [...new Set(objects.others.map(({ kind }) => kind))]
  return [
    ...(nameless.length > 0 && objects.policies.some(policy => JSON.stringify(policy).includes('namespaceSelector'))
      ? [`no file describes the ${nameless.length === 1 ? 'namespace' : 'namespaces'} ${nameless.join(', ')}: only the label kubernetes.io/metadata.name is taken for granted`] : []),
    ...(kinds.length > 0 ? [`left out, for it decides nothing here: ${kinds.join(', ')}`] : []),
    ...(found.pods.length > 0 || found.services.cells.length > 0 ? ['each node reaches the pods that it runs, whatever policies say'] : []),
  ]
}
