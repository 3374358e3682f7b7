// The oracle of policies beside a kernel that was told by a program which knows nothing of it: `npm run oracle` tries more.
import { expect, test } from 'vitest'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'
import { agreementOn, byJq, smallest } from './agreement.ts'
import { policiesOf } from './generated.ts'

const nodes = test.skipIf((await providersHere()).some(({ name, because }) => name === 'embedded' && because !== undefined))

nodes('a dozen sets of policies hold on real nodes as the oracle says, and one that is left out is noticed', async () => {
  const provider = await chosen('embedded')
  await provider.prepare({ say: () => {} })
  const jq = byJq()
  let without = (policies: readonly unknown[]): readonly unknown[] => policies
  await using all = await agreementOn(provider, { ...jq, apply: (node, objects) => jq.apply(node, { ...objects, policies: without(objects.policies) as typeof objects.policies }) })
  for (let seed = 1; seed <= 12; seed++) {
    const { cells, wrong } = await all.compare(policiesOf(seed))
    expect({ seed, wrong: wrong.map(({ from, to, port, outcome, reply }) => `${from} → ${to} ${port.protocol} ${port.port}: ${outcome}, ${reply.kind}`) }).toEqual({ seed, wrong: [] })
    expect(cells).toHaveLength(720)
  }
  without = () => []
  expect((await all.compare(policiesOf(3))).wrong.length).toBeGreaterThan(0)
})

test('what a disagreement does not need is left out', async () => {
  const policies = [{ kind: 'NetworkPolicy', spec: { ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }, { port: 81 }] }, {}], egress: [] } }, { kind: 'NetworkPolicy', spec: {} }]
  const least = await smallest(policies, less => Promise.resolve(JSON.stringify(less).includes('81')))
  expect(least).toEqual([{ kind: 'NetworkPolicy', spec: { ingress: [{ ports: [{ port: 81 }] }] } }])
})

test('a number makes the same policies again, and others make others', () => {
  expect(policiesOf(7)).toEqual(policiesOf(7))
  expect(new Set(Array.from({ length: 200 }, (_, seed) => JSON.stringify(policiesOf(seed)))).size).toBeGreaterThan(195)
})
