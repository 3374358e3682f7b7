// Where everything stands: ELK's layers, from pods at the top to the wires between nodes at the bottom.
import ELK, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js'
import type { Box, Graph, GraphNode, Wire } from './graph.ts'

export interface Place {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** By `node NAME` for nodes, by their id for boxes. Absolute. */
  readonly places: ReadonlyMap<string, Place>
  /** By the wire's id. */
  readonly paths: ReadonlyMap<string, readonly Point[]>
}

/** Pixels: of the drawing's text at 12 px, and of what is around it. */
export const TEXT = { line: 16, mono: 7.25, title: 7.6, pad: 11, head: 30 }

export async function layoutOf(graph: Graph): Promise<Layout> {
  const below = routersOf(graph)
  const hanging = new Set(graph.wires.filter(({ kind, from }) => kind === 'segment' && below.some(({ boxes }) => boxes.some(({ id }) => id === from))).map(({ id }) => id))
  const laidOut: ElkNode = await new ELK.default().layout({
    id: 'lab',
    layoutOptions: {
      'elk.algorithm': 'layered', 'elk.direction': 'DOWN', 'elk.hierarchyHandling': 'INCLUDE_CHILDREN', 'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.spacing.nodeNodeBetweenLayers': '34', 'elk.spacing.nodeNode': '20', 'elk.spacing.edgeNode': '12', 'elk.layered.spacing.edgeNodeBetweenLayers': '12',
      'elk.padding': '[top=10,left=10,bottom=10,right=10]',
      // What comes first in the topology stands first.
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES', 'elk.layered.crossingMinimization.forceNodeModelOrder': 'true',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
    },
    children: [...graph.nodes.map(node => elkNode(node, graph.wires, below.includes(node))), ...graph.segments.map(segment => ({ id: segment.id, width: graph.segments.length > FEW ? Math.max(110, graph.nodes.length * 45) : Math.max(220, graph.nodes.length * 90), height: 26 }))],
    edges: [...graph.wires.map(wire => elkEdge(wire, hanging.has(wire.id))), ...graph.nodes.flatMap(node => order(node, below.includes(node)))],
  })
  const places = new Map<string, Place>()
  const origin = new Map<string, Point>([['lab', { x: 0, y: 0 }]])
  const walk = (parent: ElkNode, at: Point): void => {
    for (const child of parent.children ?? []) {
      const place = { x: at.x + (child.x ?? 0), y: at.y + (child.y ?? 0), width: child.width ?? 0, height: child.height ?? 0 }
      places.set(child.id, place)
      origin.set(child.id, place)
      walk(child, place)
    }
  }
  walk(laidOut, { x: 0, y: 0 })
  const paths = new Map<string, readonly Point[]>()
  const edges = (parent: ElkNode): readonly ElkExtendedEdge[] => [...parent.edges ?? [], ...(parent.children ?? []).flatMap(edges)]
  for (const edge of edges(laidOut)) {
    // An edge is told from the innermost that both its ends are in.
    const { x, y } = origin.get((edge as { container?: string }).container ?? 'lab') ?? { x: 0, y: 0 }
    const path = (edge.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint].map(point => ({ x: x + point.x, y: y + point.y })))
    paths.set(edge.id, hanging.has(edge.id) ? path.toReversed() : path)
  }
  return { width: laidOut.width ?? 0, height: laidOut.height ?? 0, places, paths }
}

/** Segments that have room for their wires side by side; of more, each is narrower, or the drawing is wider than a screen. */
const FEW = 4

/** Who has no pods, among nodes that have: they stand below the wires, where there is room, with their name at the bottom. */
export function routersOf({ nodes }: Graph): readonly GraphNode[] {
  const without = nodes.filter(({ boxes }) => boxes.every(({ kind }) => kind === 'link' || kind === 'routes' || kind === 'rules'))
  return nodes.some(({ boxes }) => boxes.some(({ kind }) => kind === 'namespace')) ? without : []
}

function elkNode({ name, boxes, facts }: GraphNode, wires: readonly Wire[], upsideDown: boolean): ElkNode {
  const headline = TEXT.title * name.length + facts.reduce((sum, { text }) => sum + 14 + TEXT.mono * text.length, 0) + 2 * TEXT.pad
  return {
    id: `node ${name}`,
    layoutOptions: { 'elk.padding': upsideDown ? `[top=14,left=16,bottom=${TEXT.head + 6},right=16]` : `[top=${TEXT.head + 10},left=16,bottom=14,right=16]`, 'elk.nodeSize.constraints': 'MINIMUM_SIZE', 'elk.nodeSize.minimum': `(${Math.max(150, headline)}, 60)` },
    children: boxes.map(box => ({ id: box.id, ...sizeOf(box, boxes, wires.filter(({ from }) => from === box.id).length) })),
  }
}

function sizeOf(box: Box, all: readonly Box[], wires: number): { readonly width: number; readonly height: number } {
  if (box.kind === 'bridge') {
    const text = [box.title, ...box.lines.map(({ text }) => text)].join(' · ').length * TEXT.mono + 2 * TEXT.pad
    return { width: Math.max(text, 110 * all.filter(({ kind }) => kind === 'namespace').length), height: 26 }
  }
  const titled = box.kind !== 'routes' && box.kind !== 'rules'
  const longest = Math.max(titled ? box.title.length * TEXT.title : 0, ...box.lines.map(({ text }) => Math.min(text.length, LONGEST) * TEXT.mono))
  return { width: Math.max(64, longest + 2 * TEXT.pad, wires * APART), height: (box.lines.length + (titled ? 1 : 0)) * TEXT.line + 14 }
}

/** Pixels from wire to wire, of one box. */
const APART = 18

/** Characters of a line that are shown; all of it is in its title. */
export const LONGEST = 46

function elkEdge({ id, from, to, label }: Wire, hangs: boolean): ElkExtendedEdge {
  return { id, sources: [hangs ? to : from], targets: [hangs ? from : to], ...(label === undefined ? {} : { labels: [{ text: label, width: label.length * TEXT.mono + 6, height: TEXT.line }] }) }
}

/** Not drawn: they keep bridges above tables, and tables above the wires that lead out. */
function order({ boxes }: GraphNode, upsideDown: boolean): readonly ElkExtendedEdge[] {
  const of = (...kinds: readonly Box['kind'][]): readonly Box[] => boxes.filter(({ kind }) => kinds.includes(kind))
  const below = (uppers: readonly Box[], lowers: readonly Box[]): readonly ElkExtendedEdge[] =>
    uppers.flatMap(upper => lowers.map(lower => ({ id: `order ${upper.id} > ${lower.id}`, sources: [upper.id], targets: [lower.id] })))
  const tables = of('routes', 'rules')
  if (upsideDown) return below(of('link'), tables)
  return [...below(of('bridge'), tables), ...below(of('bridge').length === 0 ? of('namespace') : [], tables), ...below(tables, of('tunnel')), ...below(tables.length > 0 ? tables : of('bridge'), of('link'))]
}
