// What was observed of one or more probes, as the tools printed it: from this alone everything else is concluded, here
// or years later.
import type { Probe } from '../../core/trace.ts'

export interface RecordedSpace {
  /** `node1/red`, `node1`, `fabric`. */
  readonly place: string
  /** Of the place's node; the fabric is one of its own. */
  readonly node: string
  /** What a reader calls it: `red`. */
  readonly name: string
  readonly own: boolean
  readonly inode: number
  /** `ip -j -d addr`. */
  readonly links: string
}

export interface RecordedProbe extends Probe {
  readonly id: string
  /** The sender's namespace. */
  readonly inode: number
  /** Random, in the payload of ICMP and UDP. */
  readonly nonce: string
  /** It was sent there: the port of a server, or ICMP's id. */
  readonly number: number
  /** The server is one that was opened for the occasion. */
  readonly served: boolean
}

export interface RecordedRules {
  /** `nft -a list ruleset`. */
  readonly nft: string
  /** `iptables-legacy-save -c`, before and after. */
  readonly before: string
  readonly after: string
}

export interface Recording {
  readonly spaces: readonly RecordedSpace[]
  readonly probes: readonly RecordedProbe[]
  /** Of each recorder. */
  readonly recorded: readonly string[]
  /** What namespaces say of themselves, by number. */
  readonly facts: Readonly<Record<number, string>>
  /** What filters there are, by number; only where it was asked. */
  readonly rules: Readonly<Record<number, RecordedRules>>
  /** It was waited for those who answer late. */
  readonly patient: boolean
}
