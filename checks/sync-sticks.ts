// Whether a client of a Service with `sessionAffinity: ClientIP` stays where it was led, and for how long.
import { setTimeout as after } from 'node:timers/promises'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { onceALook } from './once.ts'
import { clients, ProgramFails, service, slice, withSmallCluster, type Asked } from './small-cluster.ts'

export type Stickiness = 'stays' | 'expires' | 'outlives' | 'moves'

const CLAIMS: Readonly<Record<Stickiness, string>> = {
  stays: 'keeps each client of a Service with affinity at one endpoint, and no client of a Service without it',
  expires: 'leads a client anew that was silent for longer than timeoutSeconds, and none before',
  outlives: 'leaves each client at its endpoint when it runs again, with another Service',
  moves: 'leads a client whose endpoint is gone to another one, and moves no other client',
}

/** `given new objects, sync-services on node1 leads a client anew that was silent for longer than timeoutSeconds, and none before`. */
export function syncSticks(node: string, what: Stickiness): Check {
  return {
    claim: `given new objects, sync-services on ${node} ${CLAIMS[what]}`,
    look: async bench => {
      const run = await once(bench, node, () => observe(bench, node).catch((error: unknown) => {
        if (error instanceof ProgramFails) return fail(error.message, ...error.evidence)
        throw error
      }))
      if ('status' in run) return run
      const wrong = wrongIn(run, what)
      return wrong === undefined ? pass(...run.evidence) : fail(wrong, ...run.evidence)
    },
  }
}

/** By client's address, who answered it. */
type Led = ReadonlyMap<string, readonly string[]>

interface Observed {
  readonly first: Led
  readonly without: readonly string[]
  readonly synced: Led
  readonly moved: Led
  readonly brief: Led
  readonly later: Led
  readonly last: Led
  readonly evidence: NonEmpty<Evidence>
}

const once = onceALook<Observed | Verdict>()

/**
 * That 20 clients all choose the same of three endpoints again, each for itself and by chance, happens once in 3^20 times. The same
 * for one client that is led 20 times.
 */
const CLIENTS = 20
const [STICKY, BRIEF, PLAIN] = ['10.96.7.1', '10.96.7.2', '10.96.7.3']
const PORT = 29_500
/** `timeoutSeconds` cannot be less. */
const BRIEF_MS = 1_000
const GONE = 3

function objects(pods: readonly number[], more: boolean) {
  const sticky = (timeoutSeconds: number) => ({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } })
  const endpoints = (name: string, own: readonly number[]) => slice('default', name, 'aaaaa', [{ port: 80 }], own.map(pod => ({ pod })))
  return [
    service('default', 'sticky', STICKY, [{ port: PORT }], sticky(10_800)), endpoints('sticky', pods),
    service('default', 'brief', BRIEF, [{ port: PORT }], sticky(BRIEF_MS / 1000)), endpoints('brief', [1, 2, 3]),
    service('default', 'plain', PLAIN, [{ port: PORT }]), endpoints('plain', [1, 2, 3]),
    ...more ? [service('default', 'more', '10.96.7.4', [{ port: 80 }]), endpoints('more', [4])] : [],
  ]
}

function observe(bench: Bench, node: string): Promise<Observed> {
  return withSmallCluster(bench, node, async cluster => {
    const evidence: Evidence[] = []
    const led = async (address: string, times: number, from = clients(CLIENTS)): Promise<Led> => {
      const { asked, evidence: seen } = await cluster.ask(from.map(one => ({ protocol: 'tcp', from: one, address, port: PORT, times })))
      evidence.push(seen)
      return new Map(asked.map((one: Asked) => [one.from, one.answers]))
    }
    const synced = await cluster.sync(objects([1, 2, 3], false))
    const first = await led(STICKY, 3)
    const without = [...(await led(PLAIN, CLIENTS, clients(1))).values()].flat()
    await cluster.sync(objects([1, 2, 3], true))
    const afterSync = await led(STICKY, 1)
    const brief = await led(BRIEF, 1)
    await cluster.sync(objects([1, 2, 3].filter(pod => pod !== GONE), true))
    const moved = await led(STICKY, 2)
    // From now on all have been silent for so long, however busy the machine is.
    await after(BRIEF_MS * 1.3)
    const later = await led(BRIEF, 1)
    const last = await led(STICKY, 1)
    return { first, without, synced: afterSync, moved, brief, later, last, evidence: [synced, ...evidence] }
  })
}

function wrongIn({ first, without, synced, moved, brief, later, last }: Observed, what: Stickiness): string | undefined {
  const unled = [...first, ...brief].find(([, answers]) => answers.some(answer => !isPod(answer)))
  if (unled !== undefined) return `${unled[0]} is not led to an endpoint of a Service with affinity: ${unled[1].join(', ')}`
  if (what === 'stays') {
    const torn = [...first].find(([, answers]) => new Set(answers).size > 1)
    if (torn !== undefined) return `${torn[0]}, a client of a Service with affinity, was led to ${torn[1].join(', then ')}`
    if (new Set([...first.values()].flat()).size === 1) return `${CLIENTS} clients were all led to one of three endpoints, ${[...first.values()].flat()[0] ?? ''}`
    return new Set(without).size === 1 ? `of a Service without affinity, a client was led to ${without[0] ?? ''} ${without.length} times out of ${without.length}` : undefined
  }
  if (what === 'expires') {
    const unanswered = [...later].find(([, answers]) => answers.some(answer => !isPod(answer)))
    if (unanswered !== undefined) return `${unanswered[0]}, silent for longer than timeoutSeconds, is not led to an endpoint: ${unanswered[1].join(', ')}`
    if (sameIn(brief, later)) return `${CLIENTS} clients of a Service with \`timeoutSeconds: ${BRIEF_MS / 1000}\` were silent for longer, and all of them were led where they were led before`
    const early = firstOther(moved, last)
    return early === undefined ? undefined : `${early.client}, a client of a Service with \`timeoutSeconds: 10800\`, was led to ${early.to} after little more than a second, and to ${early.from} before`
  }
  if (what === 'outlives') {
    const other = firstOther(first, synced)
    return other === undefined ? undefined : `${other.client} was led to ${other.from}, then another Service came and sync-services ran, and now it is led to ${other.to}`
  }
  const gone = `p${GONE}:80`
  const stale = [...moved].find(([, answers]) => answers.includes(gone))
  if (stale !== undefined) return `${stale[0]} is led to ${gone} still, which is no endpoint any more`
  const unanswered = [...moved].find(([, answers]) => answers.some(answer => !isPod(answer)))
  if (unanswered !== undefined) return `${unanswered[0]}, ${synced.get(unanswered[0])?.[0] === gone ? 'whose endpoint is gone' : 'whose endpoint is still there'}, is not led to an endpoint: ${unanswered[1].join(', ')}`
  const shaken = firstOther(new Map([...synced].filter(([, answers]) => answers[0] !== gone)), moved)
  if (shaken !== undefined) return `${shaken.client} was led to ${shaken.from}, then another endpoint was taken away, and now it is led to ${shaken.to}`
  const torn = [...moved].find(([, answers]) => new Set(answers).size > 1)
  return torn === undefined ? undefined : `${torn[0]}, whose endpoint is gone, was led to ${torn[1].join(', then ')}`
}

function isPod(answer: string): boolean {
  return /^p\d/.test(answer)
}

function firstOther(before: Led, now: Led): { readonly client: string; readonly from: string; readonly to: string } | undefined {
  for (const [client, [from = '']] of before) {
    const to = now.get(client)?.find(answer => answer !== from)
    if (to !== undefined) return { client, from, to }
  }
  return undefined
}

function sameIn(before: Led, now: Led): boolean {
  return firstOther(before, now) === undefined
}
