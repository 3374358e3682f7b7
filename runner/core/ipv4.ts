// IPv4 arithmetic. An address is an unsigned 32-bit number.

/** An address and the length of its network prefix; the host bits are kept. */
export interface Cidr {
  readonly address: number
  readonly prefix: number
}

const number = /^(0|[1-9]\d{0,2})$/

/** Only the four-part decimal form; no leading zeros, which other tools read as octal. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => number.test(part) && Number(part) <= 255)) return undefined
  return parts.reduce((address, part) => address * 256 + Number(part), 0)
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}

export function parseCidr(text: string): Cidr | undefined {
  const [left = '', right = '', ...more] = text.split('/')
  const address = parseAddress(left)
  if (address === undefined || more.length > 0 || !number.test(right) || Number(right) > 32) return undefined
  return { address, prefix: Number(right) }
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.address)}/${cidr.prefix}`
}

/** How many addresses share the prefix. Arithmetic, not shifts: JavaScript shifts by 32 do nothing. */
function size(prefix: number): number {
  return 2 ** (32 - prefix)
}

/** The first address of the subnet. */
export function networkOf(cidr: Cidr): number {
  return cidr.address - (cidr.address % size(cidr.prefix))
}

/** The last address of the subnet. */
export function broadcastOf(cidr: Cidr): number {
  return networkOf(cidr) + size(cidr.prefix) - 1
}

export function contains(cidr: Cidr, address: number): boolean {
  return networkOf(cidr) <= address && address <= broadcastOf(cidr)
}

export function overlaps(one: Cidr, other: Cidr): boolean {
  return contains(one, networkOf(other)) || contains(other, networkOf(one))
}

export function sameSubnet(one: Cidr, other: Cidr): boolean {
  return one.prefix === other.prefix && networkOf(one) === networkOf(other)
}
