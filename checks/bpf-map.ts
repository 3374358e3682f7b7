// A map of BPF programs, by the name that it is pinned under; and packets that are sent to be counted in one.
import type { Bench, Namespace } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { readBpfMap, type MapEntry } from './read/bpf-map.ts'
import { readFrom, unable } from './tool.ts'

export interface PinnedMap {
  readonly entries: readonly MapEntry[]
  readonly evidence: Evidence
}

/** Nothing is pinned there: undefined. */
export async function pinnedMap(bench: Bench, node: string, name: string): Promise<PinnedMap | { readonly evidence: Evidence; readonly entries?: never }> {
  const evidence = await bench.place(node).exec(['bpftool', '-j', 'map', 'dump', 'pinned', `/sys/fs/bpf/${name}`])
  if (evidence.exitCode !== 0 && /No such file or directory/.test(evidence.stdout + evidence.stderr)) return { evidence }
  if (evidence.exitCode !== 0) throw unable(evidence)
  return { entries: readFrom(evidence, readBpfMap), evidence }
}

/**
 * Opens connections and takes each back before it would be tried a second time: so many first packets are sent, and no more.
 * ADDRESS PORT TIMES; prints the ports that they come from.
 */
const KNOCKS = `my @open;
for (1 .. $ARGV[2]) {
  socket my $s, 2, 1 | 2048, 0 or die "a socket: $!\\n";
  connect $s, pack 'Sna4x8', 2, $ARGV[1], pack 'C4', split /\\./, $ARGV[0];
  print join(' ', unpack 'x2n', getsockname $s), "\\n";
  push @open, $s;
}
select undef, undef, undef, 0.15`

export interface Knocking {
  readonly ports: readonly number[]
  readonly evidence: Evidence
}

export async function firstPackets(from: Namespace, to: string, port: number, times: number): Promise<Knocking> {
  const evidence = await from.place.exec(['perl', '-e', KNOCKS, to, String(port), String(times)])
  if (evidence.exitCode !== 0) throw unable(evidence)
  return { ports: evidence.stdout.split('\n').filter(Boolean).map(Number), evidence }
}
