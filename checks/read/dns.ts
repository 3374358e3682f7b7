// Reads what /usr/local/lib/hardway/dns prints.
import { parseAddress } from '../../runner/core/ipv4.ts'

/** Names are in lower case and without the dot at the end. */
export interface ResourceRecord {
  readonly name: string
  readonly type: string
  /** As `dig +short` has it, without dots at the end of names. */
  readonly data: string
}

export type DnsReply =
  | { readonly kind: 'answer'; readonly code: string; readonly truncated: boolean; readonly records: readonly ResourceRecord[] }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'wrong'; readonly text: string }

export interface DnsAnswered {
  readonly protocol: 'udp' | 'tcp'
  readonly name: string
  readonly type: string
  readonly reply: DnsReply
}

export function readAnswered(text: string): readonly DnsAnswered[] {
  const answered: (DnsAnswered & { readonly records: ResourceRecord[] })[] = []
  for (const line of linesOf(text)) {
    const [kind, ...rest] = line.split(' ')
    if (kind === 'record') {
      const [name = '', type = '', ttl = '', ...data] = rest
      const last = answered.at(-1)
      if (last?.reply.kind !== 'answer' || !/^\d+$/.test(ttl)) throw notUnderstood(line)
      last.records.push({ name: name.toLowerCase(), type, data: type === 'TXT' ? data.join(' ') : data.join(' ').toLowerCase() })
      continue
    }
    const [protocol = '', name = '', type = '', word = '', ...more] = rest
    if (kind !== 'answer' || (protocol !== 'udp' && protocol !== 'tcp') || word === '') throw notUnderstood(line)
    const records: ResourceRecord[] = []
    answered.push({ protocol, name, type, reply: readReply(word, more, records, line), records })
  }
  return answered.map(({ protocol, name, type, reply }) => ({ protocol, name, type, reply }))
}

function readReply(word: string, rest: readonly string[], records: readonly ResourceRecord[], line: string): DnsReply {
  if (word === 'refused' || word === 'timeout') return { kind: word }
  if (word === 'unreachable') return { kind: word, reason: rest.join(' ') }
  if (word === 'wrong') return { kind: word, text: rest.join(' ') }
  if (!/^[A-Z]+\d*$/.test(word) || rest.some(flag => flag !== 'aa' && flag !== 'tc')) throw notUnderstood(line)
  return { kind: 'answer', code: word, truncated: rest.includes('tc'), records }
}

/** What one program did to find one name. */
export interface Looked {
  readonly name: string
  readonly asked: readonly Asked[]
  readonly addresses: readonly string[]
  /** How it ended, 2 is not found; `cut`: a question has had no answer; `slow`: the program itself did not go on. */
  readonly ended: number | 'cut' | 'slow'
}

export interface Asked {
  readonly server: string
  readonly protocol: 'udp' | 'tcp'
  readonly name: string
  readonly type: string
}

export function readLooked(text: string): readonly Looked[] {
  const looked: Looked[] = []
  let open: { name: string; asked: Asked[]; addresses: string[] } | undefined
  for (const line of linesOf(text)) {
    const [kind, first = '', protocol, name = '', type = ''] = line.split(' ')
    if (kind === 'look' && open === undefined) open = { name: first, asked: [], addresses: [] }
    else if (open === undefined) throw notUnderstood(line)
    else if (kind === 'asked' && (protocol === 'udp' || protocol === 'tcp') && type !== '') open.asked.push({ server: anAddress(first, line), protocol, name: name.toLowerCase(), type })
    else if (kind === 'is') open.addresses.push(anAddress(first, line))
    else if (kind === 'end' && /^(\d+|cut|slow)$/.test(first)) {
      looked.push({ ...open, ended: first === 'cut' || first === 'slow' ? first : Number(first) })
      open = undefined
    } else throw notUnderstood(line)
  }
  return looked
}

/** Whole lines only: a last one that is cut short is none. */
function linesOf(text: string): readonly string[] {
  return text.split('\n').slice(0, -1).filter(line => line !== '')
}

function anAddress(value: string, line: string): string {
  if (parseAddress(value) === undefined) throw notUnderstood(line)
  return value
}

function notUnderstood(line: string): Error {
  return new Error(`expected a line of the tool for names, and got ${JSON.stringify(line.slice(0, 80))}`)
}
