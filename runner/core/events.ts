import type { ProviderName } from './provider.ts'
import type { Judged, Status } from './verdict.ts'

/** A step's verdicts, as journal, terminal and page carry them. */
export interface StepVerdicts {
  readonly id: string
  readonly title: string
  readonly status: Status
  /** Without what a later step, which holds, has made untrue. */
  readonly verdicts: readonly Judged[]
  /** That step's id. */
  readonly replacedBy?: string
}

/** Everything that can happen to a lab. A formatter is a mapped type over `kind`: none can forget one. */
export type Happening =
  | { readonly kind: 'started'; readonly provider: ProviderName; readonly nodes: readonly string[] }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'reset' }
  /** A learner's command in a shell of a place has ended. `text` is untrusted. */
  | { readonly kind: 'command'; readonly place: string; readonly text: string; readonly exitCode: number }
  | { readonly kind: 'judged'; readonly steps: readonly StepVerdicts[] }
  | { readonly kind: 'completed'; readonly step: string }
  /** A step that had held no longer does; `since` are the commands typed since it last did. */
  | { readonly kind: 'regressed'; readonly step: string; readonly claims: readonly string[]; readonly since: readonly string[] }
  | { readonly kind: 'hinted'; readonly step: string; readonly number: number }
  | { readonly kind: 'answered'; readonly name: string; readonly value: string; readonly status: Status }
  | { readonly kind: 'solved'; readonly step: string }
  | { readonly kind: 'went'; readonly step: string }
  /** `lab break` did one fault of the stock: its number, not its name, because a learner is to find it. `claims` do not hold since. */
  | { readonly kind: 'broke'; readonly seed: number; readonly fault: number; readonly claims: readonly string[] }
  /** Every step holds again. `regressions` are claims that the fault had left alone, and that failed meanwhile. */
  | {
    readonly kind: 'mended'; readonly fault: number; readonly ms: number; readonly commands: number; readonly claims: number
    readonly regressions: readonly string[]; readonly helped: boolean
  }

/** An entry of the journal. `at` is milliseconds since 1970. */
export type Event = Happening & { readonly at: number; readonly lab: string }

/** One function a kind: what a terminal or a page does with each event. */
export type Formatter<Out> = { readonly [Kind in Event['kind']]: (event: Extract<Event, { kind: Kind }>) => Out }

export function format<Out>(formatter: Formatter<Out>, event: Event): Out {
  // TypeScript cannot follow that formatter[kind] takes just the event of that kind.
  return (formatter[event.kind] as (event: Event) => Out)(event)
}
