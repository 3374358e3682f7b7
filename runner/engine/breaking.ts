// What the journal says of the last `lab break`: since when something is broken, and what a learner has done about it.
import type { Event } from '../core/events.ts'

export interface Breaking {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly seed: number
  /** The fault, by its number in the lab's stock. */
  readonly fault: number
  /** Those that did not hold any more when it had been done. */
  readonly claims: readonly string[]
  readonly commands: number
  /** Claims that the fault had left alone, and that failed later. */
  readonly regressions: readonly string[]
  /** A step was solved by this program in between. */
  readonly helped: boolean
  readonly mended: boolean
}

export function breaking(events: readonly Event[]): Breaking | undefined {
  let found: Breaking | undefined
  for (const event of events) {
    if (event.kind === 'started' || event.kind === 'reset') found = undefined
    else if (event.kind === 'broke') {
      found = { since: event.at, seed: event.seed, fault: event.fault, claims: event.claims, commands: 0, regressions: [], helped: false, mended: false }
    } else if (found === undefined || found.mended) continue
    else if (event.kind === 'command') found = { ...found, commands: found.commands + 1 }
    else if (event.kind === 'solved') found = { ...found, helped: true }
    else if (event.kind === 'judged') {
      const failing = event.steps.flatMap(step => step.verdicts).filter(({ verdict }) => verdict.status === 'fail').map(({ claim }) => claim)
      const { claims, regressions } = found
      found = { ...found, regressions: [...new Set([...regressions, ...failing.filter(claim => !claims.includes(claim))])] }
    } else if (event.kind === 'mended') found = { ...found, mended: true }
  }
  return found
}
