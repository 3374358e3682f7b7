// What several checks of one look ask is asked once, so that they agree and nobody waits twice.
import type { Bench } from '../runner/core/bench.ts'

/** By a key of its own, for as long as the look lasts. */
export function onceALook<T>(): (bench: Bench, key: string, ask: () => Promise<T>, again?: boolean) => Promise<T> {
  const known = new WeakMap<Bench, Map<string, Promise<T>>>()
  return (bench, key, ask, again = false) => {
    const all = known.get(bench) ?? new Map<string, Promise<T>>()
    known.set(bench, all)
    const answer = (again ? undefined : all.get(key)) ?? ask()
    all.set(key, answer)
    return answer
  }
}
