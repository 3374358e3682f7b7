import type { Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass } from '../runner/core/verdict.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { askedAt, type Service } from './service.ts'

/** ADDRESS PORT…: asks each by one and the same source port; says what came of each. A reset ends each at once. */
const ASKS = String.raw`use strict;
use Socket;
my $own = 0;
while (my ($address, $port) = splice @ARGV, 0, 2) {
  socket my $s, AF_INET, SOCK_STREAM, 0 or die "a socket: $!\n";
  setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
  setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
  # SO_RCVTIMEO, SO_SNDTIMEO
  setsockopt $s, SOL_SOCKET, $_, pack 'qq', 0, 700_000 for 20, 21;
  bind $s, pack_sockaddr_in($own, INADDR_ANY) or die "port $own: $!\n";
  my $said = '';
  if (connect $s, pack_sockaddr_in($port, inet_aton $address)) {
    syswrite $s, "who straightafter\n";
    sysread $s, $said, 256;
  }
  ($own) = unpack_sockaddr_in getsockname $s;
  print "$address ", $said =~ /^straightafter / ? 'answers' : 'does not answer', "\n";
}`

/**
 * `red reaches b1 itself by a port that has just spoken with 10.96.0.42:80, and then that once more`: what is remembered of a connection ends with it,
 * and all of it.
 */
export function straightAfter(from: End, service: Service): Check {
  const [client, asked] = [endOf(from), askedAt(service)]
  const [backend] = asked.backends
  if (backend === undefined) throw new Error('expected one backend at least')
  return {
    claim: `${client.name} reaches ${asked.backends.map(end => end.name).join(' and ')} themselves by a port that has just spoken with ${asked.says}, and then that once more`,
    look: async bench => {
      const owner = await ownerOf(bench, client)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const service = [asked.address, asked.port]
      const all = [service, ...asked.backends.map(end => [end.address, asked.targetPort]), service].flat().map(String)
      const evidence = await owner.namespace.place.exec(['perl', '-e', ASKS, ...all])
      const lines = evidence.stdout.split('\n').filter(Boolean)
      if (evidence.exitCode !== 0 || lines.length !== asked.backends.length + 2) throw new CouldNotLook(`${owner.namespace.place.name}: could not ask by a port of its own: ${evidence.stderr.trim()}`, evidence)
      if (lines[0] !== `${asked.address} answers`) return fail(`${client.name} is not answered at ${asked.says}`, evidence)
      const silent = asked.backends.find(end => !lines.includes(`${end.address} answers`))
      if (silent === undefined && lines.at(-1) !== `${asked.address} answers`) return fail(`by a port with which ${client.name} has asked ${asked.says}, and then a backend itself, it is not answered at ${asked.says} once more`, evidence)
      return silent === undefined ? pass(evidence) : fail(`by the port with which ${client.name} has just asked at ${asked.says}, ${silent.name} itself does not answer: its answers are taken for those of the Service`, evidence)
    },
  }
}
