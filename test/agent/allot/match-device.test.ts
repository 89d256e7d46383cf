import { expect, test } from 'vitest'
import { matchesDevice } from '../../../agent/allot/match-device.ts'
import type { DeviceMatch } from '../../../src/compose/model-device-selectors.ts'
import { adapter } from '../../support/hardware.ts'

const device = adapter('ttyUSB3', {
  usb: { vendor: '0403', product: '6011', serialNumber: 'A50285BI', interface: '01' },
  byId: ['/dev/serial/by-id/usb-FTDI_Quad_A50285BI-if01-port0'],
  links: ['/dev/gps'],
})

test.each<[DeviceMatch, boolean]>([
  [{ usb: '0403:6011' }, true],
  [{ usb: '0403:*' }, true],
  [{ usb: '0403:6001' }, false],
  [{ serialNumber: 'A50285BI' }, true],
  [{ serialNumber: 'a50285bi' }, false],
  [{ interface: '01' }, true],
  [{ usb: '0403:6011', interface: '00' }, false],
  [{ byId: '/dev/serial/by-id/usb-FTDI_*-if01-port0' }, true],
  [{ byId: '/dev/serial/*' }, false],
  [{ byPath: '/dev/serial/by-path/*-usb-0:1.3:1.0-port0' }, true],
  [{ byPath: '/dev/serial/by-id/usb-FTDI_Quad_A50285BI-if01-port0' }, false],
  [{ path: '/dev/ttyUSB3' }, true],
  [{ path: '/dev/ttyUSB*' }, true],
  [{ path: '/dev//gps' }, true],
  [{ path: '/dev/tty' }, false],
  [{ path: '/dev' }, false],
  [{ driver: 'ftdi_sio', class: 'serial' }, true],
  [{ driver: 'ftdi_sio', class: 'video' }, false],
])('%j: %s', (match, is) => {
  expect(matchesDevice(match, device)).toBe(is)
})

test('a device with no facts fits none of them', () => {
  const bare = { class: 'serial', name: 'ttyS0', node: '/dev/ttyS0', major: 4, minor: 64 }
  const facts: DeviceMatch[] = [
    { usb: '0403:*' },
    { serialNumber: 'x' },
    { interface: '00' },
    { byId: '/dev/*' },
    { byPath: '/dev/*' },
    { driver: 'x' },
  ]
  expect(facts.filter((match) => matchesDevice(match, bare))).toEqual([])
})
