import { parseAddress } from '../../core/ipv4.ts'
import { Usage } from '../../core/mistake.ts'
import { nearest, oneOf, quoted } from '../../core/quoted.ts'
import { shortNames } from '../../core/short-names.ts'
import type { Bench, Namespace } from '../../core/bench.ts'
import type { Probe } from '../../core/trace.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { benchOf } from '../../engine/session.ts'
import { session } from '../context.ts'
import { coloured, json, plain, result } from '../print.ts'
import { traceLines } from '../trace-lines.ts'

export interface TraceOptions {
  readonly tcp?: string
  readonly udp?: string
  readonly icmp?: true
  readonly size?: string
  readonly json?: true
}

/** The smallest packet that has the mark by which it is known, and the largest that IPv4 has. */
const [SMALLEST, LARGEST] = [44, 65_535]

/** 0: it arrived and was answered; 1: not. */
export async function traceCommand(from: string, to: string, options: TraceOptions): Promise<number> {
  const how = howOf(options)
  const at = await session()
  const bench = await benchOf(at)
  if (bench.trace === undefined) throw new CouldNotLook('this bench follows no packets')
  const trace = await bench.trace(await probeBetween(bench, at.loaded.slug, from, to, how))
  if (options.json) json({ lab: at.loaded.slug, ...trace })
  else {
    const colour = coloured(process.stdout)
    result(traceLines(trace, colour, process.stdout.columns || 100).map(plainIfPlain(colour)).join('\n'))
  }
  return trace.outcome === 'answered' ? 0 : 1
}

/** From and to: a place, the only namespace of a name, or an address. */
export async function probeBetween(bench: Bench, lab: string, from: string, to: string, how: Pick<Probe, 'protocol' | 'port' | 'size'>): Promise<Probe> {
  const namespaces = (await Promise.all(bench.topology.nodes.map(({ name }) => bench.namespaces(name)))).flat()
  const [sender, target] = [meant(namespaces, from), meant(namespaces, to)]
  if (sender.namespace === undefined) throw new Usage(`nobody in ${lab} has the address ${from}: a packet has to be sent from somewhere`)
  const address = target.address ?? firstAddress(target.namespace)
  if (address === undefined) throw new Usage(`${to} has no address to send to`)
  return { from: sender.namespace.place.name, to: address, ...(sender.address === undefined ? {} : { source: sender.address }), ...how }
}

function plainIfPlain(colour: boolean): (line: string) => string {
  return line => colour ? line : plain(line)
}

function howOf({ tcp, udp, icmp, size }: TraceOptions): Pick<Probe, 'protocol' | 'port' | 'size'> {
  if ([tcp, udp, icmp].filter(one => one !== undefined).length > 1) throw new Usage('one of --tcp PORT, --udp PORT and --icmp, not several')
  if (size !== undefined && tcp !== undefined) throw new Usage('a TCP connection begins with a small packet, whatever it carries later: --size is for --icmp and --udp')
  const bytes = size === undefined ? {} : { size: numberIn(size, '--size', SMALLEST, LARGEST) }
  if (tcp !== undefined) return { protocol: 'tcp', port: numberIn(tcp, '--tcp', 1, 65_535) }
  if (udp !== undefined) return { protocol: 'udp', port: numberIn(udp, '--udp', 1, 65_535), ...bytes }
  // What ping sends: every kernel answers it itself, so no server has to be there, and nobody's refusal is taken for an answer.
  return { protocol: 'icmp', ...bytes }
}

function numberIn(text: string, option: string, least: number, most: number): number {
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number < least || number > most) throw new Usage(`${option} takes a number from ${least} to ${most}, and got ${quoted(text)}`)
  return number
}

function meant(namespaces: readonly Namespace[], text: string): { readonly namespace: Namespace | undefined; readonly address?: string } {
  if (parseAddress(text) !== undefined) {
    return { namespace: namespaces.find(({ links }) => links.some(link => link.addresses.some(held => held.split('/')[0] === text))), address: text }
  }
  const exact = namespaces.find(({ place }) => place.name === text)
  if (exact !== undefined) return { namespace: exact }
  const named = namespaces.filter(one => one.named !== undefined && (one.named === text || shortNames(one.named) === `${text.replace(/…$/, '')}…`))
  const [namespace, ...others] = named
  if (namespace !== undefined && others.length === 0) return { namespace }
  if (namespace !== undefined) throw new Usage(`there are several ${quoted(text)}: ${oneOf(named.map(({ place }) => place.name))}`)
  const known = namespaces.flatMap(({ place, named: name }) => [place.name, ...(name === undefined ? [] : [name])])
  const near = nearest(text, known)
  throw new Usage(`there is no ${quoted(text)}${near === undefined ? '' : `; the nearest is ${quoted(near)}`}. A place, node1 or node1/red, the name of a namespace, or an address is expected.`)
}

function firstAddress(namespace: Namespace | undefined): string | undefined {
  return namespace?.links.filter(link => link.name !== 'lo').flatMap(link => link.addresses).map(held => held.split('/')[0] ?? '').find(one => parseAddress(one) !== undefined)
}
