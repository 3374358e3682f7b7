// Asks for addresses on a wire, out of the bridge that it is: nobody's cache is mended by that, and no machine is between.
import { broadcastOf, formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import type { Namespace } from '../runner/core/bench.ts'
import { CouldNotLook } from '../runner/core/verdict.ts'
import { holders } from './ends.ts'

/** How a program in Perl begins that asks so: a raw socket on the wire, what is sent there, and what an answer says. */
export const WIRE = `use strict;
sub ip { pack 'C4', split /\\./, $_[0] }
sub wire {
  my ($bridge) = @_;
  socket my $raw, 17, 3, 0x0608 or die "a packet socket: $!\\n";
  my $request = pack 'Z16 x24', $bridge;
  ioctl $raw, 0x8933, $request or die "$bridge: $!\\n";
  my $index = unpack 'x16 i', $request;
  $request = pack 'Z16 x24', $bridge;
  ioctl $raw, 0x8927, $request or die "$bridge: $!\\n";
  bind $raw, pack('S n l S C C a8', 17, 0x0806, $index, 0, 0, 0, '') or die "$bridge: $!\\n";
  return { name => $bridge, raw => $raw, own => substr $request, 18, 6 };
}
sub ask {
  my ($wire, $to, $from, $for) = @_;
  send $wire->{raw}, $to . $wire->{own} . pack('n n n C C n', 0x0806, 1, 0x0800, 6, 4, 1) . $wire->{own} . ip($from) . "\\0" x 6 . ip($for), 0 or die "$wire->{name}: $!\\n";
}
# Who answers, for which address, and to whom; nothing where it is no answer to us.
sub answer {
  my ($wire) = @_;
  defined recv $wire->{raw}, my $frame, 2048, 0 or return;
  return if length $frame < 42 or substr($frame, 20, 2) ne "\\0\\2" or substr($frame, 0, 6) ne $wire->{own};
  return (join(':', map { sprintf '%02x', $_ } unpack 'C6', substr $frame, 22, 6), map { join '.', unpack 'C4', substr $frame, $_, 4 } 28, 38);
}
`

/**
 * The last address of a range that nobody has, to ask in its name. There has to be one: in the name of 0.0.0.0, the other that is nobody's,
 * one asks whether an address is free, and to that proxies are silent. Who answers for others would pass for one who does not.
 */
export function nobodyOf(range: string, namespaces: readonly Namespace[]): string {
  const cidr = parseCidr(range)
  if (cidr === undefined) throw new Error(`expected a range, for example 10.51.0.0/16, and got ${range}`)
  for (let number = broadcastOf(cidr) - 1; number > networkOf(cidr); number--) {
    if (holders(namespaces, formatAddress(number)).length === 0) return formatAddress(number)
  }
  throw new CouldNotLook(`every address of ${range} is somebody's: there is none to ask in the name of nobody`, ...namespaces.map(({ evidence }) => evidence))
}
