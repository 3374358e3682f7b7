// A trace as lines for a terminal: a line for each machine and wire that the packet passed, in the order in which it lived,
// and beside it what was done to it there.
import type { Carrier, Hop, Rewrite, Trace } from '../core/trace.ts'
import { paint, plain, type Colour } from './print.ts'

interface Visit {
  readonly name: string
  readonly hops: readonly Hop[]
}

const MOST_LINES = 24

type Style = (colour: Colour, text: string) => string

export function traceLines(trace: Trace, colour: boolean): readonly string[] {
  const style = paint(colour)
  const [there, back] = [visits(trace.there), visits(trace.back)]
  const widths = [there, back].flat().reduce((most, visit) => [Math.max(most[0] ?? 0, plain(visit.name).length), Math.max(most[1] ?? 0, devices(visit).length)], [0, 0])
  const half = (title: string, all: readonly Visit[]): readonly string[] => {
    const lines = all.map((visit, index) => line(visit, widths, index === 0, style))
    // What goes round in a circle does so until its TTL ends.
    const left = lines.length > MOST_LINES ? lines.splice(MOST_LINES / 2, lines.length - MOST_LINES / 2 - 2) : []
    if (left.length > 0) lines.splice(MOST_LINES / 2, 0, style('dim', `  … ${left.length} more`))
    return lines.length === 0 ? [] : ['', style('dim', title), ...lines]
  }
  return [
    `${style('bold', `${plain(trace.from.name)} → ${plain(trace.to.name)}`)}   ${style('dim', probeLine(trace))}`,
    ...half('there', there), ...half('and back', back), '',
    ...verdict(trace, style),
  ]
}

function probeLine({ probe, from, to }: Trace): string {
  const port = probe.port === undefined ? '' : ` port ${probe.port}`
  return [
    `${from.address === '' ? '' : `${from.address} → `}${to.address}`,
    probe.protocol === 'icmp' ? 'ICMP echo' : `${probe.protocol.toUpperCase()}${port}`,
    ...(probe.size === undefined ? [] : [`${probe.size} bytes`]),
  ].join(' · ')
}

/** One stay in one namespace. */
function visits(hops: readonly Hop[]): readonly Visit[] {
  const all: { name: string; place: string; hops: Hop[] }[] = []
  for (const hop of hops) {
    const last = all.at(-1)
    if (last?.place === hop.place) last.hops.push(hop)
    else all.push({ name: hop.name, place: hop.place, hops: [hop] })
  }
  return all
}

/** `eth0 → cni0 → veth-green`. */
function devices({ hops }: Visit): string {
  return hops.map(hop => plain(hop.device)).filter((name, index, all) => name !== all[index - 1]).join(' → ')
}

function line(visit: Visit, [names = 0, links = 0]: readonly number[], first: boolean, style: Style): string {
  const [hop] = visit.hops
  const done = visit.hops.flatMap(one => one.rewrites)
  const said = first && hop !== undefined ? [`${end(hop.from, hop.fromPort)} → ${end(hop.to, hop.toPort)}`, `TTL ${hop.ttl}`] : []
  const notes = [...said.map(text => style('dim', text)), ...done.map(rewrite => rewritten(rewrite, style))]
  const device = devices(visit)
  return `  ${style('bold', plain(visit.name))}${' '.repeat(names - plain(visit.name).length)}  ${device}${notes.length === 0 ? '' : `${' '.repeat(links - device.length)}   ${notes.join(style('dim', ' · '))}`}`
}

function end(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address}:${port}`
}

function rewritten(rewrite: Rewrite, style: Style): string {
  switch (rewrite.what) {
    case 'ttl': return style('dim', `TTL ${rewrite.from} → ${rewrite.to}`)
    case 'source': return style('yellow', `source ${rewrite.from} → ${rewrite.to}`)
    case 'destination': return style('yellow', `destination ${rewrite.from} → ${rewrite.to}`)
    case 'wrapped': return style('cyan', `into ${carried(rewrite.carrier)}`)
    case 'unwrapped': return style('cyan', `out of ${KIND[rewrite.carrier.kind]}`)
  }
}

const KIND = { vxlan: 'VXLAN', ipip: 'IP in IP', gre: 'GRE', encrypted: 'an encrypted tunnel' } as const

function carried({ kind, id, from, to, toPort }: Carrier): string {
  return `${KIND[kind]}${id === undefined ? '' : ` ${id}`}, ${from} → ${end(to, toPort)}`
}

function verdict({ outcome, cause, notes, to }: Trace, style: Style): readonly string[] {
  const remarks = notes.map(({ sentence }) => `  ${style('yellow', `! ${plain(sentence)}`)}`)
  if (cause === undefined) return [outcome === 'answered' ? style('green', `✓ ${plain(to.name)} answers${notes.length === 0 ? '' : ', but'}`) : style('red', '✗ not answered'), ...remarks]
  const [mark, tint] = cause.kind === 'unknown' ? ['?', 'yellow'] as const : ['✗', 'red'] as const
  const half = cause.way === 'back' ? 'it arrived, and the reply does not: ' : ''
  return [style(tint, `${mark} ${half}${plain(cause.sentence)}`), ...cause.evidence.map(one => `  ${style('dim', plain(one))}`), ...remarks]
}
