// What is different between two networks, and the commands that make the one as the other is. Pure. What comes and goes by
// itself is no difference: counters, ages, what was learned, random MAC addresses; nor is what something is called.
import type { Observed, ObservedNamespace } from '../../core/observed.ts'
import { addressDifferences, settingDifferences } from './addresses.ts'
import type { Difference } from './difference.ts'
import { filterDifferences } from './filters.ts'
import { linkDifferences, namespaceDifferences } from './links.ts'
import { match } from './match.ts'
import { Names } from './names.ts'
import { forwardingDifferences, neighbourDifferences, routeDifferences, ruleDifferences } from './routes.ts'

/** In an order in which the commands can be typed. */
export function compare(have: Observed, want: Observed): readonly Difference[] {
  const all = match(have, want)
  const pairs = all.filter(pair => pair.have !== undefined || pair.want?.named !== undefined)
  const names = new Names(have, want, pairs)
  return inPlaces(have, [
    ...all.filter(pair => !pairs.includes(pair)).flatMap(({ want: missing }) => missing === undefined ? [] : [ofAProcess(missing)]),
    ...pairs.flatMap(pair => namespaceDifferences(pair)),
    ...pairs.flatMap(pair => linkDifferences(pair, names, pairs)),
    ...pairs.flatMap(pair => addressDifferences(pair, names)),
    ...pairs.flatMap(pair => settingDifferences(pair, names)),
    ...pairs.flatMap(pair => routeDifferences(pair, names)),
    ...pairs.flatMap(pair => ruleDifferences(pair)),
    ...pairs.flatMap(pair => neighbourDifferences(pair, names)),
    ...pairs.flatMap(pair => forwardingDifferences(pair, names)),
    ...pairs.flatMap(pair => filterDifferences(pair, names)),
  ])
}

/** It comes with its process, and nothing that is typed makes it alone: what would be in it is not told. */
function ofAProcess({ node, links }: ObservedNamespace): Difference {
  const addresses = links.filter(({ name }) => name !== 'lo').flatMap(link => link.addresses)
  return {
    place: node, kind: 'namespace', how: 'missing', have: undefined, want: 'is there', commands: [],
    object: `a namespace without a name, of a process${addresses.length === 0 ? '' : `, with ${addresses.join(', ')}`},`,
  }
}

/** A namespace without a name is entered from its node. */
function inPlaces(have: Observed, differences: readonly Difference[]): readonly Difference[] {
  const nameless = new Map(have.nodes.flatMap(node => node.namespaces).filter(({ own, named }) => !own && named === undefined).map(one => [one.place, one]))
  return differences.map(difference => ({
    ...difference,
    commands: difference.commands.map(command => {
      const entered = nameless.get(command.place)
      return entered === undefined ? command : { place: entered.node, text: `nsenter --net=${entered.path ?? entered.place} ${command.text}` }
    }),
  }))
}
