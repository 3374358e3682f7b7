import { randomBytes } from 'node:crypto'
import { answer, resolverOf, tried, type Resolver } from '../kubernetes/dns.ts'
import { readObjects } from '../kubernetes/read.ts'
import type { Bench, Check } from '../runner/core/bench.ts'
import { CouldNotLook, fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { askDns, failWithResolver, lookFor, sayReply } from './dns-asking.ts'
import { endOf, type End, type NamedEnd } from './ends.ts'
import type { Looked } from './read/dns.ts'

export interface PodResolver {
  /** The server's address, as pods know it. */
  readonly server: string
  readonly namespace: string
  /** Default 5, as every pod has it that says nothing else. */
  readonly ndots?: number
}

/**
 * `web completes names as a pod of default does: …`, by names that nobody has and that are made up for it. What is looked at is
 * what a program's resolver asks for, and in which order.
 */
export function completesNames(pod: End, { server, namespace, ndots = 5 }: PodResolver): Check {
  const end = endOf(pod)
  const resolver: Resolver = { ...resolverOf(namespace), ndots }
  return {
    claim: `${end.name} asks ${server} for a name of fewer than ${ndots} dots in ${list(resolver.search)} first, in this order, and for one with ${ndots} as it is`,
    look: bench => {
      const named = (dots: number): string => Array.from({ length: dots + 1 }, () => `hw${randomBytes(3).toString('hex')}`).join('.')
      return look(bench, end, [1, ...ndots > 2 ? [ndots - 1] : [], ndots].map(named), (one, all) => completed(end, one, tried(all, resolver), server))
    },
  }
}

/** In whole, in order, and at the right server. The first of a name with dots enough is what counts. */
function completed(pod: NamedEnd, looked: Looked, expected: readonly string[], server: string): string | undefined {
  const other = looked.asked.find(asked => asked.server !== server)
  if (other !== undefined) return `${pod.name} asks ${other.server}, not ${server}`
  const names = namesOf(looked)
  if (names.length === 0) return `looking for ${looked.name}, ${pod.name} asks nobody`
  const index = expected.findIndex((name, at) => names[at] !== name)
  if (index < 0) return names.length === expected.length ? undefined : `looking for ${looked.name}, ${pod.name} also asks for ${names[expected.length] ?? ''}`
  // As long as nobody answers, there is no next one.
  if (looked.ended === 'cut' && index === names.length) return `${server} does not answer for ${names.at(-1) ?? ''}`
  return `looking for ${looked.name}, ${pod.name} asks for ${names[index] ?? 'nothing more'} where ${expected[index] ?? ''} is due`
}

export interface Found extends PodResolver {
  /** YAML of what the cluster has. */
  readonly objects?: string
  /** What is elsewhere: `{ 'api.example.com': '203.0.113.80' }`. */
  readonly outside?: Readonly<Record<string, string>>
}

/**
 * `web finds payment-svc.production at 10.96.45.12, and asks for payment-svc.production.default.svc.cluster.local first`, or
 * `web does not find payment-svc`. A server that completes names for its clients spares them the rest of the list, never the first.
 */
export function findsName(pod: End, name: string, { server, namespace, ndots = 5, objects = '', outside = {} }: Found): Check {
  const end = endOf(pod)
  const cluster = readObjects([{ file: 'objects.yaml', text: objects }])
  const list = tried(name, { ...resolverOf(namespace), ndots })
  const addressesOf = (one: string): readonly string[] => outside[one] === undefined
    ? answer(cluster, one, 'A').records.flatMap(record => record.type === 'A' ? [record.address] : []) : [outside[one]]
  const at = list.findIndex(one => addressesOf(one).length > 0)
  const addresses = at < 0 ? [] : addressesOf(list[at] ?? '')
  const expected = at < 0 ? list : list.slice(0, at + 1)
  const first = list[0] ?? ''
  const how = at === 0 ? (first === name ? ', asking for nothing but that' : `, as ${first}`) : `, and asks for ${first} first`
  return {
    claim: at < 0 ? `${end.name} does not find ${name}` : `${end.name} finds ${name} at ${addresses.join(' and ')}${how}`,
    look: bench => look(bench, end, [name], async looked => {
      const names = namesOf(looked)
      const found = looked.addresses.length === 0 ? `does not find ${name}` : `finds ${name} at ${looked.addresses.join(' and ')}`
      if (names.length === 0) return `${end.name} ${found}, and asks nobody${looked.addresses.length === 0 ? '' : ': it has that from a file of its own, such as /etc/hosts'}`
      const wrong = names.findIndex((one, index) => one !== expected[index])
      // A resolver to whom nobody answers leaves out the rest of its list, and asks for the name as it is.
      const silent = names[wrong] === name && looked.addresses.length === 0 ? await silence(bench, end, server, first) : undefined
      if (silent !== undefined) return silent
      if (wrong >= 0) return `looking for ${name}, ${end.name} asks for ${names[wrong] ?? ''} where ${expected[wrong] ?? 'nothing more'} is due`
      const other = looked.asked.find(asked => asked.server !== server)
      if (other !== undefined) return `${end.name} asks ${other.server}, not ${server}`
      if (looked.ended === 'cut') return `${server} does not answer for ${names.at(-1) ?? ''}`
      const same = looked.addresses.length === addresses.length && addresses.every(address => looked.addresses.includes(address))
      return same ? undefined : `${end.name} ${found}`
    }),
  }
}

/** Each once, in the order of the first time: it is asked for both kinds of address at once, and again if nobody answers. */
function namesOf(looked: Looked): readonly string[] {
  const own = looked.name.toLowerCase().replace(/\.$/, '')
  // Whatever else this pod asks for meanwhile is somebody else's.
  return [...new Set(looked.asked.map(asked => asked.name))].filter(name => name === own || name.startsWith(`${own}.`))
}

/** That a server does not answer, and what is heard in place of it. */
async function silence(bench: Bench, pod: NamedEnd, server: string, name: string): Promise<string | undefined> {
  const question = { name, type: 'A' }
  const replies = await askDns(bench, pod, server, [question])
  if ('because' in replies) return undefined
  const reply = replies.of(question)
  return reply.kind === 'answer' ? undefined : `${server} does not answer ${pod.name} (${sayReply(reply, question.type)})`
}

type Judged = string | undefined

async function look(bench: Bench, pod: NamedEnd, names: readonly string[], judge: (looked: Looked, name: string) => Judged | Promise<Judged>): Promise<Verdict> {
  const outcome = await lookFor(bench, pod, names)
  if ('because' in outcome) return fail(outcome.because, ...outcome.evidence)
  const { looked, evidence } = outcome
  const slow = looked.find(one => one.ended === 'slow')
  if (slow !== undefined) throw new CouldNotLook(`${pod.name}: a program that looks for ${slow.name} does not go on, though nothing is due to it`, evidence)
  for (const name of names) {
    const one = looked.find(other => other.name === name)
    const because = one === undefined ? undefined : await judge(one, name)
    if (because !== undefined) return failWithResolver(bench, pod, because, evidence)
    if (one === undefined) {
      const last = looked.at(-1)
      return failWithResolver(bench, pod, `${last?.asked.at(-1)?.server ?? 'nobody'} does not answer for ${last?.asked.at(-1)?.name ?? name}`, evidence)
    }
  }
  return pass(evidence)
}
