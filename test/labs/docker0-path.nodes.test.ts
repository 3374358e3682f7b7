// Answers of lab 03 that are numbers of processes, which are others each time: the proof knows the right one only.
import { expect, onTestFinished, test as plain } from 'vitest'
import { FEATURES } from '../../runner/core/features.ts'
import type { Verdict } from '../../runner/core/verdict.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { loadLab, projectRoot } from '../../runner/engine/course.ts'
import { judge } from '../../runner/engine/judge.ts'
import { bringTo } from '../../runner/engine/session.ts'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'

const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because
const test = plain.skipIf(because !== undefined)
if (because !== undefined) plain.skip(`answers on real nodes, because ${because}`, () => {})

test('the PID of a container is not its shim\'s, not that of another container, and not that of whoever visits it', async () => {
  const lab = await loadLab(projectRoot, '03-docker0-path', { features: Object.keys(FEATURES) })
  const provider = await chosen('embedded')
  const id = `answers-${process.pid}`
  await provider.prepare({ say: () => {} })
  onTestFinished(() => provider.down(id))
  await provider.up(id, lab.topology, { signal: new AbortController().signal, keep: false })
  const nodes = await provider.nodes(id)
  await bringTo(lab, nodes, 'cable')
  const node1 = nodes.find(({ name }) => name === 'node1')
  const answer = lab.lab.steps['cable']?.answers?.['pid']
  if (node1 === undefined || answer === undefined) throw new Error('the lab has no node1, or does not ask for pid')
  const bench = () => makeBench(nodes, lab.topology)
  const grade = (value: string): Promise<Verdict> => judge({ claim: 'pid', look: at => answer.grade(at, value) }, bench())
  const sh = async (script: string): Promise<string> => (await node1.exec(['bash', '-c', script])).stdout.trim()
  const busybox = await sh("pgrep -xf 'sleep 1d'")
  expect(await answer.right(bench())).toBe(busybox)
  expect(await grade(busybox)).toMatchObject({ status: 'pass' })
  const refused = async (value: string, why: RegExp): Promise<void> => expect(await grade(value)).toMatchObject({ status: 'fail', because: expect.stringMatching(why) as unknown })
  await refused(await sh(`ps -o ppid= -p ${busybox}`), /is a shim, the parent of a container/)
  await refused(await sh("pgrep -xf 'serve web 80'"), /that has not busybox's address/)
  await refused(await sh(`setsid nsenter -t ${busybox} -n sleep 77 </dev/null >/dev/null 2>&1 & until pgrep -xf 'sleep 77'; do sleep 0.01; done`), /not the process that its shim has started/)
  await refused('1', /node1's own network/)
  await refused('99999', /has no process 99999/)
})
