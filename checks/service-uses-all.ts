import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { endOf, type End } from './ends.ts'
import { ask, askedAt, namespacesOf, unanswered, type Service } from './service.ts'

/**
 * `cart is led to shop-1 and to shop-2 at 10.96.0.20:80`: to each of them now and then, however often. Of 64 connections one of two that get
 * their share is missed less than once in 10^19 looks, one of three less than once in 10^11. How large a share is, `serviceShares` says.
 */
export function serviceUsesAll(from: End, service: Service): Check {
  const [client, asked] = [endOf(from), askedAt(service)]
  return {
    claim: `${client.name} is led ${list(asked.backends.map(end => `to ${end.name}`))} at ${asked.says}`,
    look: async bench => {
      const answers = await ask(bench, asked, [client])
      if ('because' in answers) return fail(answers.because, ...answers.evidence)
      const [answered] = answers
      if (answered === undefined) throw new Error('nobody was asked')
      const missing = await unanswered(bench, asked, answered)
      if (missing !== undefined) return fail(missing.because, ...missing.evidence)
      const backends = await namespacesOf(bench, asked.backends)
      const names = new Set(answered.replies.flatMap(reply => reply.kind === 'ok' ? [backends.get(reply.by)?.name] : []))
      const never = asked.backends.filter(({ name }) => !names.has(name))
      if (never.length > 0) return fail(`of ${answered.replies.length} times that ${client.name} asks at ${asked.says}, it is never led to ${list(never.map(({ name }) => name))}`, ...answered.evidence)
      return pass(...answered.evidence)
    },
  }
}
