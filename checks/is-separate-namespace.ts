import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { namespaceAt } from './ends.ts'

/** `node1 has a network namespace red, apart from its own`. The name is the lesson here. */
export function isSeparateNamespace(node: string, name: string): Check {
  return {
    claim: `${node} has a network namespace ${name}, apart from its own`,
    look: async bench => {
      const found = await namespaceAt(bench, `${node}/${name}`)
      if ('namespace' in found) return pass(found.namespace.evidence)
      // A name may be there, and be another one for the node's own namespace, or for none.
      const stat = await bench.place(node).exec(['stat', '-Lc', '%i %n', '/proc/self/ns/net', `/run/netns/${name}`])
      const [own, other] = stat.stdout.trim().split('\n').map(line => line.split(' ')[0])
      if (stat.exitCode !== 0 || own === undefined || other === undefined) return fail(found.because, ...found.evidence)
      return own === other
        ? fail(`${name} is another name for ${node}'s own namespace (both are net:[${own}])`, stat, ...found.evidence)
        : fail(`/run/netns/${name} is a file, and no namespace (any more)`, stat, ...found.evidence)
    },
  }
}
