// Reads `ping -n -c 1`: whether the one packet was answered, or somebody said that it is too large.

export type Pinged =
  | { readonly kind: 'answered' }
  | { readonly kind: 'told'; readonly mtu: number }
  | { readonly kind: 'silence' }

export function readPing(output: string): Pinged {
  if (/^\d+ bytes from /m.test(output)) return { kind: 'answered' }
  const mtu = /\(mtu = (\d{1,5})\)/.exec(output)?.[1] ?? /mtu[=:] ?(\d{1,5})\b/.exec(output)?.[1]
  return mtu === undefined || Number(mtu) < 68 ? { kind: 'silence' } : { kind: 'told', mtu: Number(mtu) }
}
