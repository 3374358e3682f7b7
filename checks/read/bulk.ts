// Reads what `bulk send` prints.

export type Large =
  | { readonly kind: 'ok' | 'timeout' }
  /** Somebody on the way says how many bytes would fit. */
  | { readonly kind: 'told'; readonly mtu: number }
  | { readonly kind: 'failed'; readonly reason: string }

export type Bulk =
  | { readonly kind: 'ok' | 'stalled' | 'slow'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string }

export interface Sent {
  /** A few bytes, as a control. */
  readonly small: Large
  readonly large: Large
  readonly bulk: Bulk
}

export function readSent(output: string): Sent {
  const [small, large, bulk, ...more] = output.split('\n')
  if (more.join('') !== '') throw new Error('expected three lines')
  return { small: readLarge('small', small), large: readLarge('large', large), bulk: readBulk(bulk) }
}

function readLarge(name: string, line = ''): Large {
  const [, is, kind, rest = ''] = /^(\w+) (\w+) ?([ -~]*)$/.exec(line) ?? []
  if (is === name && (kind === 'ok' || kind === 'timeout')) return { kind }
  if (is === name && kind === 'told' && /^\d{1,5}$/.test(rest)) return { kind, mtu: Number(rest) }
  if (is === name && kind === 'failed') return { kind, reason: rest }
  throw new Error(`expected how the ${name} one went, and got ${JSON.stringify(line.slice(0, 80))}`)
}

function readBulk(line = ''): Bulk {
  const [, kind, bytes = ''] = /^bulk (ok|stalled|slow) (\d{1,9})$/.exec(line) ?? []
  if (kind === 'ok' || kind === 'stalled' || kind === 'slow') return { kind, bytes: Number(bytes) }
  const [, reason] = /^bulk failed ([ -~]*)$/.exec(line) ?? []
  if (reason !== undefined) return { kind: 'failed', reason }
  throw new Error(`expected how the transfer went, and got ${JSON.stringify(line.slice(0, 80))}`)
}
