import type { Bench, Check, Namespace } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { onEach, type RailOf } from './asks-on-rails.ts'
import { addressesOf, allNamespaces, endOf, ownerOf, type Missing } from './ends.ts'
import { readWireAnswers } from './read/wire-answers.ts'
import { readFrom, unable } from './tool.ts'
import { nobodyOf, WIRE } from './wire-arp.ts'

/**
 * Everybody on each wire is asked for all addresses, the one that belongs there last: a kernel answers in the order in which it is asked, so
 * when it has answered for that one it has nothing more to say. Each is asked for twice, by an address that nobody has, and by none at all, as
 * who wants to know whether an address is free does (RFC 5227): to that, filters by address have no say.
 */
const ASKER = `${WIRE}my %wires;
for (@ARGV) {
  my ($bridge, $nobody, @addresses) = split /,/;
  my $wire = wire($bridge);
  $wires{fileno $wire->{raw}} = { %$wire, last => $addresses[-1], left => 2 };
  for my $address (@addresses) {
    ask($wire, "\\xff" x 6, $_, $address) for '0.0.0.0', $nobody;
  }
}
my ($left, $waiting) = (0.5, scalar keys %wires);
while ($left > 0) {
  my $read = '';
  vec($read, $_, 1) = 1 for keys %wires;
  (my $found, $left) = select $read, undef, undef, $left;
  last if $found <= 0;
  for my $wire (map { vec($read, $_, 1) ? $wires{$_} : () } keys %wires) {
    my ($mac, $for, $to) = answer($wire) or next;
    print "answers $wire->{name} $mac $for ", $to eq '0.0.0.0' ? 'probed' : 'asked', "\\n";
    $waiting-- if $for eq $wire->{last} and --$wire->{left} == 0;
    # Whoever answers by a program of its own takes a moment longer than a kernel does.
    $left = 0.02 if $waiting <= 0 and $left > 0.02;
  }
}
`

/** `on each rail worker answers for its address there, and for none of its others`: on the wire itself, whoever asks. */
export function answersForOwnRail(name: string, rails: readonly RailOf[]): Check {
  return {
    claim: `${onEach(rails)} ${name} answers for its address there, and for none of its others`,
    look: async bench => {
      const found = await namespaceOf(bench, name, rails)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const { namespace, namespaces } = found
      const held = addressesOf(namespace)
      const argv = ['perl', '-e', ASKER, ...rails.map(({ segment, address, range }) => [segment, nobodyOf(range, namespaces), ...held.filter(one => one !== address), address].join(','))]
      const asked = await bench.place('fabric').exec(argv)
      // The program is the same each time, and long.
      const evidence: Evidence = { ...asked, argv: ['perl', '-e', '…', ...argv.slice(3)] }
      if (asked.exitCode !== 0) throw unable(evidence)
      const macs = new Set(namespace.links.map(link => link.mac))
      const answers = readFrom(evidence, readWireAnswers).filter(({ mac }) => macs.has(mac))
      const silent = rails.find(({ segment, address }) => !answers.some(one => one.segment === segment && one.address === address))
      if (silent !== undefined) return fail(`${name} does not answer for ${silent.address}, its own address on ${silent.segment}`, evidence)
      const wrong = rails.flatMap(({ segment, address }) => {
        const others = answers.filter(one => one.segment === segment && one.address !== address)
        return others.length === 0 ? [] : [{ segment, others }]
      })
      const [first, ...more] = wrong
      if (first === undefined) return pass(evidence)
      const [addresses, onlyProbed] = [[...new Set(first.others.map(one => one.address))], first.others.every(one => one.how === 'probed')]
      return fail(`on ${first.segment} ${name} also answers for ${list(addresses.length > 3 ? [...addresses.slice(0, 2), `${addresses.length - 2} more`] : addresses)}${onlyProbed ? ', when it is asked whether the address is free' : ''}: who is asked there takes ${addresses.length === 1 ? 'it' : 'them'} to be on that rail${more.length === 0 ? '' : ` (and so on ${list(more.map(one => one.segment))})`}`, evidence)
    },
  }
}

async function namespaceOf(bench: Bench, name: string, rails: readonly RailOf[]): Promise<Missing | { readonly namespace: Namespace; readonly namespaces: readonly Namespace[] }> {
  const [namespaces, ...owners] = await Promise.all([allNamespaces(bench), ...rails.map(({ address }) => ownerOf(bench, endOf({ [name]: address })))])
  for (const owner of owners) if ('because' in owner) return owner
  const [first, other] = new Set(owners.flatMap(owner => 'because' in owner ? [] : [owner.namespace]))
  if (first === undefined) throw new Error('expected a rail at least')
  return other === undefined ? { namespace: first, namespaces }
    : { because: `${first.place.name} and ${other.place.name} share the addresses of ${name}`, evidence: [first.evidence, other.evidence] }
}
