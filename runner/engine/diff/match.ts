// Finds out what in one network is what in another. Names are the learner's: a namespace is known by its name or else by its
// addresses, a link by what it joins, a bridge by its ports and addresses.
import type { Observed, ObservedLink, ObservedNamespace } from '../../core/observed.ts'

/** Two that are the same thing; one of them undefined: it is only in the other network. */
export interface Pair<T> {
  readonly have: T | undefined
  readonly want: T | undefined
}

export interface NamespacePair extends Pair<ObservedNamespace> {
  readonly links: readonly Pair<ObservedLink>[]
}

export function match(have: Observed, want: Observed): readonly NamespacePair[] {
  const namespaces = want.nodes.flatMap(node => {
    const there = have.nodes.find(one => one.name === node.name)
    return matchNamespaces(there?.namespaces ?? [], node.namespaces)
  })
  const placeOf = new Map(namespaces.flatMap(pair => pair.have === undefined || pair.want === undefined ? [] : [[pair.have.place, pair.want.place] as const]))
  return namespaces.map(pair => ({ ...pair, links: matchLinks(pair, placeOf) }))
}

function matchNamespaces(have: readonly ObservedNamespace[], want: readonly ObservedNamespace[]): readonly Pair<ObservedNamespace>[] {
  return pairs(have, want, [
    (one, other) => one.own && other.own ? 1 : 0,
    (one, other) => !one.own && !other.own && one.named !== undefined && one.named === other.named ? 1 : 0,
    (one, other) => one.own || other.own ? 0 : shared(addressesOf(one), addressesOf(other)),
    // Those of processes, in the order in which they were made: a lab makes them all alike.
    (one, other) => one.named === undefined && other.named === undefined ? 1 : 0,
  ])
    // One without a name is a process's, and ends with it.
    .filter(pair => pair.want !== undefined || pair.have?.named !== undefined)
}

function addressesOf({ links }: ObservedNamespace): readonly string[] {
  return links.filter(({ name }) => name !== 'lo').flatMap(({ addresses }) => addresses).map(address => address.split('/')[0] ?? '')
}

function matchLinks({ have, want }: Pair<ObservedNamespace>, placeOf: ReadonlyMap<string, string>): readonly Pair<ObservedLink>[] {
  const [from, to] = [have?.links ?? [], want?.links ?? []]
  const joins = (link: ObservedLink): string | undefined => link.peer === undefined ? undefined : placeOf.get(link.peer.place) ?? link.peer.place
  const alike = (one: ObservedLink, other: ObservedLink): boolean => one.kind === other.kind && one.segment === other.segment
  const addresses = (one: ObservedLink, other: ObservedLink): number => shared(one.addresses, other.addresses)
  const sameName = (one: ObservedLink, other: ObservedLink): number => Number(one.name === other.name)
  // A veth leads to the same place, whatever else is so of it.
  const first = pairs(from, to, [
    (one, other) => one.name === other.name && one.segment !== undefined && alike(one, other) ? 1 : 0,
    (one, other) => alike(one, other) && one.kind !== 'veth' && one.kind !== 'bridge' && one.name === other.name ? 1 : 0,
    (one, other) => one.kind === 'veth' && alike(one, other) && one.peer !== undefined && other.peer !== undefined && joins(one) === other.peer.place
      ? 1 + 2 * addresses(one, other) + sameName(one, other) : 0,
    (one, other) => one.kind === 'veth' && alike(one, other) && one.peer === undefined && other.peer === undefined ? sameName(one, other) : 0,
  ])
  const known = new Map(first.flatMap(pair => pair.have === undefined || pair.want === undefined ? [] : [[pair.have.name, pair.want.name] as const]))
  const left = (side: 'have' | 'want'): readonly ObservedLink[] => first.flatMap(pair => {
    const link = pair[side]
    return link !== undefined && (pair.have === undefined || pair.want === undefined) ? [link] : []
  })
  const ports = (one: ObservedLink, other: ObservedLink): number =>
    shared((one.bridge?.ports ?? []).map(port => known.get(port) ?? port), other.bridge?.ports ?? [])
  const second = pairs(left('have'), left('want'), [
    (one, other) => alike(one, other) && one.kind !== 'veth' ? 4 * addresses(one, other) + 2 * ports(one, other) + sameName(one, other)
      + Number(one.tunnel?.id !== undefined && one.tunnel.id === other.tunnel?.id) : 0,
    // The only one of its kind on either side.
    (one, other) => alike(one, other) && one.kind !== 'veth' && [left('have'), left('want')].every(all => all.filter(link => link.kind === one.kind).length === 1) ? 1 : 0,
  ])
  return [...first.filter(pair => pair.have !== undefined && pair.want !== undefined), ...second]
}

/** Best likeness first, by one rule after the other; what is left has no counterpart. In the order of `want`. */
function pairs<T>(have: readonly T[], want: readonly T[], likeness: readonly ((one: T, other: T) => number)[]): readonly Pair<T>[] {
  const partner = new Map<T, T>()
  const taken = new Set<T>()
  for (const like of likeness) {
    const scored = have.filter(one => !taken.has(one)).flatMap(one => want.filter(other => !partner.has(other)).map(other => ({ one, other, score: like(one, other) })))
    for (const { one, other, score } of scored.toSorted((a, b) => b.score - a.score)) {
      if (score === 0 || taken.has(one) || partner.has(other)) continue
      partner.set(other, one)
      taken.add(one)
    }
  }
  return [
    ...want.map(other => ({ have: partner.get(other), want: other })),
    ...have.filter(one => !taken.has(one)).map(one => ({ have: one, want: undefined })),
  ]
}

function shared(one: readonly string[], other: readonly string[]): number {
  return one.filter(value => other.includes(value)).length
}
