// Who answers on a wire when somebody asks for an address. Asked from the wire itself, in nobody's name: an answer to a machine
// mends what that machine remembers, and a look that mends shows a fault to nobody.
import type { Bench, Link, Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'
import { allNamespaces } from './ends.ts'
import { onceALook } from './once.ts'
import { readArpAnswers } from './read/arp-answers.ts'
import { readFrom, unable } from './tool.ts'
import { nobodyOf, WIRE } from './wire-arp.ts'

/**
 * Out of the bridge that is the wire, to each machine by itself and to all. A probe (RFC 5227), which has no sender's address, is answered
 * by whoever has the address, and remembered by nobody; proxies are silent to it, and so are asked once more, by a sender
 * that nobody is. A machine answers in the order of the questions: when it has answered for its own address, it has nothing more to say.
 */
const ASKER = `${WIRE}my ($bridge, $address, $nobody, @machines) = @ARGV;
my $wire = wire($bridge);
sub mac { pack 'C6', map { hex } split /:/, $_[0] }
my (%answers, %alive);
sub listen_for {
  my ($seconds, %due) = @_;
  my $left = $seconds;
  while ($left > 0) {
    my $read = '';
    vec($read, fileno $wire->{raw}, 1) = 1;
    (my $found, $left) = select $read, undef, undef, $left;
    last if $found <= 0;
    my ($mac, $for) = answer($wire) or next;
    $answers{$mac} = 1 if $for eq $address;
    $alive{$mac} = 1 if grep { $_ eq "$mac=$for" } @machines;
    delete $due{$mac} if $alive{$mac};
    # Whoever answers by a program of its own takes a moment longer than a kernel does.
    $left = 0.05 if !%due and $left > 0.05;
  }
}
ask($wire, "\\xff" x 6, '0.0.0.0', $address);
for my $sender ('0.0.0.0', $nobody) {
  %alive = ();
  for (@machines) {
    my ($to, $for) = split /=/;
    ask($wire, mac($to), $sender, $address) if !$answers{$to};
    ask($wire, mac($to), '0.0.0.0', $for);
  }
  listen_for(0.5, map { ((split /=/)[0] => 1) } @machines);
}
print "answers $_\\n" for sort keys %answers;
print "alive $_\\n" for sort keys %alive;
`

export interface Answering {
  /** Each MAC address that answered, and the machine that it is one of. */
  readonly who: readonly { readonly mac: string; readonly node: string }[]
  readonly evidence: Evidence
}

const once = onceALook<Answering>()

/** Who answers for the address on the segment. */
export function answering(bench: Bench, segment: string, address: string): Promise<Answering> {
  return once(bench, `${segment} ${address}`, () => ask(bench, segment, address))
}

async function ask(bench: Bench, segment: string, address: string): Promise<Answering> {
  const namespaces = await allNamespaces(bench)
  const machines = bench.topology.nodes.flatMap(node => node.interfaces.filter(one => one.segment === segment).flatMap(one => {
    const own = namespaces.find(namespace => namespace.node === node.name && namespace.own)
    const link = own?.links.find(({ name }) => name === one.name)
    return link?.mac === undefined || !link.up ? [] : [{ node: node.name, mac: link.mac, address: ownAddress(link, one.address) }]
  }))
  const range = bench.topology.nodes.flatMap(node => node.interfaces).find(one => one.segment === segment && one.address !== undefined)?.address ?? ''
  const argv = ['perl', '-e', ASKER, segment, address, nobodyOf(range, namespaces), ...machines.map(one => `${one.mac}=${one.address}`)]
  const asked = await bench.place('fabric').exec(argv)
  // The program is the same each time, and long.
  const evidence: Evidence = { ...asked, argv: ['perl', '-e', '…', ...argv.slice(3)] }
  if (asked.exitCode !== 0) throw unable(evidence)
  const { answers, alive } = readFrom(evidence, readArpAnswers)
  if (alive.length === 0) throw new CouldNotLook(`nobody on ${segment} answers, not even for an address that is its own`, evidence)
  const who = answers.map(mac => ({ mac, node: ownerOfMac(namespaces, mac) ?? mac }))
  return { who, evidence }
}

/** The one that the topology gave it, as long as it has that one: others come and go. */
function ownAddress(link: Link, given: string | undefined): string {
  const held = link.addresses.map(one => one.split('/')[0] ?? '').filter(one => one.includes('.'))
  const first = given?.split('/')[0] ?? ''
  return held.includes(first) ? first : held[0] ?? first
}

export function ownerOfMac(namespaces: readonly Namespace[], mac: string): string | undefined {
  return namespaces.find(namespace => namespace.links.some(link => link.mac === mac))?.node
}
