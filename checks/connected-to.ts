import { setTimeout as pause } from 'node:timers/promises'
import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { readSessions } from './read/sessions.ts'
import { tool } from './tool.ts'

const [TIMES, BETWEEN_MS] = [5, 200]

/**
 * `a1 is connected to 10.96.1.10:29500, and at that port to nobody else`: by TCP, as its own kernel has it. An address that was translated on the
 * way is the one that was asked for.
 */
export function connectedTo(from: End, at: string): Check {
  const end = endOf(from)
  const [address = '', port = ''] = at.split(':')
  return {
    claim: `${end.name} is connected to ${at}, and at that port to nobody else`,
    look: async bench => {
      const owner = await ownerOf(bench, end)
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      const now = () => tool(owner.namespace.place, ['ss', '-Htn4', 'state', 'established', `dport = :${port}`], readSessions)
      const { value, evidence } = await now()
      let others = value.filter(({ peer }) => peer !== address)
      // What another look asks from there is over in a moment.
      for (let times = 0; others.length > 0 && times < TIMES; times++) {
        await pause(BETWEEN_MS)
        const still = (await now()).value
        others = others.filter(one => still.some(({ localPort }) => localPort === one.localPort))
      }
      if (others.length > 0) return fail(`${end.name} is connected to ${list([...new Set(others.map(({ peer }) => `${peer}:${port}`))])}`, evidence)
      return value.length > 0 ? pass(evidence) : fail(`${end.name} is connected to nobody at port ${port}`, evidence)
    },
  }
}
