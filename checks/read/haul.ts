// Reads what /usr/local/lib/hardway/haul prints.
import { parseAddress } from '../../runner/core/ipv4.ts'

export type Hauled =
  | {
    readonly kind: 'ok'
    /** Who the server saw. */
    readonly peer: string
    /** Who the client is. */
    readonly own: string
    readonly ownPort: number
  }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'wrong'; readonly text: string }
  /** A datagram that nobody answers. */
  | { readonly kind: 'sent' }

export interface Haul {
  readonly verb: 'haul' | 'knock'
  /** As it was asked for: an address, or `-`. */
  readonly from: string
  readonly to: string
  readonly port: number
  readonly result: Hauled
}

const LINE = /^(haul|knock) (\S+) (\S+) (\d{1,5}) (\w+)(?: (.*))?$/

export function readHauls(text: string): readonly Haul[] {
  return text.split('\n').slice(0, -1).filter(line => line !== '').map(line => {
    const [, verb, from = '', to = '', port = '', kind = '', rest = ''] = LINE.exec(line) ?? []
    if (verb !== 'haul' && verb !== 'knock' || !isAddress(to) || from !== '-' && !isAddress(from)) throw notUnderstood(line)
    return { verb, from, to, port: Number(port), result: resultOf(kind, rest, line) }
  })
}

function resultOf(kind: string, rest: string, line: string): Hauled {
  switch (kind) {
    case 'refused':
    case 'timeout':
    case 'sent': return { kind }
    case 'unreachable': return { kind, reason: rest }
    case 'wrong': return { kind, text: rest }
    case 'ok': {
      const [peer = '', own = '', ownPort = ''] = rest.split(' ')
      if (isAddress(peer) && isAddress(own) && /^\d{1,5}$/.test(ownPort)) return { kind, peer, own, ownPort: Number(ownPort) }
    }
  }
  throw notUnderstood(line)
}

function isAddress(text: string): boolean {
  return parseAddress(text) !== undefined
}

function notUnderstood(line: string): Error {
  return new Error(`expected what haul prints, and got ${JSON.stringify(line.slice(0, 200))}`)
}
