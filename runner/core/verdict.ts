/** At least one element. */
export type NonEmpty<T> = readonly [T, ...T[]]

/**
 * What one command did in one place. A non-zero exit is an observation, not an error;
 * `exitCode` is undefined when the command did not end by itself (deadline, signal).
 */
export interface Evidence {
  readonly place: string
  readonly argv: readonly string[]
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** What an object of Kubernetes makes of a connection. `some`: by some endpoints only. `none`: there is nobody to answer. */
export type Expected = 'allowed' | 'denied' | 'some' | 'none' | 'unspecified' | 'unknown'
/** What became of it. `lost`: it arrived, and no answer came back. */
export type Measured = 'ok' | 'lost' | 'refused' | 'unreachable' | 'timeout' | 'wrong'

export interface GridCell {
  readonly expected: Expected
  readonly measured: Measured
  readonly right: boolean
  /** Which of the grid's reasons. */
  readonly because: number
}

/** Who reaches whom, as it has to be and as it is. */
export interface Grid {
  /** What was asked for: `TCP 80, TCP 443`. */
  readonly title: string
  /** Who asks. */
  readonly rows: readonly string[]
  /** Who is asked. */
  readonly columns: readonly string[]
  /** Row by row; null where nothing was asked. */
  readonly cells: readonly (readonly (GridCell | null)[])[]
  /** Sentences: what decides. */
  readonly reasons: readonly string[]
}

/** The answer to a claim. There is no `pass` without evidence: something was looked at. */
export type Verdict =
  | { readonly status: 'pass'; readonly evidence: NonEmpty<Evidence>; readonly table?: readonly Grid[] }
  | { readonly status: 'fail'; readonly because: string; readonly evidence: NonEmpty<Evidence>; readonly table?: readonly Grid[] }
  | { readonly status: 'unknown'; readonly because: string; readonly evidence: readonly Evidence[] }

export type Status = Verdict['status']

/** A verdict beside the claim that it answers. */
export interface Judged {
  readonly claim: string
  readonly verdict: Verdict
}

export function pass(...evidence: NonEmpty<Evidence>): Verdict {
  return { status: 'pass', evidence }
}

export function fail(because: string, ...evidence: NonEmpty<Evidence>): Verdict {
  return { status: 'fail', because, evidence }
}

/** Could not look. Never blames the learner and never completes a step. */
export function unknown(because: string, ...evidence: readonly Evidence[]): Verdict {
  return { status: 'unknown', because, evidence }
}

/** One failure makes the whole fail; otherwise one `unknown` makes it unknown. */
export function overall(statuses: readonly Status[]): Status {
  if (statuses.includes('fail')) return 'fail'
  return statuses.includes('unknown') || statuses.length === 0 ? 'unknown' : 'pass'
}

/** Thrown by a check that could not look: the judge makes it `unknown`, with what was seen so far. */
export class CouldNotLook extends Error {
  readonly evidence: readonly Evidence[]
  constructor(because: string, ...evidence: readonly Evidence[]) {
    super(because)
    this.name = 'CouldNotLook'
    this.evidence = evidence
  }
}
