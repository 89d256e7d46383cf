/** Real child processes in the place of udevadm. */
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { isNews, listenToUdev } from '../../../agent/devices/listen-to-udev.ts'
import { eventually } from '../../support/eventually.ts'

const listen = (command: readonly [string, ...string[]]) => {
  const lines: { reason?: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const state = { news: 0 }
  const listening = listenToUdev({ command, firstPauseMs: 5, log })(() => {
    state.news += 1
  })
  onTestFinished(listening.stop)
  return { state, lines, listening }
}

test.each([
  ['UDEV  [4711.123456] add      /devices/pci0000:00/0000:00:1c.1/net/can0 (net)', true],
  ['UDEV  [4711.123456] remove   /devices/platform/scb/usb1/1-1/1-1.2/1-1.2:1.0/ttyUSB0/tty/ttyUSB0 (tty)', true],
  ['UDEV  [4711.123456] add      /devices/virtual/net/vcan0 (net)', true],
  ['UDEV  [4711.123456] add      /devices/virtual/net/vethf00ba1 (net)', false],
  ['UDEV  [4711.123456] change   /devices/pci0000:00/0000:00:02.0/drm/card0 (drm)', false],
  ['KERNEL[4711.123456] add      /devices/pci0000:00/0000:00:1c.1/net/can0 (net)', false],
  ['monitor will print the received events for:', false],
  ['', false],
])('of %s', (line, expected) => {
  expect(isNews(line)).toBe(expected)
})

test('each line is heard as it comes', async () => {
  const line = 'UDEV  [1.5] add      /devices/pci0000:00/net/can0 (net)'
  const { state } = listen(['sh', '-c', `echo '${line}'; echo; echo '${line}'; exec sleep 60`])
  await eventually('both lines', () => state.news === 2)
})

test('one that ends is started again, which is said once', async () => {
  const { state, lines } = listen([
    'sh',
    '-c',
    `echo 'UDEV  [1.5] add      /devices/pci0000:00/net/can0 (net)'; exit 3`,
  ])
  await eventually('it to run three times', () => state.news >= 3)
  expect(lines.map(({ reason }) => reason)).toEqual(['sh ended with 3'])
})

test('where there is none, that is said once, and nothing is started again', async () => {
  const { lines, listening } = listen(['/nowhere/udevadm', 'monitor'])
  await eventually('it to be said', () => lines.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(lines).toHaveLength(1)
  listening.stop()
})
