import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { amountText } from '../../src/cli/describe-bytes.ts'
import { fitting, openScreen } from '../../src/cli/screen.ts'
import { emptyTop, type TopMessage, type TopState, withMessage } from '../../src/cli/top/top-state.ts'
import { hostsTable, servicesTable, sparkline, type View } from '../../src/cli/top/top-table.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import type { Status } from '../../src/protocol/status.ts'

const after = (...messages: readonly (TopMessage & { readonly device?: string })[]): TopState =>
  messages.reduce((state, { device = 'gw-1', ...message }) => withMessage(state, device, message), emptyTop)

/** Said in the order of the times, and come when it was said. */
const told = (atMs: number, seq = atMs, epoch = 1) => ({
  kind: 'telemetry' as const,
  said: { epoch, seq, at: atMs },
  cameMs: atMs,
})
const host = (atMs: number, metrics: Record<string, number>, device = 'gw-1') => ({ ...told(atMs), metrics, device })
const app = (atMs: number, metrics: Record<string, number>) => ({ ...told(atMs), app: 'line', metrics })

const view = (sort: View['sort'], nowMs: number, ...silentSites: string[]): View => ({
  ...{ sort, nowMs },
  silentSites: new Set(silentSites),
})

const reported = (phase: Reported['phase'] = 'running') =>
  ({
    kind: 'reported',
    app: 'line',
    message: {
      phase,
      services: {
        plc: { state: 'running', health: 'healthy', image: 'i', restarts: 0 },
        log: { state: 'exited', health: 'none', image: 'i', restarts: 0 },
      },
    } as unknown as Reported,
  }) as const

test('what moved stands beside what was told before, and counters become rates', () => {
  const { host: series } = after(host(1_000, { load1: 1, bytes: 100 }), host(3_000, { bytes: 300 })).get('gw-1') ?? {}
  expect(series?.values).toEqual({ load1: 1, bytes: 300 })
  expect(series?.rates.bytes).toBe(100)
  expect(series?.history.map(({ bytes }) => bytes)).toEqual([100, 300])
})

test('what comes late does not take the place of what is newer, and a counter that began anew has no negative rate', () => {
  const late = after(host(5_000, { load1: 5 }), host(1_000, { load1: 1, load5: 2 })).get('gw-1')?.host
  expect(late?.values).toEqual({ load1: 5, load5: 2 })
  const anew = after(host(1_000, { bytes: 100 }), host(2_000, { bytes: 5 })).get('gw-1')?.host
  expect(anew?.rates.bytes).toBe(0)
})

test('a device whose clock is set back, or that was made anew, is heard on', () => {
  const [far, now] = [2_000_000_000_000, 1_000_000]
  const back = after({ ...told(far, 1), metrics: { bytes: 10 } }, { ...told(now, 2), metrics: { bytes: 20 } })
  expect(back.get('gw-1')?.host).toMatchObject({ values: { bytes: 20 }, rates: {} })
  const next = withMessage(back, 'gw-1', { ...told(now + 1_000, 1, 2), metrics: { bytes: 30 } })
  expect(next.get('gw-1')?.host).toMatchObject({ values: { bytes: 30 }, rates: { bytes: 10 } })
})

test('how old a value is goes by when it came, whatever the clock of the device says', () => {
  const state = after({ ...told(0), cameMs: 90_000, metrics: { load1: 1 } })
  expect(hostsTable(state, view('cpu', 100_000)).split('\n')[1]).toMatch(/ 10 s$/)
})

test('how a device is behind a bridge that is away, nobody knows', () => {
  const status = { schema: 1, at: 0, online: true, session: 1, agent: '1', via: ['press-shop', 'plant1'] } as Status
  const state = after({ kind: 'status', message: status })
  expect(hostsTable(state, view('cpu', 0)).split('\n')[1]).toMatch(/^gw-1 +online/)
  expect(hostsTable(state, view('cpu', 0, 'plant1')).split('\n')[1]).toMatch(/^gw-1 +unknown/)
  expect(servicesTable('gw-1', state.get('gw-1') as never, view('cpu', 0, 'plant1'))).toMatch(/^gw-1 +unknown/)
})

test('hosts: who has most comes first, who is away says so, and what is not known is a dash', () => {
  const status = { schema: 1, at: 0, online: true, session: 1, agent: '1' } as Status
  const disks = { 'disk./.freeBytes': 50, 'disk./.usedBytes': 50, 'disk./var.freeBytes': 10, 'disk./var.usedBytes': 90 }
  const state = after(
    host(1_000, { cpuPercent: 5, memoryUsedBytes: 1024 ** 3, memoryAvailableBytes: 1024 ** 3, ...disks }),
    host(1_000, { cpuPercent: 50 }, 'gw-2'),
    { kind: 'status', message: status },
    { kind: 'status', message: { ...status, online: false }, device: 'gw-3' },
    { kind: 'status', message: { ...status, health: { verdict: 'failing', since: 0, reasons: [] } }, device: 'gw-2' },
  )
  const lines = hostsTable(state, view('cpu', 61_000)).split('\n')
  expect(lines.slice(1).map((line) => line.split(/\s+/)[0])).toEqual(['gw-2', 'gw-1', 'gw-3'])
  expect(lines[1]).toMatch(/failing +50\.0 %/)
  expect(lines[2]).toMatch(/online +5\.0 % +▁ +1\.0 GiB of 2\.0 GiB .*10 B \(10 %\) \/var .*60 s/)
  expect(lines[3]).toMatch(/offline +- +- +/)
  expect(hostsTable(state, view('name', 0)).split('\n')[1]).toMatch(/^gw-1/)
})

test('services: those that do not run stand there as well, and what is removed does not', () => {
  const state = after(
    reported(),
    app(1_000, { 'plc.cpuPercent': 12, 'plc.memoryBytes': 5e6, 'plc.sentBytes': 0, 'plc.receivedBytes': 0 }),
    app(2_000, { 'plc.cpuPercent': 30, 'plc.sentBytes': 2048, 'plc.receivedBytes': 1024 }),
  )
  const text = servicesTable('gw-1', state.get('gw-1') as never, view('cpu', 2_000))
  expect(text).toMatch(/line +plc +healthy +30\.0 % +▁▃ +4\.8 MiB .*1\.0 KiB\/s 2\.0 KiB\/s/)
  expect(text).toMatch(/line +log +exited +- /)
  const gone = withMessage(state, 'gw-1', reported('removed'))
  expect(servicesTable('gw-1', gone.get('gw-1') as never, view('cpu', 2_000))).not.toMatch(/plc/)
})

test('bars are shares of what there is, or of the highest', () => {
  expect(sparkline([0, 50, 100], 100).trim()).toBe('▁▅█')
  expect(sparkline([1, 2]).trim()).toBe('▅█')
  expect(sparkline([0, 0]).trim()).toBe('▁▁')
  expect(sparkline(Array.from({ length: 50 }, () => 1))).toHaveLength(12)
})

test('a screen is left however the process ends, once', () => {
  const before = process.listeners('exit')
  const stream = new PassThrough()
  const screen = openScreen(stream as unknown as NodeJS.WriteStream)
  const [atExit] = process.listeners('exit').filter((listener) => !before.includes(listener))
  stream.read()
  atExit?.(1)
  screen.close()
  expect(String(stream.read())).toBe('\u001b[?25h\u001b[?1049l')
  expect(process.listeners('exit')).toEqual(before)
})

test('a screen cuts what does not fit, and says how much', () => {
  expect(fitting(['one', 'two', 'three', 'four'], 3, 3)).toEqual(['one', 'two', '… …'])
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 KiB'],
  [1024 * 999.6, '1.0 MiB'],
  [24 * 1024 ** 2, '24 MiB'],
  [1.25 * 1024 ** 3, '1.3 GiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(amountText(bytes)).toBe(text)
})
