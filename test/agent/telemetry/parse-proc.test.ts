import { describe, expect, test } from 'vitest'
import {
  parseCpu,
  parseDiskstats,
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parsePressure,
  parseUptime,
} from '../../../agent/telemetry/parse-proc.ts'

test('processors: ticks by what they were spent on', () => {
  expect(parseCpu('cpu  10 1 20 60 5 1 2 3 9 0\ncpu0 1 1 1 1\n')).toEqual({ total: 102, idle: 60, ioWait: 5, steal: 3 })
  // Kernels before 2.6 have four columns.
  expect(parseCpu('cpu 1 2 3 4\n')).toEqual({ total: 10, idle: 4, ioWait: 0, steal: 0 })
})

test('memory, in bytes', () => {
  expect(
    parseMemory('MemTotal:  1000 kB\nMemAvailable:    400 kB\nHugePages_Total:       7\nActive(anon): 3 kB\n'),
  ).toEqual({
    MemTotal: 1_024_000,
    MemAvailable: 409_600,
    HugePages_Total: 7,
    'Active(anon)': 3_072,
  })
})

test('load, pressure and uptime', () => {
  expect(parseLoad('0.50 1.25 2.00 1/300 4242\n')).toEqual([0.5, 1.25, 2])
  expect(parsePressure('some avg10=1.00 avg60=16.73 avg300=2.00 total=1\nfull avg10=0.00 avg60=9.99\n')).toBe(16.73)
  expect(parseUptime('12345.67 5000.00\n')).toBe(12_345.67)
})

test('disks that did something, in bytes', () => {
  const text = [
    '   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0',
    ' 253       0 vda 5 0 40 7 6 0 80 9 0 11 16 0 0 0 0',
    ' 179       0 mmcblk0 1 0 8 1 0 0 0 0 0 3 1',
  ].join('\n')
  expect(Object.fromEntries(parseDiskstats(text))).toEqual({
    vda: { readBytes: 20_480, writtenBytes: 40_960, busyMs: 11 },
    mmcblk0: { readBytes: 4_096, writtenBytes: 0, busyMs: 3 },
  })
})

test('interfaces, also where the number follows the colon at once', () => {
  const text = [
    'Inter-|   Receive                                                |  Transmit',
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
    '  eth0:100 1 2 3 0 0 0 0 200 2 4 5 0 0 0 0',
    'wlan0: 7 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0',
  ].join('\n')
  expect(Object.fromEntries(parseNetwork(text))).toEqual({
    eth0: { receivedBytes: 100, sentBytes: 200, errors: 14 },
    wlan0: { receivedBytes: 7, sentBytes: 8, errors: 0 },
  })
})

test('mounts of real file systems, once each, with spaces in them', () => {
  const text = [
    '22 27 0:21 / /proc rw - proc proc rw',
    '27 1 254:0 / / rw - ext4 /dev/vda rw',
    '40 27 254:0 /var/lib/docker /var/lib/docker rw - ext4 /dev/vda rw',
    '41 27 8:1 / /media/usb\\040stick rw - vfat /dev/sda1 rw',
    '42 27 0:50 / /mnt/nfs rw - nfs server:/x rw',
    'rubbish',
  ].join('\n')
  expect(parseMounts(text)).toEqual(['/', '/media/usb stick'])
})

describe('what is missing or odd is left out', () => {
  const odd = ['', '\n\n', 'cpu', 'cpu a b c d', 'eth0:', 'vda', '\u0000\u0001', 'x'.repeat(10_000)]
  test.each(odd.map((text) => [JSON.stringify(text).slice(0, 30), text]))('%s', (_name, text) => {
    expect([parseCpu(text), parseLoad(text), parsePressure(text), parseUptime(text)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect([parseDiskstats(text).size, parseNetwork(text).size, parseMounts(text).length]).toEqual([0, 0, 0])
  })
})
