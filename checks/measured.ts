// The whole table of who reaches whom, as the objects say and as it is: every pod and every pod, by address, and every Service.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import type { Evidence, Grid, GridCell, NonEmpty } from '../runner/core/verdict.ts'
import type { Objects, Pod } from '../kubernetes/objects.ts'
import { decide, nameOf } from '../kubernetes/policy.ts'
import { tableOf, type Cell, type Port, type Table } from '../kubernetes/table.ts'
import { asking, type Listener, type Protocol, type Question, type Reply } from './asking.ts'
import { ownerOf, type Missing, type NamedEnd } from './ends.ts'

/** Who asks for whom, what is to come of it, and what does. */
export interface MeasuredCell extends Cell {
  readonly port: Port
  readonly question: Question
  readonly client: Namespace
  readonly reply: Reply
  readonly right: boolean
}

export interface Measured {
  readonly cells: readonly MeasuredCell[]
  readonly grids: readonly Grid[]
  readonly evidence: NonEmpty<Evidence>
}

/** The row of each pod's own node, which may always: who is alive answers there, and its answers get out. */
export const OWN_NODE = 'its own node'
const ALWAYS = 'a pod\'s own node reaches it, whatever policies say'

export interface Measuring {
  /** Of pods. Default: all that containers declare, policies name and Services lead to. SCTP is left out: nothing here speaks it. */
  readonly ports?: readonly Port[] | undefined
  /** Who asks and is asked, as `namespace/name`. Default: all that have an address of their own. */
  readonly pods?: readonly string[] | undefined
  /** Machines that are no pods, by their addresses: they ask the pods and are asked by them. */
  readonly outside?: Readonly<Record<string, string>> | undefined
  /** Which cells of the table. Default: all. Who is meant is asked by their own node too. */
  readonly about?: ((from: string, to: string) => boolean) | undefined
}

export async function measure(bench: Bench, objects: Objects, { ports, pods, outside = {}, about = () => true }: Measuring = {}): Promise<Measured | Missing> {
  const all = measurable(objects)
  const some = all.filter(pod => pods === undefined || pods.includes(nameOf(pod)))
  const table = tableOf({ ...objects, pods: all }, ports)
  const behind = new Set(table.services.services.flatMap(({ clusterIP, endpoints }) => clusterIP === undefined ? [] : endpoints.map(podOf)))
  const owners = new Map<string, Namespace>()
  for (const pod of all.filter(one => some.includes(one) || behind.has(nameOf(one)))) {
    const owner = await ownerOf(bench, endOf(pod))
    if ('because' in owner) return owner
    owners.set(nameOf(pod), owner.namespace)
  }
  const others = Object.entries(outside).map(([name, address]): NamedEnd => ({ name, address, named: true }))
  for (const end of others) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return owner
    owners.set(end.name, owner.namespace)
  }
  const possible = [...podQuestions(some, owners, table), ...outsideQuestions(some, others, objects, table), ...serviceQuestions(some, table)]
  const meant = new Set(possible.filter(({ cell }) => cell.from !== OWN_NODE && about(cell.from, cell.to)).map(({ cell }) => cell.to))
  const asked = possible.filter(({ cell }) => cell.from === OWN_NODE ? meant.has(cell.to) : about(cell.from, cell.to))
  if (asked.length === 0) throw new Error('no pod declares a port, no policy names one, and no Service leads to one')
  const answered = await asking(bench, listening([...some.map(endOf), ...others], all, table), asked.map(({ question }) => question))
  if ('because' in answered) return answered
  const cells = asked.map(({ cell, port, question, at }, index): MeasuredCell => {
    const one = answered[index]
    if (one === undefined) throw new Error(`${cell.from} → ${cell.to} was not asked`)
    const [reply] = one.replies
    return { ...cell, port, question, client: one.client, reply, right: isRight(cell, reply, at.map(name => owners.get(name)?.inode)) }
  })
  const [first, ...rest] = [...new Set(answered.flatMap(({ evidence }) => evidence))]
  if (first === undefined) throw new Error('nothing was asked')
  return { cells, grids: gridsOf(cells), evidence: [first, ...rest] }
}

/** Pods on their node's own network are left to the plugin by the specification, and have no address of their own. */
export function measurable({ pods }: Objects): readonly Pod[] {
  return pods.filter(pod => !pod.hostNetwork && pod.address !== undefined)
}

function endOf(pod: Pod): NamedEnd {
  return { name: nameOf(pod), address: pod.address ?? '', named: true }
}

interface Asked {
  readonly cell: Cell
  readonly port: Port
  readonly question: Question
  /** Who may be the one that answers: names of pods. */
  readonly at: readonly string[]
}

const protocolOf = ({ protocol }: Port): Protocol => protocol === 'UDP' ? 'udp' : 'tcp'
const isAsked = ({ protocol }: Port): boolean => protocol !== 'SCTP'

function podQuestions(pods: readonly Pod[], owners: ReadonlyMap<string, Namespace>, { pods: tables }: Table): readonly Asked[] {
  const ends = new Map(pods.map(pod => [nameOf(pod), endOf(pod)]))
  return tables.filter(isAsked).flatMap(table => {
    const { protocol, port } = table
    const ask = (cell: Cell, from: NamedEnd | undefined): readonly Asked[] => {
      const to = ends.get(cell.to)
      return from === undefined || to === undefined ? [] : [{ cell, port: { protocol, port }, at: [cell.to], question: { from, to: to.address, port, protocol: protocolOf(table) } }]
    }
    return [
      ...table.cells.flatMap(cell => ask(cell, ends.get(cell.from))),
      ...pods.flatMap(pod => {
        const node = owners.get(nameOf(pod))?.node ?? ''
        return ask({ from: OWN_NODE, to: nameOf(pod), outcome: 'allowed', because: ALWAYS, by: [] }, { name: node, address: '', named: true, place: node })
      }),
    ]
  })
}

function outsideQuestions(pods: readonly Pod[], others: readonly NamedEnd[], { policies, namespaces }: Objects, { pods: tables }: Table): readonly Asked[] {
  return tables.filter(isAsked).flatMap(({ protocol, port }) => others.flatMap(other => pods.flatMap((pod): readonly Asked[] => {
    const ask = (from: Pod | NamedEnd, to: Pod | NamedEnd): Asked => {
      const [asks, asked] = [isEnd(from) ? from : endOf(from), isEnd(to) ? to : endOf(to)]
      const cell = { from: asks.name, to: asked.name, ...decide({ from, to, protocol, port }, policies, namespaces) }
      return { cell, port: { protocol, port }, at: [asked.name], question: { from: asks, to: asked.address, port, protocol: protocolOf({ protocol, port }) } }
    }
    return [ask(other, pod), ask(pod, other)]
  })))
}

function isEnd(one: Pod | NamedEnd): one is NamedEnd {
  return 'named' in one
}

/** By the address of each. */
function serviceQuestions(pods: readonly Pod[], { services: { services, cells } }: Table): readonly Asked[] {
  const ends = new Map(pods.map(pod => [nameOf(pod), endOf(pod)]))
  return cells.flatMap((cell): readonly Asked[] => {
    const [from, service] = [ends.get(cell.from), services.find(({ name }) => name === cell.to)]
    if (from === undefined || service?.clusterIP === undefined || service.clusterIP === 'None' || !isAsked(service.port)) return []
    const { port, endpoints, clusterIP } = service
    return [{ cell, port, at: endpoints.map(podOf), question: { from, to: clusterIP, port: port.port, protocol: protocolOf(port) } }]
  })
}

function listening(ends: readonly NamedEnd[], all: readonly Pod[], { pods: tables, services: { services } }: Table): readonly Listener[] {
  return [
    ...tables.filter(isAsked).flatMap(table => ends.map(end => ({ end, port: table.port, protocol: protocolOf(table) }))),
    ...services.filter(({ port, clusterIP }) => isAsked(port) && clusterIP !== undefined).flatMap(({ port, endpoints }) => endpoints.flatMap(endpoint => {
      const pod = all.find(one => nameOf(one) === podOf(endpoint))
      return pod === undefined ? [] : [{ end: endOf(pod), port: Number(endpoint.slice(podOf(endpoint).length + 1)), protocol: protocolOf(port) }]
    })),
  ]
}

/** `shop/web:8080`. */
function podOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':'))
}

/** Whoever is kept away may be so by silence or by a word: the specification does not say. What came to a server was not kept away. */
function isRight({ outcome }: Cell, reply: Reply, at: readonly (number | undefined)[]): boolean {
  const byOne = reply.kind === 'ok' && at.includes(reply.by.inode)
  const kept = reply.kind === 'timeout' || reply.kind === 'refused' || reply.kind === 'unreachable'
  switch (outcome) {
    case 'allowed': return byOne
    case 'denied': case 'none': return kept
    case 'some': case 'unspecified': case 'unknown': return byOne || kept
  }
}

/** What a grid shows of a cell. */
export type Shown = Pick<MeasuredCell, 'from' | 'to' | 'outcome' | 'because' | 'port' | 'reply' | 'right'>

/** Ports of which all the same is true share one. */
export function gridsOf(cells: readonly Shown[]): readonly Grid[] {
  const groups = new Map<string, Shown[]>()
  for (const cell of cells) {
    const key = cell.to.includes(':') ? 'Services' : `${cell.port.protocol} ${cell.port.port}`
    groups.set(key, [...groups.get(key) ?? [], cell])
  }
  const merged = new Map<string, { titles: string[]; grid: Omit<Grid, 'title'> }>()
  for (const [title, own] of groups) {
    const grid = gridOf(own)
    const key = JSON.stringify(grid)
    const known = merged.get(key)
    if (known === undefined) merged.set(key, { titles: [title], grid })
    else known.titles.push(title)
  }
  return [...merged.values()].map(({ titles, grid }) => ({ title: titles.join(', '), ...grid }))
}

function gridOf(cells: readonly Shown[]): Omit<Grid, 'title'> {
  const unique = (all: readonly string[]): readonly string[] => [...new Set(all)]
  const [rows, reasons] = [unique(cells.map(({ from }) => from)), unique(cells.map(({ because }) => because))]
  // In one order, as far as they are the same.
  const place = (name: string): number => rows.includes(name) ? rows.indexOf(name) : rows.length
  const columns = unique(cells.map(({ to }) => to)).toSorted((one, other) => place(one) - place(other))
  const at = new Map(cells.map(cell => [`${cell.from} > ${cell.to}`, cell]))
  return {
    rows, columns, reasons,
    cells: rows.map(from => columns.map((to): GridCell | null => {
      const cell = at.get(`${from} > ${to}`)
      return cell === undefined ? null : { expected: cell.outcome, measured: cell.reply.kind, right: cell.right, because: reasons.indexOf(cell.because) }
    })),
  }
}

/** One wrong cell in a sentence. */
export function sentence({ from, to, port: { protocol, port }, outcome, because, reply }: MeasuredCell): string {
  const where = to.includes(':') ? to : `${to} on ${protocol} ${port}`
  const why = outcome === 'allowed' ? because : `but ${because}`
  switch (reply.kind) {
    case 'ok': return outcome === 'denied' || outcome === 'none' ? `${from} reaches ${where}, ${why}` : `${from} asks for ${where} and is answered by ${reply.by.place.name}`
    case 'lost': return outcome === 'allowed' ? `what ${from} says arrives at ${where}, seen there as ${reply.peer}, and no answer comes back: ${because}`
      : `what ${from} says arrives at ${where}, seen there as ${reply.peer}, and only the answer is lost, ${why}`
    case 'refused': return `${from} is refused by ${where}: ${because}`
    case 'unreachable': return `${from} is told that ${where} is unreachable (${reply.reason}): ${because}`
    case 'timeout': return `${from} hears nothing from ${where}: ${because}`
    case 'wrong': return `something else answers ${from} in place of ${where}: ${JSON.stringify(reply.text)}`
  }
}
