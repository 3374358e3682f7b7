// What is different between two networks, and the commands that make the one as the other is. Pure. What comes and goes by
// itself is no difference: counters, ages, what was learned, random MAC addresses; nor is what something is called.
import type { Observed } from '../../core/observed.ts'
import { addressDifferences, settingDifferences } from './addresses.ts'
import type { Difference } from './difference.ts'
import { filterDifferences } from './filters.ts'
import { linkDifferences, namespaceDifferences } from './links.ts'
import { match } from './match.ts'
import { Names } from './names.ts'
import { forwardingDifferences, neighbourDifferences, routeDifferences, ruleDifferences } from './routes.ts'

/** In an order in which the commands can be typed. */
export function compare(have: Observed, want: Observed): readonly Difference[] {
  const pairs = match(have, want)
  const names = new Names(have, want, pairs)
  return [
    ...pairs.flatMap(pair => namespaceDifferences(pair)),
    ...pairs.flatMap(pair => linkDifferences(pair, names, pairs)),
    ...pairs.flatMap(pair => addressDifferences(pair, names)),
    ...pairs.flatMap(pair => settingDifferences(pair, names)),
    ...pairs.flatMap(pair => routeDifferences(pair, names)),
    ...pairs.flatMap(pair => ruleDifferences(pair)),
    ...pairs.flatMap(pair => neighbourDifferences(pair, names)),
    ...pairs.flatMap(pair => forwardingDifferences(pair, names)),
    ...pairs.flatMap(pair => filterDifferences(pair, names)),
  ]
}
