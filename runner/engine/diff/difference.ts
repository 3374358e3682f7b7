// One thing that is different, and how lists of things are told apart.
import type { Pair } from './match.ts'

export type DifferenceKind =
  | 'namespace' | 'link' | 'bridge port' | 'tunnel' | 'address' | 'setting' | 'route' | 'routing rule' | 'neighbour' | 'forwarding entry'
  | 'filter rule' | 'filter policy' | 'set of a filter'

export interface Command {
  readonly place: string
  readonly text: string
}

export interface Difference {
  /** Where it is, in the learner's network. */
  readonly place: string
  readonly kind: DifferenceKind
  readonly how: 'missing' | 'extra' | 'different'
  /** `the route to 10.244.2.0/24`. */
  readonly object: string
  /** How it is, and how it would be; undefined: not there. */
  readonly have: string | undefined
  readonly want: string | undefined
  /** In the learner's names. */
  readonly commands: readonly Command[]
}

/** What is there twice is twice the same: kept by a key, compared by a text. */
export interface Entry {
  readonly key: string
  readonly text: string
}

export function entries<T>(have: readonly T[], want: readonly T[], inHave: (one: T) => Entry, inWant: (one: T) => Entry): readonly (Pair<T> & { readonly pair: readonly [Entry | undefined, Entry | undefined] })[] {
  const left = have.map(one => ({ one, entry: inHave(one) }))
  const take = (fits: (entry: Entry) => boolean): { readonly one: T; readonly entry: Entry } | undefined => {
    const at = left.findIndex(({ entry }) => fits(entry))
    return at === -1 ? undefined : left.splice(at, 1)[0]
  }
  // What is just as it should be is not to be taken for something else.
  const wanted = want.map(other => ({ other, entry: inWant(other), same: undefined as ReturnType<typeof take> })).map(each => ({ ...each, same: take(entry => entry.key === each.entry.key && entry.text === each.entry.text) }))
  const found = wanted.filter(({ same }) => same === undefined).map(({ other, entry }) => {
    const own = take(one => one.key === entry.key)
    return { have: own?.one, want: other, pair: [own?.entry, entry] as const }
  })
  return [...found, ...left.map(({ one, entry }) => ({ have: one, want: undefined, pair: [entry, undefined] as const }))]
}

export function how({ have, want }: Pair<unknown>): Difference['how'] {
  return have === undefined ? 'missing' : want === undefined ? 'extra' : 'different'
}
