// Reads what /usr/local/lib/hardway/asking prints.
import { parseAddress } from '../../runner/core/ipv4.ts'

type Protocol = 'tcp' | 'udp'

/** What came of one question. `by`: the inode of the namespace that answers. */
export interface Told {
  readonly id: number
  readonly answer:
    | {
      readonly kind: 'ok'
      readonly by: number
      readonly peer: string
      readonly peerPort: number
      readonly own: string
      readonly ownPort: number
      readonly ttl: number | undefined
      readonly ms: number
    }
    | { readonly kind: 'refused' }
    | { readonly kind: 'unreachable'; readonly reason: string }
    | { readonly kind: 'timeout'; readonly own: string; readonly ownPort: number }
    | { readonly kind: 'wrong'; readonly text: string }
  /** As it was said. */
  readonly said: string
}

/** The first packet of something that came to a namespace, whether or not it is answered. */
export interface Arrived {
  readonly protocol: Protocol
  readonly inode: number
  readonly port: number
  readonly from: string
  readonly fromPort: number
  readonly ttl: number
  /** TCP says it later. */
  readonly nonce: string | undefined
}

/** A port that somebody else has. */
export interface Taken {
  readonly inode: number
  readonly protocol: Protocol
  readonly port: number
}

export function readAnswers(text: string): readonly Told[] {
  return linesOf(text, 'told').map(line => {
    const [, id = '', kind = '', ...rest] = line.split(' ')
    return { id: aNumber(id, line), answer: anAnswer(kind, rest, line), said: [kind, ...rest].join(' ') }
  })
}

function anAnswer(kind: string, rest: readonly string[], line: string): Told['answer'] {
  if (kind === 'refused' && rest.length === 0) return { kind }
  if (kind === 'unreachable') return { kind, reason: rest.join(' ') }
  if (kind === 'wrong') return { kind, text: rest.join(' ') }
  if (kind === 'timeout' && rest.length === 2) {
    const [own = '', port = ''] = rest
    return { kind, own: anAddress(own, line), ownPort: aPort(port, line) }
  }
  const [by = '', peer = '', peerPort = '', own = '', ownPort = '', ttl = '', ms = ''] = rest
  if (kind !== 'ok' || rest.length !== 7 || !/^\d+(\.\d+)?$/.test(ms)) throw notUnderstood(line)
  return {
    kind, by: aNumber(by, line), peer: anAddress(peer, line), peerPort: aPort(peerPort, line), own: anAddress(own, line), ownPort: aPort(ownPort, line),
    ttl: ttl === '-' ? undefined : aNumber(ttl, line), ms: Number(ms),
  }
}

export function readArrived(text: string): readonly Arrived[] {
  return linesOf(text, 'heard').map(line => {
    const [, protocol = '', inode = '', port = '', from = '', fromPort = '', ttl = '', nonce = ''] = line.split(' ')
    return {
      protocol: aProtocol(protocol, line), inode: aNumber(inode, line), port: aPort(port, line), from: anAddress(from, line), fromPort: aPort(fromPort, line),
      ttl: aNumber(ttl, line), nonce: nonce === '-' ? undefined : nonce,
    }
  })
}

export function readTaken(text: string): readonly Taken[] {
  return linesOf(text, 'taken').map(line => {
    const [, inode = '', protocol = '', port = ''] = line.split(' ')
    return { inode: aNumber(inode, line), protocol: aProtocol(protocol, line), port: aPort(port, line) }
  })
}

/** Whole lines only: a last one that is cut short is none. */
function linesOf(text: string, verb: string): readonly string[] {
  return text.split('\n').slice(0, -1).filter(line => line.startsWith(`${verb} `))
}

function aProtocol(value: string, line: string): Protocol {
  if (value !== 'tcp' && value !== 'udp') throw notUnderstood(line)
  return value
}

function anAddress(value: string, line: string): string {
  if (parseAddress(value) === undefined) throw notUnderstood(line)
  return value
}

function aPort(value: string, line: string): number {
  const port = aNumber(value, line)
  if (port > 65_535) throw notUnderstood(line)
  return port
}

function aNumber(value: string, line: string): number {
  if (!/^\d{1,15}$/.test(value)) throw notUnderstood(line)
  return Number(value)
}

function notUnderstood(line: string): Error {
  return new Error(`expected a line of what asks, and got ${JSON.stringify(line.slice(0, 80))}`)
}
