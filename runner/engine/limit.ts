// How many benches run at once.
import { INOTIFY_INSTANCES } from '../core/components.ts'
import type { Topology } from '../core/topology.ts'

/**
 * What all benches may have of them. The kernel counts those of one user together, in whatever namespaces they are, and tells whoever wants one
 * more "too many open files": 128 where nobody has set fs.inotify.max_user_instances. A quarter is for all else that this user runs.
 */
const INSTANCES = 96

export interface Share {
  /** Of those that wait, the lowest goes first. Default: 0. */
  readonly turn?: number
  /** See `instancesOf`. Default: none. */
  readonly instances?: number
}

/**
 * At most this many at once, and with all of them together no more inotify instances than these. Of those that wait and for whom enough is
 * left, the first of the lowest turn. Whoever needs more than there are waits for all of them.
 */
export function limiter(most: number, instances = INSTANCES): <T>(work: () => Promise<T>, share?: Share) => Promise<T> {
  const left = { benches: most, instances }
  const waiting: { readonly turn: number; readonly needs: number; readonly go: () => void }[] = []
  const next = (): void => {
    while (left.benches > 0) {
      const one = waiting.find(({ needs }) => needs <= left.instances)
      if (one === undefined) return
      waiting.splice(waiting.indexOf(one), 1)
      left.benches--
      left.instances -= one.needs
      one.go()
    }
  }
  return async (work, { turn = 0, instances: wanted = 0 } = {}) => {
    const needs = Math.min(wanted, instances)
    await new Promise<void>(go => {
      const behind = waiting.findIndex(other => other.turn > turn)
      waiting.splice(behind === -1 ? waiting.length : behind, 0, { turn, needs, go })
      next()
    })
    try {
      return await work()
    } finally {
      left.benches++
      left.instances += needs
      next()
    }
  }
}

/** The inotify instances of a bench on which all runs that its topology gives the nodes. */
export function instancesOf({ nodes }: Topology): number {
  return nodes.flatMap(({ components = [] }) => components).reduce((sum, name) => sum + (INOTIFY_INSTANCES[name] ?? 0), 0)
}
