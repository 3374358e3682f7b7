import type { Running } from './running.ts'
import type { Evidence, Verdict } from './verdict.ts'
import type { Topology } from './topology.ts'
import type { Probe, Trace } from './trace.ts'

/** A standard input that stays open and empty. */
export const OPEN: unique symbol = Symbol('open')

export interface ExecOptions {
  /** The command's standard input: a text, or texts as they come; OPEN keeps it open until the signal aborts. Default: empty. */
  readonly stdin?: string | typeof OPEN | AsyncIterable<string>
  /** Milliseconds until the command is killed and `exitCode` is undefined. Default 10,000. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Called with each piece of standard output as it comes. */
  readonly onStdout?: (text: string) => void
  readonly onStderr?: (text: string) => void
  /** Bytes of stdout and of stderr that are kept, each; the rest is counted and dropped. Default 1 MiB. */
  readonly maxBytes?: number
}

/** Where a command runs: a node (`node1`), a network namespace in it (`node1/red`), or the `fabric`. */
export interface Place {
  readonly name: string
  /** Never rejects because of an exit code; rejects when the place is gone. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Evidence>
}

/** One network namespace of a node, as the kernel has it now. */
export interface Namespace {
  readonly place: Place
  readonly node: string
  /** Its name under /run/netns, if it has one. The node's own namespace has none. */
  readonly named: string | undefined
  /** True for the namespace the node itself lives in. */
  readonly own: boolean
  readonly inode: number
  readonly links: readonly Link[]
  /** What this was read from: JSON in the words of `ip -j -d addr`. */
  readonly evidence: Evidence
}

/** One interface, from `ip -j -d addr`. Names and numbers are the kernel's. */
export interface Link {
  readonly name: string
  readonly index: number
  /** Interface number of the other end of a veth, if it is one. */
  readonly peerIndex: number | undefined
  /** Number of the peer's namespace as this namespace sees it; undefined when the peer is in this one. */
  readonly peerNamespace: number | undefined
  readonly kind: string | undefined
  readonly master: string | undefined
  readonly mac: string | undefined
  readonly mtu: number
  readonly up: boolean
  /** The kernel's operational state, `UP`, `DOWN`, `LOWERLAYERDOWN`, `UNKNOWN`. */
  readonly state: string
  /** For example `10.244.1.1/24`. IPv4 and IPv6. */
  readonly addresses: readonly string[]
}

/** The running lab as a script or a check sees it. */
export interface Bench {
  readonly topology: Topology
  /** `node1`, `node1/red` or `fabric`. Throws CouldNotLook for a name that the topology does not have. */
  place(name: string): Place
  /** Every network namespace of a node, its own first. Asked once a look, so that all checks of it agree. */
  namespaces(node: string): Promise<readonly Namespace[]>
  /**
   * The process that listed the namespaces of a node in this look, which goes on to ask in them. Whoever takes it ends it, or gives it back
   * when nothing of what it was told goes on; whom nobody has ends with the look. Undefined if there is none, or it is taken.
   */
  readonly lister?: ((node: string) => Promise<Running> | undefined) | undefined
  readonly givesBack?: ((node: string, lister: Running) => Promise<void>) | undefined
  /**
   * Sends one packet and follows it, and its answer, through every interface. What is wanted at one moment is recorded
   * together. Undefined when no explanation is wanted: a look that is only waiting for a network to settle, or that is
   * counted and not read.
   */
  readonly trace?: ((probe: Probe) => Promise<Trace>) | undefined
}

/** A claim, a full sentence, and a look that answers it. A look changes nothing. */
export interface Check {
  readonly claim: string
  /** Milliseconds after which a look is `unknown`, where it has more to do than others. Default 20,000. */
  readonly deadlineMs?: number
  look(bench: Bench): Promise<Verdict>
}
