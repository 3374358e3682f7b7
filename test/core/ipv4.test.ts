import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { broadcastOf, contains, formatAddress, formatCidr, networkOf, overlaps, parseAddress, parseCidr, sameSubnet } from '../../runner/core/ipv4.ts'

const address = fc.integer({ min: 0, max: 0xffffffff })
const cidr = fc.record({ address, prefix: fc.integer({ min: 0, max: 32 }) })

describe('IPv4 arithmetic', () => {
  test('reads back every address that it writes', () => {
    fc.assert(fc.property(address, one => parseAddress(formatAddress(one)) === one))
    fc.assert(fc.property(cidr, one => { expect(parseCidr(formatCidr(one))).toEqual(one) }))
  })

  test.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.-4', '1.2.3.4 ', '0x1.2.3.4', '1..2.3', '::1'])('does not take %j for an address', text => {
    expect(parseAddress(text)).toBeUndefined()
  })

  test.each(['1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/08', '1.2.3.4/8/8', '/8', '1.2.3.4/-1'])('does not take %j for an address with prefix length', text => {
    expect(parseCidr(text)).toBeUndefined()
  })

  test('never throws on what is no address', () => {
    fc.assert(fc.property(fc.string(), text => { parseCidr(text) }))
  })

  test('agrees with the bit mask about the network', () => {
    fc.assert(fc.property(cidr, one => {
      const mask = one.prefix === 0 ? 0 : (0xffffffff << (32 - one.prefix)) >>> 0
      expect(networkOf(one)).toBe((one.address & mask) >>> 0)
      expect(broadcastOf(one)).toBe((one.address | ~mask) >>> 0)
    }))
  })

  test('finds in a subnet just the addresses between its first and its last', () => {
    fc.assert(fc.property(cidr, address, (one, other) => contains(one, other) === (networkOf({ address: other, prefix: one.prefix }) === networkOf(one))))
    fc.assert(fc.property(cidr, one => contains(one, one.address)))
  })

  test('says that subnets overlap exactly when one contains the other', () => {
    const close = fc.record({ address: fc.integer({ min: 0x0a000000, max: 0x0a0000ff }), prefix: fc.integer({ min: 22, max: 32 }) })
    fc.assert(fc.property(close, close, (one, other) => {
      const [wide, narrow] = one.prefix <= other.prefix ? [one, other] : [other, one]
      expect(overlaps(one, other)).toBe(contains(wide, narrow.address))
      expect(overlaps(other, one)).toBe(overlaps(one, other))
      if (sameSubnet(one, other)) expect(overlaps(one, other)).toBe(true)
    }))
  })
})
