/** What the broker promises to clients with a session, over the wire. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { eventually } from '../support/eventually.ts'
import { openClient, type TestClient } from '../support/mqtt.ts'

const startBroker = async (options: Partial<BrokerOptions> = {}) => {
  const broker = createBroker({ log: pino({ level: 'silent' }), port: 0, ...options })
  onTestFinished(broker.stop)
  const { port } = await broker.start()
  return { broker, url: `mqtt://127.0.0.1:${port}` }
}

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-broker-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const session = (clientId: string): IClientOptions => ({ clientId, clean: false })

const texts = ({ received }: TestClient): string[] => received.map(({ text }) => text)

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n))

const publishAll = (client: TestClient, topic: string, list: readonly string[], qos: 1 | 2 = 1) =>
  Promise.all(list.map((text) => client.client.publishAsync(topic, text, { qos })))

describe('the queue of a session', () => {
  test.each([1, 2] as const)('comes in order, once, before what is published meanwhile: QoS %d', async (qos) => {
    const { url } = await startBroker({ maxInFlight: 7 })
    const before = await openClient(url, session('device'))
    await before.client.subscribeAsync(['d/+', 'd/#'], { qos })
    await before.client.endAsync()
    const writer = await openClient(url)
    await publishAll(writer, 'd/app', numbers(500), qos)
    const opening = openClient(url, session('device'))
    // Over the moment at which it connects.
    for (let n = 500; n < 700; n += 1) await writer.client.publishAsync('d/app', String(n), { qos })
    const after = await opening
    await eventually('all of it', () => after.received.length >= 700)
    expect(texts(after)).toEqual(numbers(700))
  })

  test('is sent again from what was not acknowledged, when the connection breaks', async () => {
    const { url, broker } = await startBroker({ maxInFlight: 10 })
    const first = await openClient(url, session('device'))
    await first.client.subscribeAsync('d', { qos: 1 })
    // Takes five and acknowledges no more.
    first.client.handleMessage = (packet, done) => {
      if (Number(packet.payload) < 5) done()
    }
    const writer = await openClient(url)
    await publishAll(writer, 'd', numbers(50))
    await eventually('five to be acknowledged', () => broker.counts()?.queued.count === 45)
    first.client.stream.destroy()
    await eventually('it to be closed', first.isClosed)
    const second = await openClient(url, session('device'))
    await eventually('the rest', () => second.received.length >= 45)
    expect(texts(second)).toEqual(numbers(50).slice(5))
    await eventually('nothing to be left', () => broker.counts()?.queued.bytes === 0)
  })

  test('goes with a clean session', async () => {
    const { url, broker } = await startBroker()
    const first = await openClient(url, session('device'))
    await first.client.subscribeAsync('d', { qos: 1 })
    await first.client.endAsync()
    const writer = await openClient(url)
    await publishAll(writer, 'd', numbers(3))
    await openClient(url, { clientId: 'device', clean: true })
    expect(broker.counts()).toMatchObject({ sessions: 0, queued: { count: 0, bytes: 0 } })
  })

  test('gets nothing of a filter that was refused', async () => {
    const { url, broker } = await startBroker({ maxSubscriptions: 1 })
    const first = await openClient(url, session('device'))
    const suback = new Promise<unknown>((resolve) => {
      first.client.on('packetreceive', (packet) => packet.cmd === 'suback' && resolve(packet.granted))
    })
    first.client.subscribe({ granted: { qos: 1 }, refused: { qos: 1 } }, () => {})
    expect(await suback).toEqual([1, 128])
    await first.client.endAsync()
    const writer = await openClient(url)
    await publishAll(writer, 'refused', ['no'])
    await publishAll(writer, 'granted', ['yes'])
    const second = await openClient(url, session('device'))
    await second.expect('granted', 'yes')
    expect(texts(second)).toEqual(['yes'])
    expect(broker.counts()?.refused).toMatchObject({ maxSubscriptions: 1 })
  })
})

describe('messages of one tick', () => {
  test('with and without retain, of every QoS, over overlapping filters, all arrive', async () => {
    const { url } = await startBroker()
    const reader = await openClient(url)
    await reader.client.subscribeAsync({ 'a/#': { qos: 1 }, 'a/+': { qos: 0 } })
    const kept = await openClient(url, session('kept'))
    await kept.client.subscribeAsync({ 'a/#': { qos: 1 }, 'a/+': { qos: 0 } })
    const writer = await openClient(url)
    const sent: Promise<unknown>[] = []
    for (let n = 0; n < 300; n += 1)
      sent.push(writer.client.publishAsync('a/b', String(n), { qos: (n % 3) as 0 | 1 | 2, retain: n % 2 === 0 }))
    await Promise.all(sent)
    for (const client of [reader, kept]) {
      await eventually('all of it', () => new Set(texts(client)).size === 300)
      expect(client.received).toHaveLength(300)
    }
  })
})

test('what is retained comes at no more than what was subscribed to', async () => {
  const { url } = await startBroker()
  const writer = await openClient(url)
  await writer.client.publishAsync('a/b', 'x', { qos: 2, retain: true })
  for (const qos of [0, 1, 2] as const) {
    const reader = await openClient(url)
    const packet = new Promise<unknown>((resolve) => {
      reader.client.on('packetreceive', (one) => one.cmd === 'publish' && resolve(one.qos))
    })
    await reader.client.subscribeAsync('a/#', { qos })
    expect(await packet).toBe(qos)
  }
})

test('a subscriber to far more than its buffer gets all that is retained, as fast as it reads', async () => {
  const { url, broker } = await startBroker({ writeBufferBytes: 64 * 1024 })
  const writer = await openClient(url)
  // More than the buffers of both kernels, which on loopback hold several MB.
  const payload = 'x'.repeat(100_000)
  await Promise.all(
    numbers(150).map((name) => writer.client.publishAsync(`big/${name}`, payload, { qos: 1, retain: true })),
  )
  const reader = await openClient(url)
  const stream = reader.client.stream as Socket
  reader.client.subscribe('big/#', { qos: 0 }, () => {})
  stream.pause()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(reader.isClosed()).toBe(false)
  stream.resume()
  await eventually('all of it', () => reader.received.length === 150)
  expect(broker.counts()?.refused).toEqual({})
})

test('20,000 retained messages do not slow down an exact subscription', async () => {
  const { url } = await startBroker()
  const timed = async (): Promise<number> => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(url)))
    const startedAt = performance.now()
    await Promise.all(
      clients.map(async (client, n) => {
        await client.client.subscribeAsync(`fleet/${n}/status`, { qos: 1 })
        await client.expect(`fleet/${n}/status`)
      }),
    )
    return performance.now() - startedAt
  }
  const writer = await openClient(url)
  const fill = (from: number, to: number) =>
    Promise.all(
      numbers(to)
        .slice(from)
        .map((n) => writer.client.publishAsync(`fleet/${n}/status`, 'x', { qos: 0, retain: true })),
    )
  await fill(0, 20)
  await timed()
  const withFewMs = await timed()
  await fill(20, 20_000)
  // aedes alone takes half a second here.
  expect(await timed()).toBeLessThan(withFewMs * 3 + 150)
})

describe('a restart', () => {
  test('keeps what is retained, subscriptions, queues in order, and that a QoS 2 message was taken', async () => {
    const state = await makeFolder()
    const first = await startBroker({ state })
    const before = await openClient(first.url, session('device'))
    await before.client.subscribeAsync('d/#', { qos: 1 })
    await before.client.endAsync()
    await openClient(first.url, { will: { topic: 'will', payload: Buffer.from('offline'), qos: 1, retain: true } })
    const writer = await openClient(first.url)
    await writer.client.publishAsync('d/kept', 'retained', { qos: 1, retain: true })
    await writer.client.publishAsync('gone', 'x', { qos: 1, retain: true })
    await writer.client.publishAsync('gone', '', { qos: 1, retain: true })
    await publishAll(writer, 'd/app', numbers(100))
    await first.broker.stop()

    const second = await startBroker({ state })
    expect(second.broker.counts()).toMatchObject({ sessions: 1, retained: { count: 1 }, queued: { count: 101 } })
    const late = await openClient(second.url)
    await late.client.subscribeAsync('#', { qos: 1 })
    await late.expect('d/kept', 'retained')
    const after = await openClient(second.url, session('device'))
    await eventually('all of it', () => after.received.length === 101)
    expect(texts(after)).toEqual(['retained', ...numbers(100)])
    await eventually('nothing to be left', () => second.broker.counts()?.queued.count === 0)
    await second.broker.stop()
    const third = await startBroker({ state })
    expect(third.broker.counts()).toMatchObject({ sessions: 1, queued: { count: 0 } })
  })
})

test('a folder has one broker', async () => {
  const state = await makeFolder()
  const first = await startBroker({ state })
  const second = createBroker({ log: pino({ level: 'silent' }), port: 0, state })
  await expect(second.start()).rejects.toMatchObject({ code: 'state-unusable' })
  await first.broker.stop()
  await startBroker({ state })
})

describe('limits on connections', () => {
  test('in all: the next one is refused, and is let in once another left', async () => {
    const { url, broker } = await startBroker({ maxConnections: 1 })
    const first = await openClient(url)
    expect((await openClient(url)).isClosed()).toBe(true)
    expect(broker.counts()?.refused).toEqual({ maxConnections: 1 })
    await first.client.endAsync()
    await eventually('the place to be free', () => broker.counts()?.connections === 0)
    await openClient(url)
  })

  test('of the client id: refused by CONNACK 2', async () => {
    const { url, broker } = await startBroker({ maxClientIdBytes: 23 })
    await expect(openClient(url, { clientId: 'x'.repeat(24) })).rejects.toMatchObject({ code: 2 })
    expect(broker.counts()?.refused).toEqual({ maxClientIdBytes: 1 })
  })

  test('a session without a client id is refused by CONNACK 2, a client without both is not: [MQTT-3.1.3-8]', async () => {
    const { url } = await startBroker()
    const connack = async (flags: number): Promise<string> => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.write(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, 0, 0, 0, 0]))
      const [answer] = await once(socket, 'data')
      return answer.toString('hex')
    }
    expect(await connack(0)).toBe('20020002')
    expect(await connack(2)).toBe('20020000')
  })

  test('of topics and of what is retained: the publisher is closed, nobody gets it', async () => {
    const { url, broker } = await startBroker({ maxTopicLevels: 3, maxTopicBytes: 20, maxRetainedBytes: 1_000 })
    for (const [topic, payload, refusal] of [
      ['a/b/c/d', 'x', 'maxTopicLevels'],
      ['x'.repeat(21), 'x', 'maxTopicBytes'],
      ['a', 'x'.repeat(1_001), 'maxRetainedBytes'],
    ] as const) {
      const writer = await openClient(url)
      writer.client.publish(topic, payload, { qos: 1, retain: true }, () => {})
      await eventually('the publisher to be closed', writer.isClosed)
      expect(broker.counts()?.refused).toMatchObject({ [refusal]: 1 })
    }
    expect(broker.counts()?.retained.count).toBe(0)
  })
})
