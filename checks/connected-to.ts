import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, ownerOf, type End } from './ends.ts'
import { readSessions } from './read/sessions.ts'
import { tool } from './tool.ts'

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
      const { value, evidence } = await tool(owner.namespace.place, ['ss', '-Htn4', 'state', 'established', `dport = :${port}`], readSessions)
      const others = [...new Set(value.map(({ peer }) => peer))].filter(peer => peer !== address)
      if (others.length > 0) return fail(`${end.name} is connected to ${list(others.map(peer => `${peer}:${port}`))}`, evidence)
      return value.length > 0 ? pass(evidence) : fail(`${end.name} is connected to nobody at port ${port}`, evidence)
    },
  }
}
