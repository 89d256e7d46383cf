import { BlockList, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isInSubnet } from '../../src/compose/subnet.ts'
import '../support/seed.ts'

test.each([
  ['10.9.0.5', '10.9.0.0/24', true],
  ['10.9.1.5', '10.9.0.0/24', false],
  ['10.9.1.5', '10.9.0.0/23', true],
  ['10.9.1.5', '0.0.0.0/0', true],
  ['10.9.1.5', '::/0', false],
  ['fd00::5', 'fd00::/64', true],
  ['fd00:0:0:1::5', 'fd00::/64', false],
  ['::ffff:10.9.0.5', '::ffff:a09:0/112', true],
] as const)('%s in %s: %s', (address, subnet, expected) => {
  expect(isInSubnet(address, subnet)).toBe(expected)
})

test('it is as Node has it', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 128 }), (one, base, bits) => {
      const length = isIPv4(base) ? Math.min(bits, 32) : bits
      const list = new BlockList()
      list.addSubnet(base, length, isIPv4(base) ? 'ipv4' : 'ipv6')
      // Node takes an IPv4 address and its IPv6 form for one.
      fc.pre(isIPv4(one) === isIPv4(base))
      expect(isInSubnet(one, `${base}/${length}`)).toBe(list.check(one, isIPv4(one) ? 'ipv4' : 'ipv6'))
    }),
  )
})
