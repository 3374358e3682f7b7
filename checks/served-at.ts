import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { asking, type Answered, type Reply } from './asking.ts'
import { endOf, type End, type Missing, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'

/** As many as tell whether flows are spread: so one question serves all who ask it. */
export const FLOWS = 64

export interface Served {
  /** Names of the pods that may answer. */
  readonly by: readonly string[]
  /** And each pod sees the client's own address. */
  readonly keepingAddress?: boolean
}

/**
 * `ext is served at 192.168.1.240:80 by proxy-a or proxy-b, each time it asks`: by the servers that the lab has there, over TCP,
 * 64 connections from ports of their own.
 */
export function servedAt(from: End, at: string, { by, keepingAddress = false }: Served): Check {
  const client = endOf(from)
  const kept = keepingAddress ? `, which see ${client.name}'s own address` : ''
  return {
    claim: `${client.name} is served at ${at} by ${by.join(' or ')}, each time it asks${kept}`,
    look: async bench => {
      const asked = await askedAt(bench, client, at)
      if ('because' in asked) return fail(asked.because, ...asked.evidence)
      const unserved = await whyNotServed(bench, client, at, asked)
      if (unserved !== undefined) return unserved
      for (const reply of asked.replies) {
        if (reply.kind !== 'ok') continue
        const server = nameOf(reply.by)
        if (!by.includes(server)) return fail(`${server} answers, where ${list(by)} should`, ...asked.evidence)
        if (keepingAddress && reply.peer !== client.address) return fail(`${server} sees ${reply.peer} instead of ${client.address}, the address of ${client.name}`, ...asked.evidence)
      }
      return pass(...asked.evidence)
    },
  }
}

/** 64 connections; or why nobody can ask. */
export async function askedAt(bench: Bench, from: NamedEnd, at: string): Promise<Answered | Missing> {
  const [to = '', port = ''] = at.split(':')
  // Nobody of ours listens: whether the lab's own servers do is part of what is asked.
  const answers = await asking(bench, [], [{ from, to, port: Number(port), protocol: 'tcp', times: FLOWS }])
  if ('because' in answers) return answers
  const [answered] = answers
  if (answered === undefined) throw new Error('nothing was asked')
  return answered
}

/** What is said if one of them was not answered; nothing if all were. */
export async function whyNotServed(bench: Bench, client: NamedEnd, at: string, { replies, evidence }: Answered): Promise<Verdict | undefined> {
  const failed = replies.filter(reply => reply.kind !== 'ok')
  const [first] = failed
  if (first === undefined) return undefined
  const often = failed.length === replies.length ? `${client.name} is not served at ${at}` : `of ${replies.length} connections of ${client.name} to ${at}, ${failed.length} ${failed.length === 1 ? 'is' : 'are'} not served`
  const symptom = `${often} (${saidOf(first)})`
  if (bench.trace === undefined) return fail(symptom, ...evidence)
  const [to = '', port = ''] = at.split(':')
  try {
    const { cause, evidence: followed } = await bench.trace({ from: client.name, to, port: Number(port), protocol: 'tcp', names: { from: client.name, to: at } })
    if (cause === undefined) return fail(`${symptom}: another packet, sent a moment later, arrives, and so does its answer`, ...evidence, ...followed)
    return fail(`${symptom}: ${cause.way === 'back' ? 'the request arrives, the reply does not: ' : ''}${cause.sentence}`, ...evidence, ...followed)
  } catch (error) {
    // That it failed is known; only why is not.
    const more: readonly Evidence[] = error instanceof CouldNotLook ? error.evidence : []
    return fail(`${symptom}, and nobody could follow it: ${error instanceof Error ? error.message : String(error)}`, ...evidence, ...more)
  }
}

function saidOf(reply: Reply): string {
  switch (reply.kind) {
    case 'ok': return 'answered'
    case 'lost': return `${nameOf(reply.by)} answers, and the answer is lost`
    case 'refused': return 'refused'
    case 'unreachable': return reply.reason.toLowerCase()
    case 'timeout': return 'no answer'
    case 'wrong': return `a wrong answer, ${JSON.stringify(reply.text)}`
  }
}
