import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { eventually } from '../support/eventually.ts'
import { openClient } from '../support/mqtt.ts'

type Line = {
  readonly level: number
  readonly msg: string
  readonly reason?: string
  readonly client?: string
  readonly address?: string
}

const startBroker = async (options: Partial<BrokerOptions> = {}) => {
  const lines: Line[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const broker = createBroker({ log, port: 0, wsPort: 0, ...options })
  onTestFinished(broker.stop)
  const { port, wsPort } = await broker.start()
  return { broker, lines, port, wsPort, url: `mqtt://127.0.0.1:${port}`, wsUrl: `ws://127.0.0.1:${wsPort}` }
}

const openSocket = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** CONNECT as MQTT 3.1.1: clean session, will on topic w saying z, keepalive 1 s, client id s. */
const connectPacket = Buffer.from('101300044d5154540406000100017300017700017a', 'hex')

/** One client's message reaches another. */
const expectWorks = async (url: string) => {
  const reader = await openClient(url)
  await reader.client.subscribeAsync('works', { qos: 1 })
  const writer = await openClient(url)
  await writer.client.publishAsync('works', 'yes', { qos: 1 })
  await reader.expect('works', 'yes')
}

describe('both listeners', () => {
  test.each(['url', 'wsUrl'] as const)('carry retained messages to a wildcard subscriber: %s', async (door) => {
    const started = await startBroker()
    const writer = await openClient(started.url)
    await writer.client.publishAsync('fleet/a/status', 'A', { qos: 1, retain: true })
    const reader = await openClient(started[door])
    await reader.client.subscribeAsync('fleet/+/status', { qos: 1 })
    expect((await reader.expect('fleet/a/status', 'A')).retain).toBe(true)
  })

  test.each(['url', 'wsUrl'] as const)('publish the will of a client that vanishes: %s', async (door) => {
    const started = await startBroker()
    const watcher = await openClient(started.url)
    await watcher.client.subscribeAsync('a/status', { qos: 1 })
    const device = await openClient(started[door], {
      will: { topic: 'a/status', payload: Buffer.from('offline'), qos: 1, retain: true },
    })
    device.client.stream.destroy()
    await watcher.expect('a/status', 'offline')
  })

  test.each(['url', 'wsUrl'] as const)('let 300 kB pass: %s', async (door) => {
    const started = await startBroker()
    const client = await openClient(started[door])
    await client.client.subscribeAsync('big', { qos: 1 })
    await client.client.publishAsync('big', 'x'.repeat(300_000), { qos: 1 })
    expect((await client.expect('big')).text).toHaveLength(300_000)
  })
})

test('a persistent session gets the QoS 1 messages that it missed', async () => {
  const { url } = await startBroker()
  const session = { clientId: 'device', clean: false } as const
  const before = await openClient(url, session)
  await before.client.subscribeAsync('d/+', { qos: 1 })
  await before.client.endAsync()
  const writer = await openClient(url)
  for (const text of ['1', '2', '3']) await writer.client.publishAsync('d/app', text, { qos: 1 })
  const after = await openClient(url, session)
  await after.expect('d/app', '3')
  expect(after.received.map((message) => message.text)).toEqual(['1', '2', '3'])
})

describe('a client that misbehaves', () => {
  test.each(['url', 'wsUrl'] as const)('by a packet over 1 MiB loses its own connection only: %s', async (door) => {
    const started = await startBroker()
    const bystander = await openClient(started[door])
    await bystander.client.subscribeAsync('#', { qos: 1 })
    const sender = await openClient(started[door], { clientId: 'greedy' })
    sender.client.publish('big', 'x'.repeat(1024 * 1024), { qos: 1 }, () => {})
    await eventually('the sender to be closed', sender.isClosed)
    expect(bystander.isClosed()).toBe(false)
    await expectWorks(started[door])
    expect(bystander.received.map((message) => message.topic)).not.toContain('big')
    expect(started.lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        client: 'greedy',
        code: 'payload-too-large',
        address: expect.stringContaining('127.0.0.1 port'),
        reason: expect.stringMatching(/1048\d{3} bytes, 1048576/),
      }),
    )
  })

  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
    ['zeros', Buffer.alloc(4_096)],
    ['a huge remaining length', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0])],
    ['an endless remaining length', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x80])],
    ['a publish before CONNECT', Buffer.from([0x30, 0x03, 0x00, 0x01, 0x61])],
  ])('by %s loses its own connection only', async (_name, bytes) => {
    const { url, port } = await startBroker()
    const socket = await openSocket(port)
    const closed = once(socket, 'close')
    socket.resume()
    socket.write(bytes)
    await closed
    await expectWorks(url)
  })

  test('by half a packet and silence holds nobody up', async () => {
    const { url, port } = await startBroker()
    const socket = await openSocket(port)
    socket.write(Buffer.from([0x10, 0x20, 0x00, 0x04]))
    await expectWorks(url)
  })

  test('by not reading holds nobody up: QoS 0 is left out, and QoS 1 without a session ends it', async () => {
    const { broker, url, lines } = await startBroker({ writeBufferBytes: 256 * 1024 })
    const open = async (clientId: string, qos: 0 | 1) => {
      const reader = await openClient(url, { clientId })
      await reader.client.subscribeAsync('flood', { qos })
      return reader
    }
    const reader = await open('reader', 1)
    for (const frozen of [await open('frozen-0', 0), await open('frozen-1', 1)])
      (frozen.client.stream as Socket).pause()
    const writer = await openClient(url)
    const payload = 'x'.repeat(200_000)
    // Enough to fill both kernels' socket buffers, which on loopback hold several MB.
    for (let sent = 0; sent < 80; sent += 1) await writer.client.publishAsync('flood', payload, { qos: 1 })
    await eventually('the reader to have it all', () => reader.received.length === 80)
    await eventually('the one with QoS 1 to be closed', () =>
      lines.find((line) => line.client === 'frozen-1' && line.reason),
    )
    expect(broker.counts()).toMatchObject({
      refused: { qos0Dropped: expect.any(Number), slowReader: 1 },
      connections: 3,
    })
    await expectWorks(url)
  })
})

test('a shared subscription is refused with 0x80, its neighbour granted, and the client stays', async () => {
  const { url } = await startBroker()
  const { client, isClosed } = await openClient(url)
  // MQTT.js makes an error of 0x80; the packet itself says which of the filters it was.
  const suback = new Promise<unknown>((resolve) => {
    client.on('packetreceive', (packet) => packet.cmd === 'suback' && resolve(packet.granted))
  })
  client.subscribe({ '$share/readers/jobs/+': { qos: 1 }, 'jobs/+': { qos: 1 } }, () => {})
  expect(await suback).toEqual([128, 1])
  expect(isClosed()).toBe(false)
})

test('a client that publishes to $SYS is closed, and nobody receives it', async () => {
  const { url } = await startBroker()
  const watcher = await openClient(url)
  await watcher.client.subscribeAsync('$SYS/#', { qos: 1 })
  const liar = await openClient(url)
  liar.client.publish('$SYS/fake', 'lie', { qos: 0 })
  await eventually('the client to be closed', liar.isClosed)
  await expectWorks(url)
  expect(watcher.received.map((message) => message.topic)).not.toContain('$SYS/fake')
})

test('a client that is silent for longer than its keepalive is closed, with its will', async () => {
  const { url, port } = await startBroker()
  const watcher = await openClient(url)
  await watcher.client.subscribeAsync('w', { qos: 1 })
  const socket = await openSocket(port)
  socket.write(connectPacket)
  await watcher.expect('w', 'z')
})

describe('WebSocket', () => {
  const handshake = async (url: string, protocols: string[], origin?: string): Promise<number> => {
    const socket = new WebSocket(url, protocols, origin === undefined ? {} : { origin })
    onTestFinished(() => socket.terminate())
    return new Promise((resolve) => {
      socket.on('open', () => resolve(101))
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      socket.on('error', () => {})
    })
  }

  test('refuses a web page that is not on the list', async () => {
    const { wsUrl } = await startBroker({ allowedOrigins: ['http://127.0.0.1:8080'] })
    expect(await handshake(wsUrl, ['mqtt'], 'http://evil.example')).toBe(403)
    expect(await handshake(wsUrl, ['mqtt'], 'http://127.0.0.1:8080')).toBe(101)
    expect(await handshake(wsUrl, ['mqtt'])).toBe(101)
  })

  test('refuses another subprotocol than mqtt, and a text frame', async () => {
    const { wsUrl, url } = await startBroker()
    expect(await handshake(wsUrl, [])).toBe(400)
    const socket = new WebSocket(wsUrl, ['mqtt'])
    await once(socket, 'open')
    // A CONNECT that would be welcome in a binary frame.
    socket.send(connectPacket.toString('latin1'))
    let answered = false
    socket.on('message', () => {
      answered = true
    })
    await once(socket, 'close')
    expect(answered).toBe(false)
    await expectWorks(url)
  })
})

describe('start and stop', () => {
  test('a port that is taken is named', async () => {
    const { port } = await startBroker()
    const second = createBroker({ log: pino({ level: 'silent' }), port })
    await expect(second.start()).rejects.toMatchObject({
      code: 'port-unavailable',
      message: expect.stringContaining(`127.0.0.1 port ${port}`),
    })
  })

  test('a WebSocket port that is taken gives the TCP port back', async () => {
    const first = await startBroker()
    const second = createBroker({ log: pino({ level: 'silent' }), port: 0, wsPort: first.wsPort ?? 0 })
    await expect(second.start()).rejects.toMatchObject({ code: 'port-unavailable' })
    await second.stop()
  })

  test('stop closes every client, also one that never sent CONNECT, and frees both ports', async () => {
    const { broker, url, wsUrl, port, wsPort } = await startBroker()
    const clients = [await openClient(url), await openClient(wsUrl)]
    const silent = [await openSocket(port), await openSocket(wsPort ?? 0)]
    const silentClosed = silent.map((socket) => once(socket.resume(), 'close'))
    await broker.stop()
    await Promise.all(silentClosed)
    for (const client of clients) await eventually('the client to be closed', client.isClosed)
    await startBroker({ port, ...(wsPort === undefined ? {} : { wsPort }) })
  })

  test('stop may come twice, before start, and while start goes on', async () => {
    const { broker } = await startBroker()
    await Promise.all([broker.stop(), broker.stop()])
    const never = createBroker({ log: pino({ level: 'silent' }) })
    await never.stop()
    const early = createBroker({ log: pino({ level: 'silent' }), port: 0 })
    const starting = early.start()
    await early.stop()
    const { port } = await starting
    await expect(openClient(`mqtt://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('nobody without a name is let in from beyond loopback', async () => {
    const broker = createBroker({ log: pino({ level: 'silent' }), host: '192.0.2.1', port: 0 })
    await expect(broker.start()).rejects.toMatchObject({
      code: 'anonymous-exposed',
      message: expect.stringContaining('tcp 192.0.2.1:0'),
    })
  })
})
