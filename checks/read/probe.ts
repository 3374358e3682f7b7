// Reads what /usr/local/lib/hardway/probe prints.
import { parseAddress } from '../../runner/core/ipv4.ts'

export type Answer =
  | {
    readonly kind: 'ok'
    /** Who the server saw. */
    readonly peer: string
    readonly peerPort: number
    /** Who the client is. */
    readonly own: string
    readonly ownPort: number
    /** What was left of 64 when the server received it. Only UDP tells. */
    readonly ttl: number | undefined
    readonly ms: number
  }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'timeout' }
  /** Something answered, and not what was asked for. */
  | { readonly kind: 'wrong'; readonly text: string }

export interface Asked {
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly answer: Answer
}

/** A datagram that a server received. */
export interface Heard {
  readonly from: string
  readonly fromPort: number
  readonly ttl: number | undefined
  readonly nonce: string
}

export function readAsked(text: string): readonly Asked[] {
  return linesOf(text).map(line => {
    const [protocol = '', address = '', port = '', kind = '', ...rest] = line.split(' ')
    if (protocol !== 'tcp' && protocol !== 'udp') throw notUnderstood(line)
    return { protocol, address: anAddress(address, line), port: aPort(port, line), answer: readAnswer(kind, rest, line) }
  })
}

function readAnswer(kind: string, rest: readonly string[], line: string): Answer {
  if (kind === 'refused' || kind === 'timeout') return { kind }
  if (kind === 'unreachable') return { kind, reason: rest.join(' ') }
  if (kind === 'wrong') return { kind, text: rest.join(' ') }
  const [peer = '', peerPort = '', own = '', ownPort = '', ttl = '', ms = ''] = rest
  if (kind !== 'ok' || rest.length !== 6 || !/^\d+(\.\d+)?$/.test(ms)) throw notUnderstood(line)
  return {
    kind, peer: anAddress(peer, line), peerPort: aPort(peerPort, line),
    own: anAddress(own, line), ownPort: aPort(ownPort, line), ttl: aTtl(ttl, line), ms: Number(ms),
  }
}

/** The port of `probe serve`, once it is ready. */
export function readReady(text: string): number | undefined {
  const found = /^ready (\d+)$/m.exec(text)?.[1]
  return found === undefined ? undefined : aPort(found, text)
}

export function readHeard(text: string): readonly Heard[] {
  return linesOf(text).filter(line => line.startsWith('heard ')).map(line => {
    const [, protocol, from = '', port = '', ttl = '', nonce = '', ...more] = line.split(' ')
    if (protocol !== 'udp' || more.length > 0 || !/^[0-9A-Za-z]{8,64}$/.test(nonce)) throw notUnderstood(line)
    return { from: anAddress(from, line), fromPort: aPort(port, line), ttl: aTtl(ttl, line), nonce }
  })
}

/** Whole lines only: a last one that is cut short is none. */
function linesOf(text: string): readonly string[] {
  return text.split('\n').slice(0, -1).filter(line => line !== '')
}

function anAddress(value: string, line: string): string {
  if (parseAddress(value) === undefined) throw notUnderstood(line)
  return value
}

function aPort(value: string, line: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) === 0 || Number(value) > 65_535) throw notUnderstood(line)
  return Number(value)
}

function aTtl(value: string, line: string): number | undefined {
  if (value === '-') return undefined
  if (!/^\d{1,3}$/.test(value) || Number(value) > 255) throw notUnderstood(line)
  return Number(value)
}

function notUnderstood(line: string): Error {
  return new Error(`expected a line of the probe, and got ${JSON.stringify(line.slice(0, 80))}`)
}
