// What was seen when a lab was done on nodes: for pages that are read where there are none.
import type { Observed } from './observed.ts'
import type { Trace } from './trace.ts'
import type { Grid } from './verdict.ts'

export interface LabRecord {
  /** The network at the end of each step, when all its claims held. */
  readonly steps: readonly { readonly step: string; readonly observed: Observed; readonly tables: readonly Claimed[] }[]
  /** A packet through the finished lab; undefined where there are no two pods. */
  readonly trace: Trace | undefined
  readonly faults: readonly FaultRecord[]
}

/** Who reaches whom, as a claim about it was judged. */
export interface Claimed {
  readonly claim: string
  readonly grids: readonly Grid[]
}

/** A fault as it shows: what does not hold, why, and where a packet ended. */
export interface FaultRecord {
  readonly step: string
  readonly name: string
  readonly observed: Observed
  readonly failing: readonly { readonly claim: string; readonly because: string; readonly grids: readonly Grid[] }[]
  /** That of the first claim that asked for one. */
  readonly trace: Trace | undefined
}
