import type { Place } from './bench.ts'
import type { Topology } from './topology.ts'

/** Names one running set of nodes: a lab's slug, or a proof's own copy of it. */
export type LabId = string

export type ProviderName = 'embedded' | 'docker' | 'kind'

/** Why something cannot work here, and what mends it. */
export interface Problem {
  readonly what: string
  /** A command, or a sentence where no command can. */
  readonly mend: string
  /** `limit`: works, with less protection than it could have. Default: it cannot work at all. */
  readonly severity?: 'limit'
}

/** How slow work says what it is doing. */
export interface Progress {
  say(text: string): void
}

/** A Linux machine of the lab. */
export interface Node extends Place {
  /** The host argv that runs argv in the node, for terminals: it may be given a pty. */
  command(argv: readonly string[]): readonly string[]
}

export interface UpOptions {
  readonly signal: AbortSignal
  /**
   * True: the lab outlives this process. False: it ends with it, however it ends, so a proof
   * that is killed leaves nothing.
   */
  readonly keep: boolean
  /**
   * Runs when the nodes are up, before they are kept: what it rejects with ends them again. So nobody ever
   * meets a lab that is half set up.
   */
  readonly setUp?: () => Promise<void>
}

export interface RunningLab {
  readonly lab: LabId
  readonly provider: ProviderName
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Names of the nodes it was started with, dead ones too. */
  readonly nodes: readonly string[]
}

/** A way to get nodes. What can be done through a node's `exec` is no method here. */
export interface Provider {
  readonly name: ProviderName
  /** Empty when it works here. Tries things for real. */
  problems(): Promise<Problem[]>
  /** Root filesystem or image: slow once, cached after. */
  prepare(progress: Progress): Promise<void>
  up(lab: LabId, topology: Topology, options: UpOptions): Promise<void>
  /** The nodes that are alive, and the `fabric` as the last. Found by label, never by memory. */
  nodes(lab: LabId): Promise<readonly Node[]>
  /** Kept labs of this state folder. */
  running(): Promise<readonly RunningLab[]>
  /** Twice is fine. */
  down(lab: LabId): Promise<void>
  /** What runs that were killed left behind, one line each; removed if asked. Never what is in use. */
  leftovers(options: { readonly remove: boolean }): Promise<readonly string[]>
}
