// Addresses and ranges of either family.
import { BlockList, isIP } from 'node:net'

export interface Range {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** `10.0.0.0/8` or `2001:db8::/32`. */
export function parseRange(text: string): Range | undefined {
  const [address = '', length = '', ...more] = text.split('/')
  const family = familyOf(address)
  if (family === undefined || more.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const prefix = Number(length)
  return prefix <= (family === 'ipv4' ? 32 : 128) ? { address, prefix, family } : undefined
}

export function familyOf(address: string): Range['family'] | undefined {
  const version = isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}

export function contains(range: Range, address: string): boolean {
  const family = familyOf(address)
  if (family !== range.family) return false
  const list = new BlockList()
  list.addSubnet(range.address, range.prefix, range.family)
  return list.check(address, family)
}
