import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { tunnelsOf } from './tunnels-of.ts'

/** `node1 and node2 have a WireGuard key each, and none that another has`. The public key tells, as it is made of the private one. */
export function ownKeys(nodes: readonly string[]): Check {
  return {
    claim: `${list(nodes)} have a WireGuard key each, and none that another has`,
    look: bench => look(bench, nodes),
  }
}

async function look(bench: Bench, nodes: readonly string[]) {
  const evidence: Evidence[] = []
  const owners = new Map<string, string>()
  const all = await Promise.all(nodes.map(async node => ({ node, ...await tunnelsOf(bench, node) })))
  evidence.push(...all.map(one => one.evidence))
  const [first, ...rest] = evidence
  if (first === undefined) throw new Error('expected the name of a node')
  for (const { node, value } of all) {
    const keys = value.flatMap(({ publicKey }) => publicKey ?? [])
    if (keys.length === 0) return fail(`${node} has no WireGuard interface with a key`, first, ...rest)
    for (const key of keys) {
      const other = owners.get(key)
      if (other !== undefined && other !== node) return fail(`${other} and ${node} have one private key: the public key of both is ${key}`, first, ...rest)
      owners.set(key, node)
    }
  }
  return pass(first, ...rest)
}
