// Asks a DNS server, and has programs look for names. All that the checks of one look want of one namespace is one
// command, whoever wants it.
import { setImmediate as turn } from 'node:timers/promises'
import type { Bench } from '../runner/core/bench.ts'
import { CouldNotLook, fail, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { ownerOf, type Missing, type NamedEnd } from './ends.ts'
import { readAnswered, readLooked, type DnsReply, type Looked } from './read/dns.ts'
import { readFrom, unable } from './tool.ts'

const TOOL = '/usr/local/lib/hardway/dns'

export interface DnsQuestion {
  readonly name: string
  readonly type: string
  /** Default `udp`; what is cut short for that is asked again by TCP, as every resolver does. */
  readonly protocol?: 'udp' | 'tcp'
}

export interface DnsReplies {
  readonly of: (question: DnsQuestion) => DnsReply
  readonly evidence: Evidence
}

const questions = gathered<DnsQuestion, DnsReplies>()
const names = gathered<string, { readonly looked: readonly Looked[]; readonly evidence: Evidence }>()

/** What a server says to somebody. To be called before a look waits for anything else. */
export function askDns(bench: Bench, from: NamedEnd, server: string, wanted: readonly DnsQuestion[]): Promise<DnsReplies | Missing> {
  return questions(bench, `${keyOf(from)} > ${server}`, wanted, async all => {
    const owner = await ownerOf(bench, from)
    if ('because' in owner) return owner
    const { place } = owner.namespace
    const replies = new Map<string, DnsReply>()
    const ask = async (some: readonly DnsQuestion[]): Promise<Evidence> => {
      const evidence = await place.exec([TOOL, 'ask', server], { stdin: [...new Set(some.map(lineOf))].map(line => `${line}\n`).join('') })
      if (evidence.exitCode !== 0) throw unable(evidence)
      for (const one of readFrom(evidence, readAnswered)) replies.set(lineOf(one), one.reply)
      return evidence
    }
    const evidence = await ask(all)
    const cut = all.filter(one => { const reply = replies.get(lineOf(one)); return one.protocol !== 'tcp' && reply?.kind === 'answer' && reply.truncated })
    if (cut.length > 0) await ask(cut.map(one => ({ ...one, protocol: 'tcp' as const })))
    return {
      evidence,
      of: question => {
        const reply = replies.get(lineOf(cut.includes(question) ? { ...question, protocol: 'tcp' } : question))
        if (reply === undefined) throw new CouldNotLook(`${place.name}: nothing is said of ${lineOf(question)}`, evidence)
        return reply
      },
    }
  })
}

/** What programs of a pod do to find names. Those after one that nobody answered for are not looked for. */
export async function lookFor(bench: Bench, from: NamedEnd, wanted: readonly string[]): Promise<{ readonly looked: readonly Looked[]; readonly evidence: Evidence } | Missing> {
  return names(bench, keyOf(from), wanted, async all => {
    const owner = await ownerOf(bench, from)
    if ('because' in owner) return owner
    const evidence = await owner.namespace.place.exec([TOOL, 'names', ...new Set(all)], { timeoutMs: 30_000 })
    if (evidence.exitCode !== 0) throw unable(evidence)
    return { looked: readFrom(evidence, readLooked), evidence }
  })
}

/** A failure, and what the pod's own file says, which is often why. */
export async function failWithResolver(bench: Bench, from: NamedEnd, because: string, evidence: Evidence): Promise<Verdict> {
  const owner = await ownerOf(bench, from)
  if ('because' in owner) return fail(because, evidence)
  const file = await owner.namespace.place.exec(['cat', '/etc/resolv.conf'])
  const lines = file.stdout.split('\n').map(line => line.trim()).filter(line => /^(nameserver|search|domain|options)\s/.test(line))
  return fail(`${because}: its /etc/resolv.conf ${lines.length === 0 ? 'says nothing' : `has \`${lines.join('; ')}\``}`, evidence, file)
}

/** `NXDOMAIN`, `10.96.0.1`, `no answer`: what one who asks is left with. */
export function sayReply(reply: DnsReply, type: string): string {
  switch (reply.kind) {
    case 'answer': {
      const own = reply.records.filter(record => record.type === type || record.type === 'CNAME')
      return own.length > 0 ? own.map(record => record.type === type ? record.data : `an alias of ${record.data}`).join(', ') : reply.code === 'NOERROR' ? 'NODATA' : reply.code
    }
    case 'refused': return 'connection refused'
    case 'unreachable': return reply.reason.toLowerCase()
    case 'timeout': return 'no answer'
    case 'wrong': return `what is no answer (${reply.text})`
  }
}

function lineOf({ protocol = 'udp', name, type }: DnsQuestion): string {
  return `${protocol} ${name} ${type}`
}

function keyOf(end: NamedEnd): string {
  return `${end.place ?? ''} ${end.address} ${end.named ? end.name : ''}`
}

/** One run for all who want something of the same key in the same turn. */
function gathered<Want, Outcome>(): (bench: Bench, key: string, wanted: readonly Want[], run: (all: readonly Want[]) => Promise<Outcome | Missing>) => Promise<Outcome | Missing> {
  const open = new WeakMap<Bench, Map<string, { readonly all: Want[]; readonly outcome: Promise<Outcome | Missing> }>>()
  return (bench, key, wanted, run) => {
    const batches = open.get(bench) ?? new Map<string, { readonly all: Want[]; readonly outcome: Promise<Outcome | Missing> }>()
    open.set(bench, batches)
    const known = batches.get(key)
    if (known !== undefined) {
      known.all.push(...wanted)
      return known.outcome
    }
    const all = [...wanted]
    const outcome = turn().then(() => {
      batches.delete(key)
      return run(all)
    })
    batches.set(key, { all, outcome })
    return outcome
  }
}
