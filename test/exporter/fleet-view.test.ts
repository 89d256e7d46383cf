import fc from 'fast-check'
import { expect, test } from 'vitest'
import { exposition } from '../../src/exporter/exposition.ts'
import { allFamilies } from '../../src/exporter/families.ts'
import { createFleetView, type FleetView, type ViewInput } from '../../src/exporter/fleet-view.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { bridgeStatusOf, inventoryOf, reportedOf, serviceOf, statusOf, telemetryOf } from './messages.ts'

const topics = topicsUnder('longshore')
const hourMs = 3_600_000

type Told = { readonly isLive?: boolean; readonly atMs?: number }

const tell = (view: FleetView, topic: string, payload: Buffer, { isLive = true, atMs = 0 }: Told = {}): void => {
  const parsed = topics.parse(topic)
  if (parsed === undefined) throw new Error(topic)
  view.take(parsed, payload, isLive, { epochMs: 1_790_000_000_000 + atMs, monotonicMs: atMs })
}

const newView = (more: Partial<ViewInput> = {}): FleetView => createFleetView({ staleMs: 2 * hourMs, ...more })

/** By the text before the value. */
const shown = (view: FleetView, atMs = 0): Record<string, number> =>
  Object.fromEntries(
    [...exposition(allFamilies, view.series({ epochMs: 1_790_000_000_000 + atMs, monotonicMs: atMs }))]
      .join('')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )

const online = (view: FleetView, device: string): void => tell(view, topics.status(device), statusOf())

test('a device is shown with what it retains', () => {
  const view = newView()
  tell(
    view,
    topics.status('gw-1'),
    statusOf({
      health: {
        verdict: 'failing',
        since: 1,
        reasons: [
          { severity: 'degraded', code: 'crash-loop', message: 'a' },
          { severity: 'degraded', code: 'crash-loop', message: 'b' },
          { severity: 'failing', code: 'made-up-by-the-device', message: 'c' },
        ],
      },
    }),
  )
  tell(view, topics.inventory('gw-1'), inventoryOf({ model: 'a "model"\\\n' }))
  tell(
    view,
    topics.reported('gw-1', 'shop'),
    reportedOf('shop', { services: { web: serviceOf({ restarts: 3, health: 'unhealthy' }) } }),
  )
  expect(shown(view)).toEqual({
    'longshore_device_up{device_id="gw-1"}': 1,
    'longshore_device_health{device_id="gw-1",verdict="ok"}': 0,
    'longshore_device_health{device_id="gw-1",verdict="degraded"}': 0,
    'longshore_device_health{device_id="gw-1",verdict="failing"}': 1,
    'longshore_device_health_reasons{device_id="gw-1",code="crash-loop",severity="degraded"}': 2,
    'longshore_device_health_reasons{device_id="gw-1",code="other",severity="failing"}': 1,
    'longshore_device_info{device_id="gw-1",agent="1.2.3",hostname="press",model="a \\"model\\"\\\\\\n",os="Debian 12",kernel="6.1",arch="arm64",engine=""}': 1,
    'longshore_device_last_message_timestamp_seconds{device_id="gw-1"}': 1_790_000_000,
    'node_memory_MemTotal_bytes{device_id="gw-1"}': 2_000_000_000,
    'machine_cpu_cores{device_id="gw-1"}': 4,
    'longshore_app_info{device_id="gw-1",app="shop",release="0123456789ab",generation="7"}': 1,
    'longshore_app_phase{device_id="gw-1",app="shop",phase="running"}': 1,
    'longshore_service_up{device_id="gw-1",app="shop",service="web"}': 1,
    'longshore_service_restarts_total{device_id="gw-1",app="shop",service="web"}': 3,
    'longshore_service_healthy{device_id="gw-1",app="shop",service="web"}': 0,
  })
})

test('a message that holds only what moved leaves the other values as they are, in the units of Prometheus', () => {
  const view = newView()
  online(view, 'gw-1')
  tell(
    view,
    topics.telemetryOfHost('gw-1'),
    telemetryOf({ load1: 0.5, cpuPercent: 50, uptimeSeconds: 1_000, 'disk./var/lib.data.freeBytes': 7 }),
  )
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ cpuPercent: 25 }, { seq: 2 }))
  tell(view, topics.telemetryOfApp('gw-1', 'shop'), telemetryOf({ 'web.cpuMs': 1_500 }, { seq: 3 }))
  expect(shown(view)).toMatchObject({
    'node_load1{device_id="gw-1"}': 0.5,
    'longshore_host_cpu_busy_ratio{device_id="gw-1"}': 0.25,
    'node_boot_time_seconds{device_id="gw-1"}': 1_789_999_000,
    'node_filesystem_avail_bytes{device_id="gw-1",mountpoint="/var/lib.data"}': 7,
    'container_cpu_usage_seconds_total{device_id="gw-1",app="shop",service="web"}': 1.5,
    'longshore_device_telemetry_timestamp_seconds{device_id="gw-1"}': 1_790_000_000,
  })
})

test('messages twice and in any order come to the same values', () => {
  const messages = [
    telemetryOf({ load1: 1, load5: 1 }, { epoch: 10, seq: 1 }),
    telemetryOf({ load1: 2 }, { epoch: 10, seq: 2 }),
    telemetryOf({ load5: 3 }, { epoch: 10, seq: 3 }),
    telemetryOf({ load1: 4 }, { epoch: 11, seq: 1 }),
  ]
  const order = fc.shuffledSubarray([...messages.keys(), ...messages.keys()], { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(order, (indexes) => {
      const view = newView()
      online(view, 'gw-1')
      for (const index of indexes) tell(view, topics.telemetryOfHost('gw-1'), messages[index] as Buffer)
      expect(shown(view)).toMatchObject({ 'node_load1{device_id="gw-1"}': 4, 'node_load5{device_id="gw-1"}': 3 })
    }),
  )
})

test('what waited in the outbox for longer than values are shown is no value of now, whatever the clock of the device', () => {
  const view = newView()
  tell(view, topics.status('gw-1'), statusOf({ at: 5 * hourMs, session: 2 }))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 1, load5: 1 }, { seq: 1, at: hourMs }))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 2 }, { seq: 2, at: 5 * hourMs }))
  expect(shown(view)).toMatchObject({ 'node_load1{device_id="gw-1"}': 2 })
  expect(shown(view)).not.toHaveProperty('node_load5{device_id="gw-1"}')
  expect(view.counts().leftOut.get('old')).toBe(1)
})

test('a clock that is set back in the middle of a connection makes nothing old', () => {
  const view = newView()
  tell(view, topics.status('gw-1'), statusOf({ at: 1_900_000_000_000, session: 1 }))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 1 }, { at: 1_790_000_000_000 }))
  expect(shown(view)).toMatchObject({ 'node_load1{device_id="gw-1"}': 1 })
})

test('a device that was made anew begins again', () => {
  const view = newView()
  online(view, 'gw-1')
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 1 }, { epoch: 900, seq: 50 }))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 2 }, { epoch: 1, at: 1_790_000_001_000 }))
  expect(shown(view)).toMatchObject({ 'node_load1{device_id="gw-1"}': 2 })
})

test('a value that is not told any more goes, and so does all but the name of a device long offline', () => {
  const view = newView()
  online(view, 'gw-1')
  tell(view, topics.reported('gw-1', 'shop'), reportedOf('shop'))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 1, load5: 1 }))
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 2 }, { seq: 2 }), { atMs: hourMs })
  expect(shown(view, 2.5 * hourMs)).toHaveProperty('node_load1{device_id="gw-1"}')
  expect(shown(view, 2.5 * hourMs)).not.toHaveProperty('node_load5{device_id="gw-1"}')

  tell(view, topics.status('gw-1'), statusOf({ online: false }), { atMs: 2.5 * hourMs })
  expect(shown(view, 2.5 * hourMs)).toMatchObject({
    'longshore_device_up{device_id="gw-1"}': 0,
    'longshore_app_phase{device_id="gw-1",app="shop",phase="running"}': 1,
  })
  const later = { epochMs: 0, monotonicMs: 5 * hourMs }
  view.sweep(later)
  expect(Object.keys(shown(view, 5 * hourMs)).sort()).toEqual([
    'longshore_device_last_message_timestamp_seconds{device_id="gw-1"}',
    'longshore_device_telemetry_timestamp_seconds{device_id="gw-1"}',
    'longshore_device_up{device_id="gw-1"}',
  ])
  expect(view.counts().samples).toBe(0)
})

test('how a device is behind a bridge that is away, nobody knows', () => {
  const view = newView()
  const tellBridge = (online: boolean, atMs = 0): void =>
    view.takeBridge('plant1', bridgeStatusOf('plant1', online), { epochMs: 0, monotonicMs: atMs })
  const health = { verdict: 'failing' as const, since: 1, reasons: [] }
  tell(view, topics.status('gw-1'), statusOf({ via: ['plant1'], health }))
  tell(view, topics.reported('gw-1', 'shop'), reportedOf('shop'))
  online(view, 'gw-2')
  tellBridge(true)
  expect(shown(view)).toMatchObject({
    'longshore_bridge_up{site="plant1"}': 1,
    'longshore_device_up{device_id="gw-1"}': 1,
  })

  tellBridge(false, hourMs)
  const unknown = shown(view, hourMs)
  expect(unknown).toMatchObject({
    'longshore_bridge_up{site="plant1"}': 0,
    'longshore_device_unknown{device_id="gw-1",site="plant1"}': 1,
    'longshore_app_phase{device_id="gw-1",app="shop",phase="running"}': 1,
    'longshore_device_up{device_id="gw-2"}': 1,
  })
  expect(Object.keys(unknown).filter((text) => /device_(up|health).*gw-1/.test(text))).toEqual([])
  tellBridge(false, 2 * hourMs)
  expect(Object.keys(shown(view, 3.5 * hourMs)).filter((text) => /app_phase.*gw-1/.test(text))).toEqual([])

  tellBridge(true, 4 * hourMs)
  expect(shown(view, 4 * hourMs)).toMatchObject({ 'longshore_device_up{device_id="gw-1"}': 1 })

  // A site that was given up: its bridge was cleared while the link was away.
  tellBridge(false, 5 * hourMs)
  view.beginRound()
  tell(view, topics.status('gw-1'), statusOf({ via: ['plant1'] }))
  view.endRound()
  expect(shown(view, 5 * hourMs)).toMatchObject({ 'longshore_device_up{device_id="gw-1"}': 1 })
  view.takeBridge('plant1', Buffer.from('{'), { epochMs: 0, monotonicMs: 0 })
  expect(view.counts().leftOut.get('invalid-message')).toBe(1)
})

test('what was forgotten or removed is gone, also when it was so while the link was away', () => {
  const view = newView()
  for (const device of ['gw-1', 'gw-2', 'gw-3']) {
    online(view, device)
    tell(view, topics.reported(device, 'shop'), reportedOf('shop'))
    tell(view, topics.telemetryOfApp(device, 'shop'), telemetryOf({ 'web.pids': 1, 'db.pids': 1 }))
  }
  const seriesOf = (device: string) => Object.keys(shown(view)).filter((text) => text.includes(`"${device}"`))
  tell(view, topics.status('gw-1'), Buffer.alloc(0))
  expect(seriesOf('gw-1')).toEqual([])

  // A straggler of a device that was forgotten is no device.
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: 1 }, { seq: 9 }))
  expect(seriesOf('gw-1')).toEqual([])

  expect(seriesOf('gw-2')).toContain('container_threads{device_id="gw-2",app="shop",service="db"}')
  tell(view, topics.reported('gw-2', 'shop'), reportedOf('shop'))
  expect(seriesOf('gw-2')).toContain('container_threads{device_id="gw-2",app="shop",service="web"}')
  expect(seriesOf('gw-2')).not.toContain('container_threads{device_id="gw-2",app="shop",service="db"}')
  tell(view, topics.reported('gw-2', 'shop'), Buffer.alloc(0))
  expect(seriesOf('gw-2').filter((text) => text.includes('shop'))).toEqual([])

  view.beginRound()
  tell(view, topics.status('gw-2'), statusOf(), { isLive: false })
  view.endRound()
  expect(seriesOf('gw-3')).toEqual([])
  expect(seriesOf('gw-2')).toContain('longshore_device_up{device_id="gw-2"}')
})

test('a device can neither tear the page nor fill the memory, and what is left out is counted', () => {
  const view = newView({ mostDevices: 2, mostSamplesPerDevice: 3, mostReportedPerDevice: 4 })
  online(view, 'gw-1')
  tell(
    view,
    topics.telemetryOfHost('gw-1'),
    telemetryOf({
      'disk./a"} 1\nevil_metric 1\\.freeBytes': 1,
      'disk.\ud800.freeBytes': 1,
      [`disk.${'x'.repeat(500)}.freeBytes`]: 1,
      constructor: 1,
      'toString.x.y': 1,
      load1: 1,
      load5: 1,
      load15: 1,
      text: 'words',
    }),
  )
  tell(view, topics.telemetryOfHost('gw-1'), telemetryOf({ load1: { deep: 1 } }, { seq: 2 }))
  tell(view, topics.status('gw-1'), Buffer.from('{'))
  const services = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, serviceOf()]))
  tell(view, topics.reported('gw-1', 'shop'), reportedOf('shop', { services }))
  online(view, 'gw-2')
  online(view, 'gw-3')
  expect(Object.keys(shown(view)).sort()).toEqual([
    'longshore_app_info{device_id="gw-1",app="shop",release="0123456789ab",generation="7"}',
    'longshore_app_phase{device_id="gw-1",app="shop",phase="running"}',
    'longshore_device_last_message_timestamp_seconds{device_id="gw-1"}',
    'longshore_device_last_message_timestamp_seconds{device_id="gw-2"}',
    'longshore_device_telemetry_timestamp_seconds{device_id="gw-1"}',
    'longshore_device_up{device_id="gw-1"}',
    'longshore_device_up{device_id="gw-2"}',
    'longshore_service_restarts_total{device_id="gw-1",app="shop",service="a"}',
    'longshore_service_up{device_id="gw-1",app="shop",service="a"}',
    'node_filesystem_avail_bytes{device_id="gw-1",mountpoint="/a\\"} 1\\nevil_metric 1\\\\"}',
    'node_load1{device_id="gw-1"}',
    'node_load5{device_id="gw-1"}',
  ])
  expect(Object.fromEntries(view.counts().leftOut)).toEqual({
    'unusable-name': 2,
    'unknown-metric': 2,
    'too-many-series': 1 + 6,
    'invalid-message': 2,
    'too-many-devices': 1,
  })
})

test('no bytes on any topic throw', () => {
  const view = newView()
  const topic = fc.constantFrom(
    topics.status('gw-1'),
    topics.inventory('gw-1'),
    topics.reported('gw-1', 'shop'),
    topics.telemetryOfHost('gw-1'),
  )
  fc.assert(
    fc.property(
      topic,
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (to, bytes) => tell(view, to, Buffer.from(bytes)),
    ),
  )
  expect(() => shown(view)).not.toThrow()
})
