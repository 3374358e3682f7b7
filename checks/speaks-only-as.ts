import { randomBytes } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { addressed, endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { PROBE } from './exchange.ts'
import { readHeard, readReady } from './read/probe.ts'
import { start } from '../runner/core/running.ts'
import { unable } from './tool.ts'

/** A datagram takes a few milliseconds; two of each are sent. */
const HEARD_MS = 300
/** The other one is sent first, and on the same way: it would have been heard before. */
const BOTH_MS = 40

/** UDP with a source address of the sender's choice, which root may have. The kernel adds the checksum of IP; that of UDP may be left out. */
const SEND = `use Socket;
socket my $raw, AF_INET, SOCK_RAW, 255 or die "a raw socket: $!\\n";
my ($to, $port, @words) = @ARGV;
while (my ($from, $word) = splice @words, 0, 2) {
  my $udp = pack('nnnn', 40000, $port, 8 + length $word, 0) . $word;
  my $ip = pack('CCnnnCCna4a4', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, inet_aton($from), inet_aton($to));
  send $raw, $ip . $udp, 0, pack_sockaddr_in(0, inet_aton($to)) or print "$from: $!\\n";
}`

export interface Names {
  /** Whose packets the node has to pass on: they arrive. */
  readonly as: End
  /** Somebody on another node. */
  readonly notAs: End
  readonly to: End
}

/**
 * `red hears green by way of node2, and nobody on node2 can speak to red as violet`: the node itself sends both, as
 * whoever has taken it over would.
 */
export function speaksOnlyAs(node: string, { as, notAs, to }: Names): Check {
  const [own, foreign, listener] = [endOf(as), endOf(notAs), endOf(to)]
  return {
    claim: `${node} can speak to ${listener.name} as ${own.name}, and not as ${foreign.name}`,
    look: bench => look(bench, node, own, foreign, listener),
  }
}

async function look(bench: Bench, node: string, own: NamedEnd, foreign: NamedEnd, listener: NamedEnd): Promise<Verdict> {
  const owner = await ownerOf(bench, listener)
  if ('because' in owner) return fail(owner.because, ...owner.evidence)
  const to = addressed(listener, owner)
  if ('because' in to) return fail(to.because, ...to.evidence)
  const server = await start(owner.namespace.place, [PROBE, 'serve'], output => readReady(output) !== undefined)
  try {
    const [true_, false_] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')]
    const words = [foreign.address, false_, own.address, true_]
    const sent = await bench.place(node).exec(['perl', '-e', SEND, to.address, String(readReady(server.output()) ?? 0), ...words, ...words])
    if (sent.exitCode !== 0) throw unable(sent)
    const has = (nonce: string) => (output: string): boolean => readHeard(output).some(heard => heard.nonce === nonce)
    const control = await server.until(has(true_), HEARD_MS)
    const pretended = await server.until(has(false_), BOTH_MS)
    const heard = {
      place: owner.namespace.place.name, argv: [PROBE, 'serve'], exitCode: undefined, ms: 0, stdout: server.output(), stderr: '',
    }
    if (pretended) return fail(`${to.name} hears what ${node} sends with ${foreign.name}'s address, ${foreign.address}, as its source`, sent, heard)
    // It would be the node's own doing, which whoever has taken it over undoes.
    const kept = sent.stdout.split('\n').find(line => line.startsWith(`${foreign.address}: `))
    if (kept !== undefined) return fail(`${node} itself does not let out what has ${foreign.name}'s address, ${foreign.address}, as its source (${kept.slice(foreign.address.length + 2)}): whoever has taken it over changes that`, sent, heard)
    if (!control) return fail(`${to.name} hears nothing that ${node} sends to it, not even as ${own.name}: that tells nothing about ${foreign.name}`, sent, heard)
    return pass(sent, heard)
  } finally {
    await server.stop()
  }
}
