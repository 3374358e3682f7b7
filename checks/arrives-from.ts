import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { allNamespaces, endOf, holders, ownerOf, type End, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { readFrames, type Header } from './read/tcpdump.ts'
import { start, type Running } from '../runner/core/running.ts'
import { translation } from './translation.ts'

/** Whoever talks several times a second has said something by then, on a busy machine too. */
const HEARD_MS = 1_500

/**
 * `what arrives at green on UDP port 9000 is from red's own address, 10.244.1.2`: of a connection that is there already.
 * Those that a check begins itself tell what happens to new ones; one that goes on keeps what was decided about its
 * first packet. Where a wire lies between the two, it has to agree.
 */
export function arrivesFrom(to: End, port: number, from: End): Check {
  const [receiver, sender] = [endOf(to), endOf(from)]
  return {
    claim: `what arrives at ${receiver.name} on UDP port ${port} is from ${sender.named ? `${sender.name}'s own address, ${sender.address}` : sender.address}`,
    look: bench => look(bench, receiver, port, sender),
  }
}

async function look(bench: Bench, to: NamedEnd, port: number, from: NamedEnd): Promise<Verdict> {
  const [receiver, sender] = await Promise.all([ownerOf(bench, to), ownerOf(bench, from)])
  if ('because' in receiver) return fail(receiver.because, ...receiver.evidence)
  if ('because' in sender) return fail(sender.because, ...sender.evidence)
  const wired = receiver.namespace.node !== sender.namespace.node
  const arriving = `dst host ${to.address} and dst port ${port}`
  // What is an answer to a translated request has its receiver's address only behind whoever translates it back.
  const places = [{ place: receiver.namespace.place, argv: capturing(arriving) }, ...wired ? [{ place: bench.place('fabric'), argv: capturing(`((${arriving}) or src host ${from.address})`) }] : []]
  const starting = places.map(({ place, argv }) => start(place, argv, output => output.includes('listening on')))
  try {
    const captures = await Promise.all(starting)
    const [own, wire] = captures
    await own?.until(output => headersOf(output).length > 0, HEARD_MS)
    // Whatever else the sender sends tells nothing of this connection, which has its port.
    const fromPort = headersOf(own?.output() ?? '').find(header => header.from === from.address)?.fromPort
    const telling = (output: string): readonly Header[] => headersOf(output).filter(header =>
      (header.to === to.address && header.toPort === port) || (header.from === from.address && header.fromPort === fromPort))
    await wire?.until(output => telling(output).length > 0, fromPort === undefined ? 0 : HEARD_MS)
    const evidence = captures.map((capture, index): Evidence => ({
      place: places[index]?.place.name ?? '', argv: places[index]?.argv ?? [], exitCode: undefined, stdout: capture.output().slice(0, 4000), stderr: '[stopped after the first packet]', ms: 0,
    }))
    const [first, ...rest] = evidence
    if (own === undefined || first === undefined) throw new Error('nothing was captured')
    return await judged(bench, { to, port, from }, { inside: headersOf(own.output()), outside: wire === undefined ? undefined : telling(wire.output()) },
      [first, ...rest], sender.namespace.node)
  } finally {
    await Promise.all(starting.map(one => one.then((capture: Running) => capture.stop(), () => undefined)))
  }
}

interface Seen {
  readonly inside: readonly Header[]
  /** On the wire between the nodes; undefined if there is none. */
  readonly outside: readonly Header[] | undefined
}

async function judged(bench: Bench, { to, port, from }: { to: NamedEnd; port: number; from: NamedEnd }, { inside, outside }: Seen, evidence: NonEmpty<Evidence>, node: string): Promise<Verdict> {
  const seconds = HEARD_MS / 1000
  const other = inside.find(header => header.from !== from.address)
  if (other !== undefined) {
    const [holder] = holders(await allNamespaces(bench), other.from)
    const whose = holder === undefined ? 'which nobody has' : `an address of ${nameOf(holder.namespace)}`
    const tracked = await bench.place(node).exec(['conntrack', '-L', '-p', 'udp', '--orig-src', from.address, '--dport', String(port)])
    const entry = tracked.stdout.split('\n').find(line => line.includes(`src=${from.address} `) && line.includes(`dst=${other.from} `))
    if (entry !== undefined) {
      const reply = entry.slice(entry.lastIndexOf('src=')).split(' ').slice(0, 4).join(' ')
      return fail(`it is from ${other.from}, ${whose}: ${node} translates a connection that ${from.name} has open, and expects the answer as ${reply}`, ...evidence, tracked)
    }
    const rule = await translation(bench, bench.topology.nodes.map(one => one.name), { from: from.address, to: to.address }, evidence)
    return fail(`it is from ${other.from}, ${whose}: ${rule.because}`, ...rule.evidence)
  }
  if (inside.length === 0) {
    const [passing] = outside ?? []
    return fail(passing === undefined ? `nothing arrived within ${seconds} s` : `nothing arrived within ${seconds} s, though the wire carries packets from ${passing.from}`, ...evidence)
  }
  if (outside?.length === 0) throw new CouldNotLook(`${to.name} receives what nobody sees on the wire as it is: for port ${port} of ${to.address}`, ...evidence)
  // The one of these that is not from it is for the receiver: nothing else passes the filter.
  const changed = outside?.find(header => header.from !== from.address)
  if (changed !== undefined) return fail(`on the wire it is from ${changed.from}: only ${to.name} itself takes it to be from ${from.address}`, ...evidence)
  return pass(...evidence)
}

function capturing(filter: string): readonly string[] {
  return ['sh', '-c', `exec tcpdump -i any -Q in -l -nn -s 200 --immediate-mode -Z root 'udp and ${filter}' 2>&1`]
}

function headersOf(output: string): readonly Header[] {
  return readFrames(output).flatMap(frame => frame.headers.at(-1) ?? [])
}
