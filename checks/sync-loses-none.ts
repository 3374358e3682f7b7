import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { ProgramFails, service, slice, withSmallCluster } from './small-cluster.ts'

/** Runs of the program, and connections meanwhile: at least so many of both. */
const [RUNS, CONNECTIONS] = [12, 500]
/** So many lost ones, and it is not asked on. */
const MANY = 20
const PATIENCE_MS = 12_000
const VIP = '10.96.0.42'

/**
 * `while sync-services on node1 runs 12 times, and endpoints and Services come and go, not one of 500 new connections is lost, and one
 * that is open goes on`. New connections are opened one after another, thousands a second, so that several fall into a gap of a
 * millisecond; endpoints that are taken away go on answering, so whoever was led there is not lost.
 */
export function syncLosesNone(node: string): Check {
  return {
    claim: `while sync-services on ${node} runs ${RUNS} times, and endpoints and Services come and go, not one of ${CONNECTIONS} new connections is lost, and one that is open goes on`,
    look: bench => look(bench, node).catch((error: unknown) => {
      if (error instanceof ProgramFails) return fail(error.message, ...error.evidence)
      throw error
    }),
  }
}

function look(bench: Bench, node: string): Promise<Verdict> {
  const web = service('default', 'web', VIP, [{ port: 29_500 }])
  const other = service('default', 'other', '10.96.0.43', [{ port: 80 }])
  const many = [web, slice('default', 'web', 'aaaaa', [{ port: 80 }], [{ pod: 1 }, { pod: 2 }, { pod: 3 }]), other, slice('default', 'other', 'bbbbb', [{ port: 80 }], [{ pod: 4 }])]
  const few = [web, slice('default', 'web', 'aaaaa', [{ port: 80 }], [{ pod: 1 }, { pod: 2 }])]
  return withSmallCluster(bench, node, async cluster => {
    const first = await cluster.sync(many)
    const [stream, held] = await Promise.all([cluster.stream(VIP, 29_500), cluster.hold(VIP, 29_500)])
    let runs = 0
    try {
      const until = performance.now() + PATIENCE_MS
      while ((runs < RUNS || answered(stream.output()) < CONNECTIONS) && lost(stream.output()).length < (runs < RUNS ? MANY : 1)) {
        if (performance.now() > until && runs >= RUNS) throw new CouldNotLook(`${answered(stream.output())} connections in ${PATIENCE_MS / 1000} s are too few to judge by`, first)
        await cluster.sync(runs++ % 2 === 0 ? few : many)
      }
      // It is asked once more after all that.
      const before = held.output().split('\n').length
      await held.until(output => output.split('\n').length > before + 1 || output.includes('lost'), PATIENCE_MS)
    } finally {
      await Promise.all([stream.stop(), held.stop()])
    }
    const seen = [first, ...[stream, held].map(running => ({ ...first, argv: ['small-cluster', running === stream ? 'stream' : 'hold'], stdout: running.output().slice(-2000), stderr: '' }))] as const
    const gone = lost(stream.output())
    if (gone.length > 0) {
      const all = gone.length + answered(stream.output())
      return fail(`of ${all} new connections ${gone.length} ${gone.length === 1 ? 'was' : 'were'} lost while it ran ${runs} times: ${list([...new Set(gone)].map(how => `${gone.filter(one => one === how).length} ${said(how)}`))}`, ...seen)
    }
    if (!held.output().includes('ok') || held.output().includes('lost')) return fail('a connection that was open before did not go on', ...seen)
    return pass(...seen)
  })
}

function answered(output: string): number {
  return Number(/ok (\d+)\n(?:lost.*\n)*$/.exec(output)?.[1] ?? 0)
}

function lost(output: string): readonly string[] {
  return [...output.matchAll(/^lost (\S+)$/gm)].map(([, how = '']) => how)
}

function said(how: string): string {
  if (how.startsWith('elsewhere')) return 'left the node untranslated'
  return how === 'refused' ? 'refused' : how === 'timeout' ? 'without an answer' : 'ended without an answer'
}
