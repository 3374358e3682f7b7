import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { called, inside, processesOf } from './processes.ts'
import type { Process } from './read/processes.ts'

/**
 * `the network of web outlives every program that listens in it`: a mount holds it, or a process that listens for
 * nothing and is no parent and no child of one that does. Nothing is killed to find out, and so nobody can tell whether
 * a parent would outlive its child: `unshare --fork`, `timeout` and a shell do not. A shell at a terminal is no anchor
 * either, and what a check itself runs there is not counted.
 */
export function outlives(end: End): Check {
  const one = endOf(end)
  return {
    claim: `the network of ${one.name} outlives every program that listens in it`,
    look: async bench => {
      const owner = await ownerOf(bench, one)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const { namespace } = owner
      if (namespace.own) return fail(`${one.address} is ${namespace.node}'s own address: ${one.name} has no network of its own`, namespace.evidence)
      const { value, evidence } = await processesOf(bench, namespace.node)
      const seen = [evidence, namespace.evidence] as const
      if (value.mounts.some(mount => mount.inode === namespace.inode)) return pass(...seen)
      const all = inside(value, namespace)
      const busy = all.filter(process => process.listens.length > 0)
      const shells = all.filter(process => process.held === 'terminal')
      const passing = related(all, [...busy, ...shells])
      if (all.some(process => !passing.has(process))) return pass(...seen)
      const [listener] = busy
      const net = `net:[${namespace.inode}]`
      if (listener === undefined) {
        const [shell] = shells
        return fail(shell === undefined ? `no process is in ${net}, and no mount holds it` : `nobody is in ${net} but ${called(shell)}, at a terminal: it ends with that`, ...seen)
      }
      const others = all.filter(process => process.listens.length === 0)
      const besides = others.length === 0 ? 'nobody else is in it' : `besides, there ${others.length === 1 ? 'is' : 'are'} only ${list(others.map(called))}, started by it, waiting for it or at a terminal`
      return fail(`${net} belongs to ${list(busy.map(called))}, ${busy.length === 1 ? 'which listens' : 'which listen'} there; ${besides}`, ...seen)
    },
  }
}

/** These, all above them and all below them. */
function related(all: readonly Process[], these: readonly Process[]): ReadonlySet<Process> {
  const found = new Set<Process>()
  for (const one of these) {
    for (let at: Process | undefined = one; at !== undefined; at = all.find(({ pid }) => pid === at?.parent)) found.add(at)
    const below = [one]
    for (let at = below.pop(); at !== undefined; at = below.pop()) {
      found.add(at)
      below.push(...all.filter(process => process.parent === at?.pid))
    }
  }
  return found
}
