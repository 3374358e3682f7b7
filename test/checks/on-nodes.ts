// How a check is shown on real nodes: it passes on a right network, fails on each wrong one for the reason that it is wrong, and leaves
// both as they were.
import { expect, test as plain } from 'vitest'
import type { Check } from '../../runner/core/bench.ts'
import { judgeAll } from '../../runner/engine/judge.ts'
import { providersHere } from '../helpers/providers.ts'
import { UNHURRIED, type Network } from './network.ts'

export type Make = () => Promise<Network>
export type Deed = (network: Network) => Promise<unknown>

const because = (await providersHere()).find(({ name }) => name === 'embedded')?.because
/** Skipped where there are no nodes; a file of checks says so once. */
export const test = plain.skipIf(because !== undefined)
if (because !== undefined) plain.skip(`checks on real nodes, because ${because}`, () => {})

export function passes(title: string, make: Make, check: Check, deed: Deed = async () => {}): void {
  test(title, async () => {
    const network = await make()
    await deed(network)
    expect(await network.settles(check, 'pass')).toMatchObject({ status: 'pass' })
  })
}

export function fails(title: string, make: Make, check: Check, deed: Deed, reason: RegExp): void {
  test(title, async () => {
    const network = await make()
    await deed(network)
    const verdict = await network.settles(check, reason)
    expect(verdict).toMatchObject({ status: 'fail' })
    expect(verdict.status === 'fail' && verdict.because).toMatch(reason)
  })
}

/** All of them, judged twice. `rests` waits for what a program of the network's own has begun for those who asked it. */
export function changeNothing(title: string, make: Make, everything: readonly Check[], deed: Deed = async () => {}, rests: Deed = async () => {}): void {
  test(title, async () => {
    const network = await make()
    await deed(network)
    const before = await network.snapshot()
    for (let times = 0; times < 2; times++) await judgeAll(everything, async () => network.bench(), UNHURRIED)
    await rests(network)
    expect(await network.snapshot()).toBe(before)
  })
}

/** One after the other. */
export const inTurn = (...deeds: readonly Deed[]): Deed => async network => {
  for (const deed of deeds) await deed(network)
}
