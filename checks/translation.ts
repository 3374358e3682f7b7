// Where a source address was changed, as far as rules say so.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { type Missing } from './ends.ts'
import { readSourceRules, type Passing } from './read/nat-rules.ts'

/** Names the rules of these nodes that a packet with these addresses may have met. */
export async function translation(bench: Bench, nodes: readonly string[], packet: Passing, evidence: NonEmpty<Evidence>): Promise<Missing> {
  // In a user namespace nobody may read which of the older tables there are: this one is asked for by name, and where
  // it is not there it is made, empty. So it is asked last.
  for (const argv of [['nft', '-s', 'list', 'ruleset'], ['iptables-legacy-save', '-t', 'nat']]) {
    const found = await Promise.all(nodes.map(async node => {
      const listed = await bench.place(node).exec(argv)
      const rules = readSourceRules(listed.stdout, packet).map(rule => `\`${rule.slice(0, 160)}\``)
      return rules.length === 0 ? [] : [{ said: `${node} has the ${rules.length === 1 ? 'rule' : 'rules'} ${list(rules)}`, listed }]
    }))
    const [first, ...rest] = found.flat()
    if (first === undefined) continue
    return { because: [first, ...rest].map(({ said }) => said).join(', '), evidence: [...evidence, first.listed, ...rest.map(({ listed }) => listed)] }
  }
  return { because: 'its source address was changed on the way', evidence }
}
