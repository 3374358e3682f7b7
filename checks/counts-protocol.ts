import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { fail, pass, unknown, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { pinnedMap } from './bpf-map.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { numberOf } from './read/bpf-map.ts'
import { unable } from './tool.ts'

/** One that RFC 3692 leaves for trying things: nothing else sends it, and what hears it answers by another, ICMP. */
const TRIAL = 253
const PACKETS = 7

const SEND = `socket my $raw, 2, 3, $ARGV[1] or die "a raw socket: $!\\n";
send $raw, 'counted', 0, pack 'Sna4x8', 2, 0, pack 'C4', split /\\./, $ARGV[0] or die "$ARGV[0]: $!\\n" for 1 .. $ARGV[2]`

/**
 * `node1 counts what red sends, each packet once, in the map packets`: an array of counters by the number of the IP protocol. What red is
 * sent is not counted.
 */
export function countsProtocol(node: string, from: End, to: End, map: string): Check {
  const [client, server] = [endOf(from), endOf(to)]
  return {
    claim: `${node} counts what ${client.name} sends, each packet once and by its protocol, in the map ${map}`,
    look: async bench => {
      const [own, other] = await Promise.all([ownerOf(bench, client), ownerOf(bench, server)])
      if ('because' in own) return fail(own.because, ...own.evidence)
      if ('because' in other) return fail(other.because, ...other.evidence)
      // Another look at the same time sends the same.
      for (let tries = 1; ; tries++) {
        const verdict = await look(bench, node, map, { client, from: own.namespace, server, to: other.namespace })
        if (verdict.status === 'pass' || tries === TRIES) return verdict
      }
    },
  }
}

const TRIES = 3

interface Pair {
  readonly client: NamedEnd
  readonly from: Namespace
  readonly server: NamedEnd
  readonly to: Namespace
}

async function look(bench: Bench, node: string, map: string, { client, from, server, to }: Pair): Promise<Verdict> {
  const count = async () => {
    const read = await pinnedMap(bench, node, map)
    const entry = read.entries?.find(({ key }) => numberOf(key) === TRIAL)
    return { ...read, is: entry === undefined ? undefined : numberOf(entry.value) }
  }
  const before = await count()
  if (before.entries === undefined) return fail(`${node} has no map pinned as /sys/fs/bpf/${map}`, before.evidence)
  if (before.is === undefined) return fail(`the map ${map} has no entry for protocol ${TRIAL}, of the ${before.entries.length} that it has`, before.evidence)
  const there = await send(from, server.address)
  const counted = await count()
  // What comes to them goes by the same interface, and is not meant.
  const back = await send(to, client.address)
  const after = await count()
  const evidence = [before.evidence, there, counted.evidence, back, after.evidence] as const
  if (counted.is === undefined || after.is === undefined) return unknown(`the map ${map} was replaced meanwhile`, ...evidence)
  if (counted.is - before.is !== PACKETS) return fail(`${client.name} sends ${PACKETS} packets of protocol ${TRIAL}, and ${node} counts ${counted.is - before.is}`, ...evidence)
  if (after.is !== counted.is) return fail(`${node} counts what ${client.name} is sent, too`, ...evidence)
  return pass(...evidence)
}

async function send(from: Namespace, to: string): Promise<Evidence> {
  const sent = await from.place.exec(['perl', '-e', SEND, to, String(TRIAL), String(PACKETS)])
  if (sent.exitCode !== 0) throw unable(sent)
  return sent
}
