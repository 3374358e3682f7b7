// One process a node lists the namespaces and then asks in them, for all checks of a look.
import { expect } from 'vitest'
import { asking } from '../../checks/asking.ts'
import { endsOf, type NamedEnd } from '../../checks/ends.ts'
import type { Bench, Check } from '../../runner/core/bench.ts'
import { fail, pass } from '../../runner/core/verdict.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { ALL, routed, UNHURRIED } from '../checks/network.ts'
import { test } from '../checks/on-nodes.ts'

const [red, , green] = endsOf(ALL) as [NamedEnd, NamedEnd, NamedEnd, NamedEnd]
const RUNNING = ['sh', '-c', 'for one in /proc/[0-9]*; do tr "\\0" " " <$one/cmdline 2>/dev/null | grep -E "^/usr/bin/perl .*/(asking|namespaces) ?$" && echo "${one#/proc/}"; done; true']

/** The kernel writes down once a second at most which links are up, and a bridge may have become so meanwhile. */
const settled = (listed = ''): string => listed.replaceAll(/"operstate":"[A-Z]+"/g, '')

async function running(bench: Bench): Promise<string> {
  return (await bench.place('node1').exec(RUNNING)).stdout
}

test('who listed the namespaces asks in them, once; when the look is over nothing of it runs, whether somebody asked or not', async () => {
  const network = await routed()
  const before = await network.snapshot()
  const seen: string[][] = []
  const asks: Check = {
    claim: 'red reaches green',
    async look(bench) {
      const [own] = await bench.namespaces('node1')
      if (own === undefined) throw new Error('node1 has no namespace')
      const first = await running(bench)
      for (const port of [80, 81]) {
        const answered = await asking(bench, [{ end: green, port, protocol: 'tcp' }], [{ from: red, to: ALL.green, port, protocol: 'tcp' }])
        if ('because' in answered) throw new Error(answered.because)
        expect(answered[0]?.replies).toMatchObject([{ kind: 'ok', by: { named: 'green' } }])
      }
      seen.push([first, await running(bench)])
      return pass(own.evidence)
    },
  }
  const listens: Check = { claim: 'there is a node', look: async bench => pass(...(await bench.namespaces('node1')).map(one => one.evidence) as [never]) }
  for (const checks of [[asks, listens], [listens]]) {
    const judged = await judgeAll(checks, () => Promise.resolve(network.bench()), UNHURRIED)
    expect(judged.map(({ verdict }) => verdict.status)).toEqual(checks.map(() => 'pass'))
    // What a reader may run to see the same.
    const [evidence] = judged[0]?.verdict.evidence ?? []
    expect(evidence).toMatchObject({ place: 'node1', argv: ['/usr/local/lib/hardway/namespaces'], exitCode: 0 })
    expect(settled(evidence?.stdout)).toBe(settled((await network.bench().namespaces('node1'))[0]?.evidence.stdout))
    expect(await running(network.bench())).toBe('')
  }
  // One, and the same for both questions.
  expect(seen).toEqual([[expect.stringMatching(/^\S*perl \S+asking \d+\n$|^\S*perl \S+asking ?\n\d+\n$/), seen[0]?.[0]]])
  expect(await network.snapshot()).toBe(before)
})

test.each([false, true])('a namespace that is deleted while a look goes on is gone, and its cable with it; somebody has asked before: %s', async before => {
  const network = await routed()
  const deletes: Check = {
    claim: 'what a learner deletes meanwhile is gone',
    async look(bench) {
      const [own] = await bench.namespaces('node1')
      if (own === undefined) throw new Error('node1 has no namespace')
      if (before) expect(await asking(bench, [{ end: red, port: 80, protocol: 'tcp' }], [{ from: red, to: ALL.green, port: 80, protocol: 'tcp' }])).toHaveLength(1)
      expect(await running(bench)).toMatch(/asking/)
      // The kernel takes namespaces apart one batch after the other, of the whole machine.
      const made = await own.place.exec(['bash', '-ec', 'ip netns del red\nwhile [ -e /sys/class/net/veth-red ] && [ $SECONDS -lt 40 ]; do sleep 0.01; done\nip link add veth-red type bridge'], { timeoutMs: UNHURRIED.leastMs })
      return made.exitCode === 0 ? pass(made) : fail(made.stderr, made)
    },
  }
  expect(await judgeAll([deletes], () => Promise.resolve(network.bench()), UNHURRIED)).toMatchObject([{ verdict: { status: 'pass' } }])
})

test('a check that is not waited for any more leaves nothing running either', async () => {
  const network = await routed()
  let ended: Promise<unknown> = Promise.resolve()
  const late: Check = { claim: 'it answers in time', deadlineMs: 1, look: bench => {
    const listed = bench.namespaces('node1').then(() => bench.namespaces('node2'))
    ended = listed
    return listed.then(() => { throw new Error('too late') })
  } }
  expect(await judgeAll([late], () => Promise.resolve(network.bench()))).toMatchObject([{ verdict: { status: 'unknown' } }])
  await ended
  for (const node of ['node1', 'node2']) expect((await network.bench().place(node).exec(RUNNING)).stdout).toBe('')
})

test('whoever does much else at once gives a look more time than its check asks for', async () => {
  const network = await routed()
  const late: Check = { claim: 'it answers in time', deadlineMs: 1, look: async bench => pass(...(await bench.namespaces('node1')).map(one => one.evidence) as [never]) }
  const judged = (leastMs: number) => judgeAll([late], () => Promise.resolve(network.bench()), { leastMs })
  expect(await judged(0)).toMatchObject([{ verdict: { status: 'unknown', because: 'no answer after 0.001 s' } }])
  expect(await judged(60_000)).toMatchObject([{ verdict: { status: 'pass' } }])
})
