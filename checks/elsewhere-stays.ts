import { randomInt } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { broadcastOf, contains, formatAddress, networkOf, parseAddress, type Cidr } from '../runner/core/ipv4.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { capture } from './capture.ts'
import { placesOf } from './cri.ts'
import { allNamespaces, endsOf, holders, ownerOf, type NamedEnd, type Owner } from './ends.ts'
import { readFrames } from './read/tcpdump.ts'
import { rangeOf } from './some-of.ts'
import { unable } from './tool.ts'

/** Shared by networks of providers (RFC 6598), for documentation (RFC 5737), and private: a default route has them all, whole or in halves. */
const ELSEWHERE = ['10.128.0.0/10', '100.64.0.0/10', '203.0.113.0/24'].map(rangeOf)
/** Who does not say at once which MAC they have is asked again after a second. */
const NEIGHBOUR_MS = 1_500
/** A word, to a port of each address. */
const SEND = 'port=$1; shift; for address; do echo elsewhere 2>/dev/null >"/dev/udp/$address/$port"; done; true'

/**
 * `what web and db send to addresses that nobody has, outside of 10.244.0.0/16, goes to no other node`: a default route that leads to
 * another node sends it there, and two that lead to each other send it in a circle.
 */
export function elsewhereStays(ends: readonly string[] | Readonly<Record<string, string>>, within: string): Check {
  const all = endsOf(ends)
  const range = rangeOf(within)
  return { claim: claimOf(all.map(({ name }) => name), within), look: bench => look(bench, all, range) }
}

/** The same of pods of a runtime, whatever addresses they were given: `{ web: 'node1' }`. */
export function podsElsewhereStays(pods: Readonly<Record<string, string>>, within: string): Check {
  const range = rangeOf(within)
  return {
    claim: claimOf(Object.keys(pods), within),
    look: async bench => {
      const places = await placesOf(bench, pods)
      return 'because' in places ? fail(places.because, ...places.evidence) : look(bench, endsOf(places.places), range)
    },
  }
}

function claimOf(names: readonly string[], within: string): string {
  return `what ${list(names)} ${names.length === 1 ? 'sends' : 'send'} to addresses that nobody has, outside of ${within}, goes to no other node`
}

interface Sender {
  readonly end: NamedEnd
  readonly owner: Owner
  /** To which it sends, and nobody else. */
  readonly port: number
  readonly nobodys: readonly string[]
  /** Other nodes by their own addresses, who show that what is sent to another node is seen. */
  readonly nodes: readonly string[]
}

async function look(bench: Bench, ends: readonly NamedEnd[], within: Cidr): Promise<Verdict> {
  const senders: Sender[] = []
  const base = randomInt(20_000, 30_000)
  const namespaces = await allNamespaces(bench)
  const isFree = (address: string): boolean => !contains(within, parseAddress(address) ?? 0) && holders(namespaces, address).length === 0
  for (const end of ends) {
    const owner = await ownerOf(bench, end)
    if ('because' in owner) return fail(owner.because, ...owner.evidence)
    const others = bench.topology.nodes.filter(({ name }) => name !== owner.namespace.node)
    senders.push({
      end, owner, port: base + senders.length, nobodys: ELSEWHERE.map(range => someone(range, isFree)),
      nodes: others.flatMap(({ interfaces }) => interfaces.flatMap(({ address }) => address?.split('/')[0] ?? []).slice(0, 1)),
    })
  }
  const listening = await capture(bench, { filter: 'udp and less 400', bytes: 200 })
  try {
    // Nodes last: what waits for the same neighbour goes out in this order.
    const sent = await Promise.all(senders.map(({ owner, port, nobodys, nodes }) => owner.namespace.place.exec(['bash', '-c', SEND, 'bash', String(port), ...nobodys, ...nodes])))
    const unsent = sent.find(({ exitCode }) => exitCode !== 0)
    if (unsent !== undefined) throw unable(unsent)
    const passed = (output: string, { port }: Sender, address: string): readonly string[] =>
      readFrames(output).filter(({ headers }) => headers.some(({ to, toPort }) => to === address && toPort === port)).map(({ link }) => link)
    await listening.running.until(output => senders.every(sender => sender.nodes.every(node => passed(output, sender, node).length > 0)), NEIGHBOUR_MS)
    const seen = await listening.whole()
    const evidence: NonEmpty<Evidence> = [shown(listening.argv, seen), ...sent]
    for (const sender of senders) {
      const { end, owner: { namespace }, nobodys } = sender
      for (const address of nobodys) {
        const links = passed(seen, sender, address)
        if (links.length === 0) continue
        const from = bench.topology.nodes.map(({ name }) => name).filter(name => links.some(link => link.startsWith(`${name}-`)))
        const packet = `what ${end.name} sends to ${address}, which nobody has,`
        return fail(new Set(links).size < links.length ? `${packet} goes in a circle: ${list(from)} send it on again and again` : `${packet} leaves ${namespace.node} by the wire`, ...evidence)
      }
    }
    for (const sender of senders) {
      const missed = sender.nodes.find(node => passed(seen, sender, node).length === 0)
      if (missed !== undefined) return fail(`nothing shows it: what ${sender.end.name} sends to ${missed}, which is another node, is not seen on the wire either`, ...evidence)
    }
    return pass(...evidence)
  } finally {
    // A capture takes its time to end and leaves nothing in a node: nobody waits for it.
    listening.running.stop().catch(() => {})
  }
}

/** Another one at each look: a route for it alone would not help. */
function someone(range: Cidr, isFree: (address: string) => boolean): string {
  for (;;) {
    const address = formatAddress(randomInt(networkOf(range) + 1, broadcastOf(range)))
    if (isFree(address)) return address
  }
}

function shown(argv: readonly string[], output: string): Evidence {
  const frames = readFrames(output)
  return {
    place: 'fabric', argv, exitCode: undefined, ms: 0,
    stdout: frames.slice(0, 60).map(({ link, headers }) => `${link} ${headers.map(({ from, to, toPort }) => `${from} > ${to}.${toPort ?? ''}`).join(' ')}\n`).join(''),
    stderr: `[stopped after ${frames.length} frames]`,
  }
}
