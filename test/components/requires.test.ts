// What is not fetched is skipped, with the command that fetches it.
import { expect, test } from 'vitest'
import type { Lab } from '../../runner/core/lab.ts'
import { parseLesson } from '../../runner/core/lesson.ts'
import type { Provider } from '../../runner/core/provider.ts'
import { prove, type Proving } from '../../runner/engine/proof.ts'
import { nodesOn } from '../helpers/nodes.ts'

const nowhere: Provider = {
  name: 'embedded', problems: async () => [], prepare: async () => {}, up: async () => { throw new Error('no nodes in this test') }, nodes: async () => [],
  running: async () => [], down: async () => {}, leftovers: async () => [],
}

function proving(there: readonly string[]): Proving {
  return { provider: nowhere, signal: new AbortController().signal, limit: work => work(), features: names => names.filter(name => there.includes(name)), onPart: () => {} }
}

const lesson = (requires: string) => parseLesson(`---\ntitle: T\nminutes: 5\ntopology: one-node\nrequires: [${requires}]\n---\nWhy?\n\n## Room {#room}\n\nMake it.\n`, 'lesson.md')
const lab: Lab<string> = {
  steps: { room: { checks: [{ claim: 'there is a room', look: async () => { throw new Error('nobody looks') } }], solution: async () => {}, alternatives: { 'the real thing': { requires: ['netns', 'kube-proxy', 'etcd'], instead: async () => {} } } } },
}
const loaded = (requires = '') => ({ slug: '01-room', dir: '/', lesson: lesson(requires), lab, topology: nodesOn(1) })

test('A lab that requires a component is skipped where that is not fetched', async () => {
  expect(await prove(loaded('veth, kubelet'), proving(['veth']))).toMatchObject({ status: 'skipped', because: 'nodes here lack kubelet: `npx lab fetch kubelet`', steps: [] })
})

test('A right way that requires components is skipped, never counted as accepted, and says how to get them', async () => {
  const { steps: [step] } = await prove(loaded(), proving(['netns', 'etcd']))
  expect(step?.alternatives).toEqual([{ name: 'the real thing', status: 'skipped', because: 'nodes here lack kube-proxy: `npx lab fetch kube-proxy`' }])
  const { steps: [other] } = await prove(loaded(), proving(['kube-proxy', 'etcd']))
  // Of a kernel's feature there is nothing to fetch.
  expect(other?.alternatives).toEqual([{ name: 'the real thing', status: 'skipped', because: 'nodes here lack netns' }])
})
