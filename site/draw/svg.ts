// The drawing as SVG. Colours are classes; what is text stays text.
import type { Trace } from '../../runner/core/trace.ts'
import { html, type Html } from '../html.ts'
import type { Box, Graph, Line, Wire } from './graph.ts'
import { LONGEST, routersOf, TEXT, type Layout, type Place, type Point } from './layout.ts'
import { LANE, pointOf, routed } from './trace-path.ts'

export interface Drawn {
  /** Class of a node's colour. */
  colour(node: string): string
  /** Ids of boxes, lines and wires that were not there before. */
  readonly fresh?: ReadonlySet<string>
  readonly trace?: Trace
  /** One sentence, for those who do not see it. */
  readonly title: string
}

export function svgOf(graph: Graph, layout: Layout, drawn: Drawn): Html {
  const caption = drawn.trace?.cause === undefined ? 0 : 34
  const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height) + caption]
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${drawn.title}">
${graph.nodes.map(node => nodeOf(node.name, node.facts, routersOf(graph).includes(node), layout, drawn))}
${graph.wires.map(wire => wireOf(wire, layout, drawn))}
${[...graph.nodes.flatMap(node => node.boxes.map(box => boxOf(box, drawn.colour(node.name), layout, drawn))), ...graph.segments.map(segment => boxOf(segment, 'n0', layout, drawn))]}
${drawn.trace === undefined ? undefined : traceOf(drawn.trace, graph, layout, height)}
</svg>`
}

function nodeOf(name: string, facts: readonly Line[], upsideDown: boolean, layout: Layout, { colour, fresh }: Drawn): Html | undefined {
  const place = layout.places.get(`node ${name}`)
  if (place === undefined) return undefined
  const y = upsideDown ? place.y + place.height - 13 : place.y + 23
  let x = place.x + 16 + name.length * TEXT.title + 12
  return html`<g class="node ${colour(name)}">${rect(place, 10)}<text x="${place.x + 16}" y="${y}">${name}</text>${facts.map(({ id, text }) => {
    const at = x
    x += text.length * TEXT.mono + 12
    return html`<text class="mono${isNew(id, fresh)}" x="${at}" y="${y}">${text}</text>`
  })}</g>`
}

function boxOf(box: Box, colour: string, layout: Layout, { fresh }: Drawn): Html | undefined {
  const place = layout.places.get(box.id)
  if (place === undefined) return undefined
  const hint = box.command === '' ? undefined : html`<title>${box.command}</title>`
  const classes = `box ${box.kind} ${colour}${box.down ? ' down' : ''}${isNew(box.id, fresh)}`
  if (box.kind === 'bridge' || box.kind === 'segment') {
    const rest = box.lines.map(({ text }) => text).join(' · ')
    return html`<g class="${classes}">${hint}${rect(place, 6)}<text x="${place.x + TEXT.pad}" y="${place.y + 17}">${box.title}</text><text class="mono" x="${place.x + TEXT.pad + box.title.length * TEXT.title + 12}" y="${place.y + 17}">${rest}</text></g>`
  }
  const titled = box.kind !== 'routes' && box.kind !== 'rules'
  return html`<g class="${classes}">${hint}${rect(place, 6)}${titled ? html`<text x="${place.x + TEXT.pad}" y="${place.y + 19}">${box.title}</text>` : undefined}${box.lines.map(({ id, text }, index) =>
    html`<text class="mono${isNew(id, fresh)}" x="${place.x + TEXT.pad}" y="${place.y + 19 + (index + (titled ? 1 : 0)) * TEXT.line}">${text.length > LONGEST ? html`<title>${text}</title>${text.slice(0, LONGEST - 1)}…` : text}</text>`)}</g>`
}

function wireOf({ id, kind, label, down, command }: Wire, layout: Layout, { fresh }: Drawn): Html | undefined {
  const path = layout.paths.get(id)
  const [first] = path ?? []
  if (path === undefined || first === undefined) return undefined
  // Beside the upper end, before wires turn towards their bridge.
  const named = label === undefined ? undefined : beside(label, first, layout.places.get(`node ${id.split(' ')[0]}`), crowded(label, path, layout))
  return html`<g class="wire ${kind}${down ? ' down' : ''}${isNew(id, fresh)}"><title>${command}</title><path d="${pathOf(path)}"/>${named}</g>`
}

/** Another wire begins to its right, where the label would be, or it goes there itself. */
function crowded(label: string, [first, bend, next]: readonly Point[], { paths }: Layout): boolean {
  if (first === undefined) return false
  const { x, y } = first
  return (bend !== undefined && next !== undefined && bend.y - y < TEXT.line + 4 && next.x > x) || [...paths.values()].some(([other]) => other !== undefined && Math.abs(other.y - y) < 1 && other.x > x && other.x < x + BESIDE + label.length * TEXT.mono)
}

/** To the right of the wire, or to its left where that is taken, or a line lower where the node ends. */
function beside(label: string, { x, y }: Point, node: Place | undefined, taken: boolean): Html {
  if (taken) return html`<text class="mono" text-anchor="end" x="${x - BESIDE}" y="${y + 14}">${label}</text>`
  const room = node === undefined || x + BESIDE + label.length * TEXT.mono < node.x + node.width
  return room ? html`<text class="mono" x="${x + BESIDE}" y="${y + 14}">${label}</text>` : html`<text class="mono" text-anchor="end" x="${x - BESIDE}" y="${y + 14 + TEXT.line}">${label}</text>`
}

/** Further than a trace runs. */
const BESIDE = 11

/** The packet's path over the drawing, and a cross where it ended. */
function traceOf(trace: Trace, graph: Graph, layout: Layout, height: number): Html {
  const [there, back] = [routed(trace.there, graph, layout, -LANE), routed(trace.back, graph, layout, LANE)]
  const end = (trace.cause?.way === 'back' ? back : there).at(-1)
  const cross = trace.cause === undefined || end === undefined ? undefined : html`<path class="ended" d="M${end.x - 7} ${end.y - 7}l14 14M${end.x + 7} ${end.y - 7}l-14 14"/>`
  const marks = [...trace.there, ...trace.back].map(hop => {
    const at = pointOf(hop, graph, layout)
    return html`<circle class="hop" r="6" cx="${at?.x ?? -20}" cy="${at?.y ?? -20}"/>`
  })
  return html`<g class="trace">${line('there', there)}${line('back', back)}${marks}${cross}${trace.cause === undefined ? undefined : html`<text class="cause" x="14" y="${height - 12}">${trace.cause.sentence}</text>`}</g>`
}

function line(name: string, points: readonly Point[]): Html | undefined {
  return points.length < 2 ? undefined : html`<path class="${name}" d="${pathOf(points)}"/>`
}

function rect({ x, y, width, height }: Place, radius: number): Html {
  return html`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`
}

function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`).join('')
}

function isNew(id: string, fresh: ReadonlySet<string> | undefined): string {
  return fresh?.has(id) === true ? ' new' : ''
}

/** Everything of a drawing that has a name of its own. */
export function idsOf(graph: Graph): ReadonlySet<string> {
  return new Set([
    ...graph.nodes.flatMap(({ facts, boxes }) => [...facts.map(({ id }) => id), ...boxes.flatMap(box => [box.id, ...box.lines.map(({ id }) => id)])]),
    ...graph.wires.map(({ id }) => id),
  ])
}
