import { expect, test } from 'vitest'
import { deviceChanges } from '../../../agent/devices/device-changes.ts'
import type { HostDevice } from '../../../src/protocol/host-device.ts'

const port = (name: string, serialNumber?: string, more: Partial<HostDevice> = {}): HostDevice => ({
  class: 'serial',
  name,
  node: `/dev/${name}`,
  ...more,
  ...(serialNumber === undefined ? {} : { usb: { vendor: '0403', product: '6001', serialNumber } }),
})

const textOf = (before: readonly HostDevice[], after: readonly HostDevice[]): string => {
  const { plugged, unplugged } = deviceChanges(before, after)
  return [...unplugged.map(({ name }) => `-${name}`), ...plugged.map(({ name }) => `+${name}`)].join(' ')
}

test.each([
  ['nothing', [port('ttyS0')], [port('ttyS0')], ''],
  ['plugged in', [port('ttyS0')], [port('ttyS0'), port('ttyUSB0', 'A')], '+ttyUSB0'],
  ['unplugged', [port('ttyS0'), port('ttyUSB0', 'A')], [port('ttyS0')], '-ttyUSB0'],
  ['it came back under another name', [port('ttyUSB0', 'A')], [port('ttyUSB1', 'A')], '-ttyUSB0 +ttyUSB1'],
  ['another adapter took the name', [port('ttyUSB0', 'A')], [port('ttyUSB0', 'B')], '-ttyUSB0 +ttyUSB0'],
  ['udev made links and a group', [port('ttyUSB0', 'A')], [port('ttyUSB0', 'A', { gid: 20, byId: ['/dev/x'] })], ''],
  ['the same name in another class', [port('a')], [port('a'), { class: 'video', name: 'a' }], '+a'],
])('%s', (_name, before, after, expected) => {
  expect(textOf(before, after)).toBe(expected)
})
