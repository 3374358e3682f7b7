import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { clients, ProgramFails, service, slice, withSmallCluster } from './small-cluster.ts'

/** Runs of the program, and connections meanwhile: at least so many of both. */
const [RUNS, CONNECTIONS] = [12, 500]
/** Clients, each with one connection after another: where nothing is passed on for a moment, each loses one at most, and rarely that. */
const CLIENTS = 4
/** Connections of each between one run and the next: whoever was caught by a run has been answered, or is lost, before another begins. */
const BETWEEN = 5
/** So many lost ones, or any after so long, and it is not asked on. */
const [MANY, ENOUGH_MS] = [20, 1_500]
const PATIENCE_MS = 12_000
const VIP = '10.96.0.42'
const END = /^end \d+$/m

/**
 * `while sync-services on node1 runs 12 times, and endpoints and Services come and go, not one of 500 new connections is lost, and one
 * that is open goes on`. New connections are opened all the time, hundreds a second, so that several fall into a gap of a
 * few milliseconds. A gap in which nothing is passed on holds only those that fall into it, and loses only those whose first packet
 * it was: what comes later is sent again soon. So each run is got through before the next begins, and the last ones are waited for. Endpoints that are taken away go on answering, so whoever was led there is not lost.
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
    const [held, ...streams] = await Promise.all([cluster.hold(VIP, 29_500), ...clients(CLIENTS).map(client => cluster.stream(client, VIP, 29_500))])
    const outputs = (): readonly string[] => streams.map(stream => stream.output())
    const gone = (): readonly string[] => outputs().flatMap(lost)
    const all = (): number => outputs().reduce((sum, output) => sum + answered(output), 0)
    const begun = performance.now()
    const enough = (): boolean => gone().length >= MANY || (gone().length > 0 && performance.now() > begun + ENOUGH_MS)
    let runs = 0
    try {
      while ((runs < RUNS || all() < CONNECTIONS) && !enough()) {
        if (performance.now() > begun + PATIENCE_MS && runs >= RUNS) throw new CouldNotLook(`${all()} connections in ${PATIENCE_MS / 1000} s are too few to judge by`, first)
        await cluster.sync(runs++ % 2 === 0 ? few : many)
        await Promise.all(streams.map(stream => {
          const [ok, bad] = [answered(stream.output()), lost(stream.output()).length]
          return stream.until(output => answered(output) >= ok + BETWEEN || lost(output).length > bad, PATIENCE_MS)
        }))
      }
      for (const stream of streams) stream.say('enough\n')
      const ended = await Promise.all(streams.map(stream => stream.until(output => END.test(output), PATIENCE_MS)))
      if (ended.includes(false)) throw new CouldNotLook('the connections of the check did not end', first)
      // It is asked once more after all that.
      const before = held.output().split('\n').length
      await held.until(output => output.split('\n').length > before + 1 || output.includes('lost'), PATIENCE_MS)
    } finally {
      await Promise.all([held, ...streams].map(running => running.stop()))
    }
    const seen = [first, ...[held, ...streams].map(running => ({ ...first, argv: ['small-cluster', running === held ? 'hold' : 'stream'], stdout: running.output().slice(-2000), stderr: '' }))] as const
    const ways = gone()
    if (ways.length > 0) {
      return fail(`of ${ways.length + all()} new connections ${ways.length} ${ways.length === 1 ? 'was' : 'were'} lost while it ran ${runs} times: ${list([...new Set(ways)].map(how => `${ways.filter(one => one === how).length} ${said(how)}`))}`, ...seen)
    }
    if (!held.output().includes('ok') || held.output().includes('lost')) return fail('a connection that was open before did not go on', ...seen)
    return pass(...seen)
  })
}

function answered(output: string): number {
  return Number(/(?:ok|end) (\d+)\n(?:lost.*\n)*$/.exec(output)?.[1] ?? 0)
}

function lost(output: string): readonly string[] {
  return [...output.matchAll(/^lost (\S+)$/gm)].map(([, how = '']) => how)
}

function said(how: string): string {
  if (how.startsWith('elsewhere')) return 'left the node untranslated'
  return how === 'refused' ? 'refused' : how === 'timeout' ? 'without an answer' : 'ended without an answer'
}
