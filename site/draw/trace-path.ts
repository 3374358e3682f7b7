// A packet's hops as a line over the drawing: along the wires, and beside the boxes, so that it runs over no text.
import type { Hop } from '../../runner/core/trace.ts'
import { whereIs, type Graph, type Wire } from './graph.ts'
import type { Layout, Point } from './layout.ts'

/** Pixels beside what it follows. */
export const LANE = 5

type Passed = { readonly box: string } | { readonly wire: Wire }

export function routed(hops: readonly Hop[], graph: Graph, layout: Layout, aside: number): readonly Point[] {
  const passed = hops.flatMap(({ place, device }): readonly Passed[] => {
    const at = whereIs(graph, place, device)
    if (at === undefined) return []
    if ('box' in at) return layout.places.has(at.box) ? [at] : []
    const wire = graph.wires.find(({ id }) => id === at.wire)
    return wire === undefined || !layout.paths.has(wire.id) ? [] : [{ wire }]
  }).filter((one, index, all) => index === 0 || idOf(one) !== idOf(all[index - 1]))
  const points: Point[] = []
  /** Free, at the side of the node that two boxes are in. */
  let lane: number | undefined
  for (const [index, one] of passed.entries()) {
    const [before, after] = [passed[index - 1], passed[index + 1]]
    if ('wire' in one) {
      const path = along(one.wire, before, after, layout, aside)
      const [start, next] = path
      // Outside of the box that it leaves by, not through it.
      if (lane !== undefined && start !== undefined) {
        const y = start.y + (next !== undefined && next.y < start.y ? -LANE : LANE)
        points.push({ x: lane, y }, { x: start.x, y })
      }
      points.push(...path)
      lane = undefined
    } else if (after !== undefined && 'box' in after) {
      const last = points.at(-1) ?? side(one.box, layout)
      if (points.length === 0 && last !== undefined) points.push(last)
      lane ??= laneOf(one.box, graph, layout)
      if (lane !== undefined && last !== undefined) points.push({ x: lane, y: points.at(-1)?.y ?? last.y })
    } else if (after === undefined) {
      const end = side(one.box, layout)
      if (end === undefined) continue
      // A packet that was seen nowhere else is where it was seen; one that came by a wire has arrived with it.
      if (lane !== undefined) points.push({ x: lane, y: end.y }, end)
      else if (before === undefined) points.push(end)
    }
  }
  return points.filter((point, index) => index === 0 || point.x !== points[index - 1]?.x || point.y !== points[index - 1]?.y)
}

/** Where one hop is: at the side of its box, or half way along its wire. */
export function pointOf({ place, device }: Hop, graph: Graph, layout: Layout): Point | undefined {
  const at = whereIs(graph, place, device)
  if (at === undefined) return undefined
  if ('box' in at) return side(at.box, layout)
  const path = layout.paths.get(at.wire) ?? []
  const lengths = path.slice(1).map((point, index) => Math.hypot(point.x - (path[index]?.x ?? 0), point.y - (path[index]?.y ?? 0)))
  const longest = lengths.indexOf(Math.max(...lengths))
  const [from, to] = [path[longest], path[longest + 1]]
  return from === undefined || to === undefined ? undefined : { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }
}

function idOf(passed: Passed | undefined): string | undefined {
  return passed === undefined ? undefined : 'box' in passed ? passed.box : passed.wire.id
}

/** From the end that it came by. */
function along(wire: Wire, before: Passed | undefined, after: Passed | undefined, layout: Layout, aside: number): readonly Point[] {
  const path = (layout.paths.get(wire.id) ?? []).map(({ x, y }) => ({ x: x + aside, y }))
  const [from, to] = [touches(before, wire.from), touches(after, wire.to)]
  const backwards = touches(before, wire.to) || touches(after, wire.from) || (before !== undefined && 'wire' in before && before.wire.to === wire.to)
  return backwards && !from && !to ? path.toReversed() : path
}

function touches(passed: Passed | undefined, box: string): boolean {
  return passed !== undefined && 'box' in passed && passed.box === box
}

/** Two boxes of a node that no wire joins have the free side of the node between them. */
function laneOf(box: string, graph: Graph, layout: Layout): number | undefined {
  const node = graph.nodes.find(({ boxes }) => boxes.some(({ id }) => id === box))
  const around = node === undefined ? undefined : layout.places.get(`node ${node.name}`)
  return around === undefined ? undefined : around.x + around.width - LANE - 2
}

function side(box: string, layout: Layout): Point | undefined {
  const place = layout.places.get(box)
  return place === undefined ? undefined : { x: place.x + place.width, y: place.y + place.height / 2 }
}
