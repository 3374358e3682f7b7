// What a program that makes a node's network of objects has to stand: kills, nodes that leave, an API that does not answer, and changes
// while others use what it has made. Each has a rehearsal of its own.
import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { keepsOut, NODES, nodeObject, podObject, rehearsed, serviceObject, Unlike, type ApiObject, type Rehearsal, type Seen } from './rehearsal.ts'

/** On a machine that does other things as well a rehearsal takes its time; on a quiet one it is a second or two. */
const DEADLINE_MS = 45_000
const KILLS = 3
/** The longest that it is left alive: a few times what a right one needs. */
const ALIVE_MS = 300

/** `killed at any moment and started again, node-net on node1 makes its network as new objects say, and leaves nothing of what is gone`. */
export function survivesKills(node: string): Check {
  return claim(`killed at any moment and started again, node-net on ${node} makes the network that new objects say, and leaves nothing of what is gone`, node, async (rehearsal, begun) => {
    const { cluster } = rehearsal
    let [number, last]: [string, readonly ApiObject[]] = [begun.number, begun.guests]
    let shuts = true
    const others = async (): Promise<void> => {
      const next = [podObject(cluster.name('new'), cluster.node, 'guest'), podObject(cluster.name('new'), cluster.node, 'guest'), serviceObject(cluster.name('more'), cluster.vip())]
      // A policy goes, and comes back: in the end it holds.
      shuts = !shuts
      await rehearsal.change(...last.map(gone => ({ gone })), ...next, shuts ? begun.policy : { gone: begun.policy })
      last = next
    }
    for (let round = 0; round < KILLS; round++) {
      await others()
      await pause(randomInt(0, ALIVE_MS))
      await rehearsal.kill(number)
      number = await rehearsal.run()
    }
    const killed = `killed ${KILLS} times while pods, Services and a policy came and went, and started again`
    await rehearsal.settles(killed)
    // Now more pods have been there than the range has addresses.
    await others()
    return pass((await rehearsal.settles(`${killed}, and others have come since`)).evidence)
  })
}

/** `when a node leaves, node-net on node1 forgets it, and the next …`. */
export function followsNodes(node: string): Check {
  return claim(`when a node leaves, node-net on ${node} forgets its range, and the next that comes with that range is found, wherever it is`, node, async (rehearsal, { third }) => {
    const { cluster } = rehearsal
    await rehearsal.change({ gone: third })
    await rehearsal.settles(`when the node ${NODES.third} has left`)
    const name = cluster.name('node')
    await rehearsal.change(nodeObject(name, NODES.fourth, cluster.thirdRange))
    await rehearsal.settles(`when the node ${NODES.fourth} has come with the range of one that left`)
    await rehearsal.change(nodeObject(name, NODES.fifth, cluster.thirdRange))
    return pass((await rehearsal.settles(`when that node has another address, ${NODES.fifth}`)).evidence)
  })
}

/**
 * So many attempts have failed, of whatever it asks: it has had its chance to take that for an answer, and to act on it. A program that
 * asks for a list and a watch of six kinds has begun for the third time.
 */
const ATTEMPTS = 30
const ATTEMPTS_MS = 4_000

/** `while the API does not answer, node-net on node1 leaves all as it is, also if it is started anew, and then follows`. */
export function outlivesApi(node: string): Check {
  return claim(`while the API does not answer, node-net on ${node} leaves all as it is, also when it is started anew, and follows when the API is back`, node, async (rehearsal, { number, guests }) => {
    const { cluster } = rehearsal
    await rehearsal.part()
    await rehearsal.kill(number)
    await rehearsal.run()
    const until = performance.now() + ATTEMPTS_MS
    while (await rehearsal.refused() < ATTEMPTS && performance.now() < until) await pause(50)
    await rehearsal.now('while the API does not answer')
    const [first, ...others] = guests
    await rehearsal.join()
    await rehearsal.change(...first === undefined ? [] : [{ gone: first }], podObject(cluster.name('late'), cluster.node, 'guest'), ...others)
    return pass((await rehearsal.settles('when the API answers again')).evidence)
  })
}

const [RUNS, BETWEEN, PATIENCE_MS] = [6, 12, 3_000]

/** `while objects come and go, …`. Connections are opened all the time, and doors tried: a gap of a few milliseconds is found. */
export function changesUnseen(node: string): Check {
  return claim(`while node-net on ${node} follows ${RUNS} changes, no new connection to a Service is lost, and nobody whom a policy keeps out is let in for a moment`, node, async (rehearsal, { vip, shut, seen }) => {
    const { cluster } = rehearsal
    const closed = seen.pods.get(shut.metadata.name) ?? ''
    const [stream, knocking] = await Promise.all([rehearsal.stream(vip), rehearsal.knocking(closed)])
    const lost = (): readonly string[] => [...stream.output().matchAll(/^lost (\S+)$/gm)].map(([, how = '']) => how)
    const answered = (output: string): number => Number(output.match(/(?:ok|end) (\d+)/g)?.at(-1)?.split(' ')[1] ?? 0)
    try {
      const other = cluster.vip()
      const more = serviceObject(cluster.name('more'), other)
      for (let run = 0; run < RUNS && lost().length === 0 && !knocking.output().includes('open'); run++) {
        await rehearsal.change(run % 2 === 0 ? more : { gone: more })
        const before = answered(stream.output())
        await stream.until(output => answered(output) >= before + BETWEEN || output.includes('lost'), PATIENCE_MS)
        if (!await rehearsal.named(other, run % 2 === 0)) return fail(`while connections are opened, the Service ${more.metadata.name} has ${run % 2 === 0 ? 'come' : 'gone'}, and the rules of the node do not say so`, seen.evidence)
      }
      stream.say('enough\n')
      await stream.until(output => /^end/m.test(output), PATIENCE_MS)
    } finally {
      await Promise.all([stream.stop(), knocking.stop()])
    }
    const ways = lost()
    if (ways.length > 0) return fail(`while the rules were made anew, ${ways.length} of ${answered(stream.output()) + ways.length} new connections to ${vip} were lost (${ways[0] ?? ''})`, seen.evidence)
    if (knocking.output().includes('open')) return fail(`while the rules were made anew, the pod ${shut.metadata.name} was reached, and a policy lets nobody in`, seen.evidence)
    return pass(seen.evidence)
  })
}

interface Begun {
  readonly number: string
  readonly seen: Seen
  readonly vip: string
  readonly third: ApiObject
  /** Of this node: two that anybody reaches, and one that nobody does. */
  readonly guests: readonly ApiObject[]
  readonly shut: ApiObject
  readonly policy: ApiObject
}

function claim(text: string, node: string, story: (rehearsal: Rehearsal, begun: Begun) => Promise<Verdict>): Check {
  return { claim: text, deadlineMs: DEADLINE_MS, look: bench => rehearse(bench, node, story) }
}

async function rehearse(bench: Bench, node: string, story: (rehearsal: Rehearsal, begun: Begun) => Promise<Verdict>): Promise<Verdict> {
  try {
    return await rehearsed(bench, node, async (rehearsal, address) => {
      const { cluster } = rehearsal
      const third = nodeObject(cluster.name('node'), NODES.third, cluster.thirdRange)
      const second = nodeObject(cluster.name('node'), NODES.second, cluster.secondRange)
      const vip = cluster.vip()
      const guests = ['guest', 'guest'].map(app => podObject(cluster.name('pod'), cluster.node, app))
      const [shut, policy] = [podObject(cluster.name('pod'), cluster.node, 'shut'), keepsOut('shut', 'shut')]
      await rehearsal.begin(address, [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
        nodeObject(cluster.node, address, cluster.range), second, third,
        ...guests, shut, podObject(cluster.name('web'), second.metadata.name, 'web', cluster.web),
        serviceObject(cluster.name('web'), vip), policy,
      ])
      const number = await rehearsal.run()
      const given = 'given objects that it has never seen'
      const made = await rehearsal.settles(given)
      // Only now somebody would answer there, and it is seen whether the policy holds.
      await rehearsal.serve(made.pods.get(shut.metadata.name) ?? '')
      const seen = await rehearsal.settles(given)
      return await story(rehearsal, { number, seen, vip, third, guests, shut, policy })
    })
  } catch (error) {
    if (error instanceof Unlike) return fail(error.message, ...error.evidence)
    throw error
  }
}
