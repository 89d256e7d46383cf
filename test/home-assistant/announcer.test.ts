import { expect, onTestFinished, test } from 'vitest'
import type { Fleet } from '../../src/fleet/fleet.ts'
import { removeAnnounced, startAnnouncer } from '../../src/home-assistant/announcer.ts'
import type { Discovery } from '../../src/home-assistant/discovery.ts'
import { inventoryOf, reportedOf, statusOf, telemetryOf } from '../exporter/messages.ts'
import { silent } from '../support/agents.ts'
import { eventually } from '../support/eventually.ts'
import { createMemoryBroker, type MemoryBroker } from '../support/memory-fleet.ts'
import { documentedDiscovery, documentedTopic } from './discovery-schema.ts'

const retained = { retain: true }
const live = { retain: false }

const newSite = (): { broker: MemoryBroker; fleet: Fleet; told: (device: string) => Discovery | undefined } => {
  const broker = createMemoryBroker()
  return {
    broker,
    fleet: broker.connect(),
    told: (device) => {
      const payload = broker.retained.get(`homeassistant/device/longshore_${device}/config`)
      return payload && JSON.parse(payload.toString())
    },
  }
}

const announce = async (broker: MemoryBroker): Promise<() => Promise<void>> => {
  const { stop } = await startAnnouncer({
    connect: async () => broker.connect(),
    prefix: 'homeassistant',
    log: silent,
    gatherMs: 1,
  })
  onTestFinished(stop)
  return stop
}

const componentsOf = (discovery: Discovery | undefined): string[] => Object.keys(discovery?.components ?? {}).sort()

const everywhere = ['agentResidentBytes', 'cpuPercent', 'load1', 'memoryAvailableBytes', 'problem']

test('a device is told of in one retained message, as Home Assistant documents it', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf(), retained)
  await publish(topics.inventory('gw-1'), inventoryOf({ model: 'Pi 4' }), retained)
  await publish(topics.reported('gw-1', 'shop'), reportedOf('shop'), retained)
  await announce(broker)
  await publish(
    topics.telemetryOfHost('gw-1'),
    telemetryOf({
      'disk./var/lib.freeBytes': 1,
      'disk./var_lib.freeBytes': 1,
      'temperature.cpu-thermal.celsius': 40,
      'network.eth0.sentBytes': 1,
    }),
    live,
  )
  const discovery = await eventually('the disks to be told of', () =>
    componentsOf(told('gw-1')).length === 10 ? told('gw-1') : undefined,
  )
  expect(documentedDiscovery.safeParse(discovery).error).toBeUndefined()
  for (const topic of broker.retained.keys())
    if (topic.startsWith('homeassistant/')) expect(topic).toMatch(documentedTopic)
  expect(discovery).toMatchObject({
    device: { identifiers: ['longshore_gw-1'], name: 'gw-1', model: 'Pi 4', sw_version: '1.2.3' },
    availability: [{ topic: topics.status('gw-1') }],
  })
  expect(componentsOf(discovery)).toEqual([
    ...everywhere.slice(0, 1),
    'app_shop',
    ...everywhere.slice(1, 4),
    expect.stringMatching(/^metric_disk_var_lib_freeBytes_[0-9a-f]{6}$/),
    expect.stringMatching(/^metric_disk_var_lib_freeBytes_[0-9a-f]{6}$/),
    expect.stringMatching(/^metric_temperature_cpu_thermal_celsius_[0-9a-f]{6}$/),
    'phase_shop',
    'problem',
  ])
})

test('what was told stays through a restart, an app that is gone is taken out, and nothing is published for nothing', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf(), retained)
  await publish(topics.reported('gw-1', 'shop'), reportedOf('shop'), retained)
  const stop = await announce(broker)
  await publish(topics.telemetryOfHost('gw-1'), telemetryOf({ 'disk./.freeBytes': 1 }), live)
  await eventually('the disk to be told of', () => componentsOf(told('gw-1')).length === 8)
  const before = told('gw-1')
  await stop()

  const published: string[] = []
  await fleet.watch(['homeassistant/#'], ({ topic, retain }) => {
    if (!retain) published.push(topic)
  })
  await announce(broker)
  await publish(topics.status('gw-1'), statusOf({ session: 2 }), retained)
  await publish(topics.reported('gw-1', 'shop'), Buffer.alloc(0), retained)
  await eventually('the app to be taken out', () => told('gw-1')?.components.app_shop?.unique_id === undefined)
  expect(published).toHaveLength(1)
  const after = told('gw-1')
  expect(after?.components).toEqual({
    ...before?.components,
    app_shop: { platform: 'update' },
    phase_shop: { platform: 'sensor' },
  })
  expect(documentedDiscovery.safeParse(after).error).toBeUndefined()
})

test('a device behind a bridge is there only while the bridge is, and no name of a site can break its topics', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf({ via: ['plant1', 'a/#', 'region'] }), retained)
  await announce(broker)
  const discovery = told('gw-1')
  expect(discovery).toMatchObject({ availability_mode: 'all' })
  expect(discovery?.availability.map(({ topic }) => topic)).toEqual([
    topics.status('gw-1'),
    topics.bridgeStatus('plant1'),
    topics.bridgeStatus('region'),
  ])
  expect(documentedDiscovery.safeParse(discovery).error).toBeUndefined()
})

test('a device that is forgotten is gone, also when that was while nobody looked', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  for (const device of ['gw-1', 'gw-2']) await publish(topics.status(device), statusOf(), retained)
  const stop = await announce(broker)
  await eventually('both to be told of', () => told('gw-1') !== undefined && told('gw-2') !== undefined)
  await publish(topics.status('gw-1'), Buffer.alloc(0), retained)
  await eventually('the first to be gone', () => told('gw-1') === undefined)
  await stop()
  await publish(topics.status('gw-2'), Buffer.alloc(0), retained)
  await announce(broker)
  await eventually('the second to be gone', () => told('gw-2') === undefined)
})

test('removing takes out all of this fleet, and nothing of others', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf(), retained)
  const others: [string, object][] = [
    ['homeassistant/device/kitchen/config', { origin: { name: 'bla2mqtt' }, components: {} }],
    [
      'homeassistant/device/longshore_gw-9/config',
      { origin: { name: 'Longshore' }, availability: [{ topic: 'another/v1/gw-9/status' }], components: {} },
    ],
    ['homeassistant/device/longshore_gw-8/config', ['what is this']],
  ]
  for (const [topic, message] of others) await publish(topic, Buffer.from(JSON.stringify(message)), retained)
  const stop = await announce(broker)
  await eventually('it to be told of', () => told('gw-1') !== undefined)
  await stop()
  expect(await removeAnnounced(fleet, 'homeassistant')).toEqual(['gw-1'])
  expect(told('gw-1')).toBeUndefined()
  for (const [topic] of others) expect(broker.retained.has(topic)).toBe(true)
})

test('nothing that a device says gets into a template but plain names', async () => {
  const { broker, fleet, told } = newSite()
  const { topics, publish } = fleet
  await publish(topics.status('gw-1'), statusOf(), retained)
  await announce(broker)
  const evil = telemetryOf({
    "disk.'] }}{{ states.lock }}.freeBytes": 1,
    'disk.a\\.freeBytes': 1,
    'disk.{%raw%}.freeBytes': 1,
    [`disk.${'x'.repeat(200)}.freeBytes`]: 1,
    'constructor.a.b': 1,
    'disk./ok.freeBytes': 1,
  })
  await publish(topics.telemetryOfHost('gw-1'), evil, live)
  await eventually('the good one to be told of', () => componentsOf(told('gw-1')).length > everywhere.length)
  expect(componentsOf(told('gw-1'))).toHaveLength(everywhere.length + 1)
})
