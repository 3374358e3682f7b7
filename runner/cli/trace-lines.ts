// A trace as lines for a terminal: a line for each machine and wire that the packet passed, in the order in which it lived,
// and beside it what was done to it there.
import type { Carrier, Hop, Rewrite, Trace } from '../core/trace.ts'
import { shortNames } from '../core/short-names.ts'
import { paint, plain, wrap, type Colour } from './print.ts'

interface Visit {
  readonly name: string
  readonly hops: readonly Hop[]
}

const MOST_LINES = 24

type Style = (colour: Colour, text: string) => string

export function traceLines(whole: Trace, colour: boolean, width = 100): readonly string[] {
  const trace = readable(whole)
  const style = paint(colour)
  const [there, back] = [visits(trace.there), visits(trace.back)]
  const widths = [there, back].flat().reduce((most, visit) => [Math.max(most[0] ?? 0, plain(visit.name).length), Math.max(most[1] ?? 0, devices(visit).length)], [0, 0])
  const half = (title: string, all: readonly Visit[]): readonly string[] => {
    const lines = all.map((visit, index) => line(visit, widths, index === 0, style, width))
    // What goes round in a circle does so until its TTL ends.
    const left = lines.length > MOST_LINES ? lines.splice(MOST_LINES / 2, lines.length - MOST_LINES / 2 - 2) : []
    if (left.length > 0) lines.splice(MOST_LINES / 2, 0, style('dim', `  … ${left.length} more`))
    return lines.length === 0 ? [] : ['', style('dim', title), ...lines]
  }
  return [
    `${style('bold', `${plain(trace.from.name)} → ${plain(trace.to.name)}`)}   ${style('dim', probeLine(trace))}`,
    ...half('there', there), ...half('and back', back), '',
    ...verdict(trace, style, width),
  ]
}

/** By as much of its name a pod can be asked for again. */
function readable(trace: Trace): Trace {
  const hops = (all: readonly Hop[]): readonly Hop[] => all.map(hop => ({ ...hop, name: shortNames(hop.name) }))
  const end = <End extends { readonly name: string }>(one: End): End => ({ ...one, name: shortNames(one.name) })
  return {
    ...trace, from: end(trace.from), to: end(trace.to), there: hops(trace.there), back: hops(trace.back),
    cause: trace.cause && { ...trace.cause, sentence: shortNames(trace.cause.sentence) }, notes: trace.notes.map(note => ({ ...note, sentence: shortNames(note.sentence) })),
  }
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

/** What was done is beside where it was; what finds no room there is below. */
function line(visit: Visit, [names = 0, links = 0]: readonly number[], first: boolean, style: Style, width: number): string {
  const [hop] = visit.hops
  const said: readonly Remark[] = first && hop !== undefined ? [{ text: `${end(hop.from, hop.fromPort)} → ${end(hop.to, hop.toPort)}`, tint: 'dim' }, { text: `TTL ${hop.ttl}`, tint: 'dim' }] : []
  const device = devices(visit)
  const rows: Remark[][] = [[]]
  const column = names + links + 7
  let used = column
  for (const remark of [...said, ...visit.hops.flatMap(one => one.rewrites.map(rewritten))]) {
    if (used > column && used + 3 + remark.text.length > width) {
      rows.push([])
      used = column
    }
    used += (used === column ? 0 : 3) + remark.text.length
    rows.at(-1)?.push(remark)
  }
  const head = `  ${style('bold', plain(visit.name))}${' '.repeat(names - plain(visit.name).length)}  ${device}`
  const [beside = '', ...below] = rows.map(row => row.map(({ text, tint }) => style(tint, text)).join(style('dim', ' · ')))
  return [beside === '' ? head : `${head}${' '.repeat(links - device.length)}   ${beside}`, ...below.map(row => ' '.repeat(column) + row)].join('\n')
}

interface Remark {
  readonly text: string
  readonly tint: Colour
}

function end(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address}:${port}`
}

function rewritten(rewrite: Rewrite): Remark {
  switch (rewrite.what) {
    case 'ttl': return { tint: 'dim', text: `TTL ${rewrite.from} → ${rewrite.to}` }
    case 'source': return { tint: 'yellow', text: `source ${rewrite.from} → ${rewrite.to}` }
    case 'destination': return { tint: 'yellow', text: `destination ${rewrite.from} → ${rewrite.to}` }
    case 'wrapped': return { tint: 'cyan', text: `into ${carried(rewrite.carrier)}` }
    case 'unwrapped': return { tint: 'cyan', text: `out of ${KIND[rewrite.carrier.kind]}` }
  }
}

const KIND = { vxlan: 'VXLAN', ipip: 'IP in IP', gre: 'GRE', encrypted: 'an encrypted tunnel' } as const

function carried({ kind, id, from, to, toPort }: Carrier): string {
  return `${KIND[kind]}${id === undefined ? '' : ` ${id}`}, ${from} → ${end(to, toPort)}`
}

function verdict({ outcome, cause, notes, to }: Trace, style: Style, width: number): readonly string[] {
  const folded = (tint: Colour, mark: string, text: string): readonly string[] =>
    wrap(plain(text), width - mark.length).map((row, index) => style(tint, `${index === 0 ? mark : ' '.repeat(mark.length)}${row}`))
  const remarks = notes.flatMap(({ sentence }) => folded('yellow', '  ! ', sentence))
  if (cause === undefined) return [outcome === 'answered' ? style('green', `✓ ${plain(to.name)} answers${notes.length === 0 ? '' : ', but'}`) : style('red', '✗ not answered'), ...remarks]
  const [mark, tint] = cause.kind === 'unknown' ? ['?', 'yellow'] as const : ['✗', 'red'] as const
  // Then it is the sender that does not want it.
  const half = cause.way === 'back' && cause.kind !== 'reply-not-rewritten' ? 'it arrived, and the reply does not: ' : ''
  return [...folded(tint, `${mark} `, `${half}${cause.sentence}`), ...cause.evidence.flatMap(one => folded('dim', '  ', one)), ...remarks]
}
