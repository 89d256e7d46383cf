/** What Longshore needs of any broker. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokers, natsCluster, type RunningBroker } from '../support/brokers.ts'
import { openClient } from '../support/mqtt.ts'

describe.each([...new Set([...brokers, natsCluster])])('$name', ({ start }) => {
  let broker: RunningBroker
  beforeAll(async () => {
    broker = await start()
  })
  afterAll(() => broker.stop())

  const retained = { qos: 1, retain: true } as const

  test('a wildcard subscription reads what is retained', async () => {
    const writer = await openClient(broker.url)
    await writer.client.publishAsync('c1/a/status', 'A', retained)
    await writer.client.publishAsync('c1/b/status', 'B', retained)
    await writer.client.publishAsync('c1/b/other', 'no', retained)
    const reader = await openClient(broker.url)
    await reader.client.subscribeAsync('c1/+/status', { qos: 1 })
    expect((await reader.expect('c1/a/status', 'A')).retain).toBe(true)
    await reader.expect('c1/b/status', 'B')
    expect(reader.received.map((message) => message.topic)).not.toContain('c1/b/other')
  })

  test('an empty retained payload takes the message away', async () => {
    const writer = await openClient(broker.url)
    await writer.client.publishAsync('c2/gone', 'here', retained)
    await writer.client.publishAsync('c2/stays', 'here', retained)
    await writer.client.publishAsync('c2/gone', '', retained)
    const reader = await openClient(broker.url)
    await reader.client.subscribeAsync('c2/#', { qos: 1 })
    await reader.expect('c2/stays')
    expect(reader.received.filter((message) => message.topic === 'c2/gone' && message.text !== '')).toEqual([])
  })

  test('a will is published and retained when its client vanishes', async () => {
    const watcher = await openClient(broker.url)
    await watcher.client.subscribeAsync('c3/status', { qos: 1 })
    const device = await openClient(broker.url, {
      will: { topic: 'c3/status', payload: Buffer.from('offline'), qos: 1, retain: true },
    })
    device.client.stream.destroy()
    await watcher.expect('c3/status', 'offline')
    const later = await openClient(broker.url)
    await later.client.subscribeAsync('c3/status', { qos: 1 })
    expect((await later.expect('c3/status', 'offline')).retain).toBe(true)
  })

  test('a client that says goodbye leaves no will', async () => {
    const watcher = await openClient(broker.url)
    await watcher.client.subscribeAsync('c4/#', { qos: 1 })
    const device = await openClient(broker.url, {
      will: { topic: 'c4/status', payload: Buffer.from('offline'), qos: 1 },
    })
    await device.client.endAsync()
    await watcher.client.publishAsync('c4/after', 'after', { qos: 1 })
    await watcher.expect('c4/after')
    expect(watcher.received.map((message) => message.text)).not.toContain('offline')
  })

  test('a persistent session keeps QoS 1 messages, in order, for a client that is away', async () => {
    const session = { clientId: 'c5-device', clean: false } as const
    const first = await openClient(broker.url, session)
    await first.client.subscribeAsync('c5/desired/+', { qos: 1 })
    await first.client.endAsync()
    const writer = await openClient(broker.url)
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`)
    for (const text of texts) await writer.client.publishAsync('c5/desired/app', text, { qos: 1 })
    const second = await openClient(broker.url, session)
    await second.expect('c5/desired/app', 'message 19')
    expect(second.received.map((message) => message.text)).toEqual(texts)
  })

  test('what a client did not acknowledge comes again', async () => {
    const session = { clientId: 'c6-device', clean: false } as const
    const first = await openClient(broker.url, session)
    await first.client.subscribeAsync('c6/desired', { qos: 1 })
    let seen: (() => void) | undefined
    const arrived = new Promise<void>((resolve) => {
      seen = resolve
    })
    // No callback: no PUBACK.
    first.client.handleMessage = () => seen?.()
    const writer = await openClient(broker.url)
    await writer.client.publishAsync('c6/desired', 'persist me first', { qos: 1 })
    await arrived
    first.client.stream.destroy()
    const second = await openClient(broker.url, session)
    await second.expect('c6/desired', 'persist me first')
  })

  test('a payload of 256 KiB passes, retained', async () => {
    const payload = 'x'.repeat(256 * 1024)
    const writer = await openClient(broker.url)
    await writer.client.publishAsync('c7/desired', payload, retained)
    const reader = await openClient(broker.url)
    await reader.client.subscribeAsync('c7/desired', { qos: 1 })
    expect((await reader.expect('c7/desired')).text).toHaveLength(payload.length)
  })

  test('of two clients with one id the older is closed', async () => {
    const older = await openClient(broker.url, { clientId: 'c8-device' })
    const closed = new Promise<void>((resolve) => older.client.once('close', () => resolve()))
    const newer = await openClient(broker.url, { clientId: 'c8-device' })
    await closed
    await newer.client.subscribeAsync('c8/echo', { qos: 1 })
    await newer.client.publishAsync('c8/echo', 'alive', { qos: 1 })
    await newer.expect('c8/echo', 'alive')
  })
})
