import { expect, test } from 'vitest'
import { keyOf, knownDevicesSchema, noKnownDevices, pin, pinnedRecipient } from '../../src/fleet/known-devices.ts'

const first = `age1${'q'.repeat(58)}`
const second = `age1${'p'.repeat(58)}`

test('a device is known under one root of one broker', () => {
  const key = keyOf('mqtt://plant', 'longshore', 'gw')
  const known = pin(noKnownDevices, key, first, 0)
  expect(pinnedRecipient(known, key)).toBe(first)
  for (const other of [
    keyOf('mqtt://plant', 'longshore', 'gw-2'),
    keyOf('mqtt://plant', 'acme', 'gw'),
    keyOf('mqtts://plant', 'longshore', 'gw'),
    keyOf('mqtt://plant:1884', 'longshore', 'gw'),
  ])
    expect(pinnedRecipient(known, other)).toBeUndefined()
})

test.each([
  ['mqtt://Plant', 'mqtt://plant:1883'],
  ['tcp://plant:1883/', 'mqtt://plant:1883'],
  ['mqtt://user:password@plant', 'mqtt://plant:1883'],
  ['ssl://plant', 'mqtts://plant:8883'],
  ['wss://plant/mqtt', 'wss://plant:443/mqtt'],
  ['ws://[::1]:8080', 'ws://[::1]:8080'],
])('%s and %s are one broker, and no password is kept', (a, b) => {
  expect(keyOf(a, 'r', 'd')).toEqual(keyOf(b, 'r', 'd'))
  expect(keyOf(a, 'r', 'd').broker).not.toContain('password')
})

test('a new pin takes the place of the old one and of no other', () => {
  const [a, b] = [keyOf('mqtt://plant', 'longshore', 'a'), keyOf('mqtt://plant', 'longshore', 'b')]
  const known = pin(pin(pin(noKnownDevices, b, first, 0), a, first, 0), b, second, 1_000)
  expect(knownDevicesSchema.parse(known).devices).toEqual([
    { ...a, recipient: first, pinnedAt: '1970-01-01T00:00:00.000Z' },
    { ...b, recipient: second, pinnedAt: '1970-01-01T00:00:01.000Z' },
  ])
})
