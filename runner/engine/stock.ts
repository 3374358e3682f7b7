// The faults that a lab has in stock: its mutants that break a finished step.
import type { Deed } from '../core/lab.ts'
import type { LoadedLab } from './course.ts'
import { stepsOf } from './session.ts'

export interface Fault {
  /** Its place in the stock, which the journal has in place of its name. */
  readonly number: number
  readonly step: string
  /** The title of its step. */
  readonly title: string
  readonly name: string
  readonly deed: Deed<string>
}

/** Every fault of a lab, in the order of its steps. */
export function stock(loaded: LoadedLab): readonly Fault[] {
  return stepsOf(loaded)
    .flatMap(({ text, step }) => Object.entries(step.mutants ?? {}).flatMap(([name, mutant]) =>
      'after' in mutant ? [{ step: text.id, title: text.title, name, deed: mutant.after }] : []))
    .map((fault, number) => ({ ...fault, number }))
}
