import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { eventually } from '../support/eventually.ts'
import { connackAccepted, packetType, refusingSubscriptions, startFakePeer } from '../support/fake-peers.ts'
import { openClient } from '../support/mqtt.ts'
import { connected, openLink } from '../support/open-link.ts'

const log = pino({ level: 'silent' })

const startBroker = async (): Promise<string> => {
  const broker = createBroker({ log, port: 0 })
  onTestFinished(broker.stop)
  return `mqtt://127.0.0.1:${(await broker.start()).port}`
}

test.each([
  ['is followed by the next one on the same connection', 5, 1],
  ['ends the connection before the broker sends nothing more', 25, 2],
])('what a full disk keeps from being taken %s', async (_name, count, leastConnections) => {
  const url = await startBroker()
  let connections = 0
  let isFull = true
  const seen: string[] = []
  const opened = openLink(url, {
    clientId: `full-${count}`,
    clean: false,
    onConnect: async ({ sessionPresent }) => {
      connections += 1
      if (!sessionPresent) await opened.link.subscribe(['jobs'], 1)
    },
    onMessage: async (_topic, payload) => {
      seen.push(payload.toString())
      if (isFull && payload.toString() !== 'last') throw new LongshoreError('disk-full', 'no space')
    },
  })
  await connected(opened)
  const writer = await openClient(url)
  for (let number = 0; number < count; number += 1) await writer.client.publishAsync('jobs', `${number}`, { qos: 1 })
  await writer.client.publishAsync('jobs', 'last', { qos: 1 })
  await eventually('the connections', () => connections >= leastConnections)
  isFull = leastConnections === 1
  await eventually('the last message', () => seen.includes('last'))
  if (leastConnections === 1) expect(connections).toBe(1)
})

test('a message that could not be taken in comes again, and is acknowledged only then', async () => {
  const url = await startBroker()
  let seen = 0
  const opened = openLink(url, {
    clientId: 'keeper',
    clean: false,
    onConnect: async ({ sessionPresent }) => {
      if (!sessionPresent) await opened.link.subscribe(['jobs'], 1)
    },
    onMessage: async () => {
      seen += 1
      if (seen === 1) throw new Error('the disk is full')
    },
  })
  await connected(opened)
  const writer = await openClient(url)
  await writer.client.publishAsync('jobs', 'one', { qos: 1 })
  await eventually('the message a second time', () => seen === 2)
  await writer.client.publishAsync('jobs', 'two', { qos: 1 })
  await eventually('the next message', () => seen === 3)
})

test('a stored session delivers what was queued, whole and in order, before anything was subscribed', async () => {
  const url = await startBroker()
  const first = openLink(url, {
    clientId: 'sleeper',
    clean: false,
    onConnect: async () => first.link.subscribe(['queue'], 1),
  })
  await eventually('the subscription', async () => {
    const writer = await openClient(url)
    await writer.client.publishAsync('queue', 'awake', { qos: 1 })
    return first.texts.includes('awake')
  })
  await first.link.stop()
  const writer = await openClient(url)
  const texts = Array.from({ length: 10 }, (_, index) => `message ${index}`)
  for (const text of texts) await writer.client.publishAsync('queue', text, { qos: 1 })
  const presences: boolean[] = []
  const second = openLink(url, {
    clientId: 'sleeper',
    clean: false,
    onConnect: async ({ sessionPresent }) => void presences.push(sessionPresent),
  })
  await eventually('the last message', () => second.texts.includes('message 9'))
  expect(second.texts.filter((text) => text !== 'awake')).toEqual(texts)
  expect(presences).toEqual([true])
})

type Warning = { readonly delayMs: number; readonly code: string; readonly msg: string }

test.each([
  ['3.1.1', 1, 'set mqttVersion'],
  ['3.1.1', 2, 'set clientId'],
  ['3.1.1', 3, 'look at its log'],
  ['3.1.1', 4, 'check username and passwordFile'],
  ['3.1.1', 5, 'check user name, password, certificate and client id'],
  ['5', 128, 'look at its log'],
  ['5', 132, 'set mqttVersion'],
  ['5', 133, 'set clientId'],
  ['5', 134, 'check username and passwordFile'],
  ['5', 135, 'check user name, password, certificate and client id'],
  ['5', 138, 'lift the ban'],
  ['5', 144, 'topic of the will'],
  ['5', 149, 'set maxBytes'],
  ['5', 154, 'retained messages'],
  ['5', 155, 'switch it on'],
  ['5', 157, 'set broker'],
  ['5', 159, 'limits how fast'],
] as const)(
  'MQTT %s: a broker that refuses with %i is asked again slowly, and it says what to do',
  async (mqttVersion, code, remedy) => {
    const connack = mqttVersion === '5' ? [0x20, 3, 0, code, 0] : [0x20, 2, 0, code]
    const peer = await startFakePeer(() => Buffer.from(connack))
    const warnings: Warning[] = []
    const watching = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line)) })
    const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion }, log: watching, random: () => 0.5 })
    await eventually('a refusal', () => opened.failures.length > 0, { everyMs: 5 })
    expect(opened.failures[0]?.code).toBe('broker-refused')
    expect(warnings).toMatchObject([{ code: 'broker-refused', delayMs: 5_000, msg: expect.stringContaining(remedy) }])
    expect(peer.connections()).toBe(1)
  },
)

test('an acknowledgement that comes twice, or for nothing, does no harm', async () => {
  const peer = await startFakePeer((chunk) => {
    if (packetType(chunk) === 1) return connackAccepted
    if (packetType(chunk) !== 3) return undefined
    // The packet id stands behind the header and the topic, which has one letter here.
    const puback = Buffer.from([0x40, 2, chunk[5] ?? 0, chunk[6] ?? 0])
    return Buffer.concat([puback, puback, Buffer.from([0x40, 2, 0xab, 0xcd])])
  })
  const opened = openLink(peer.url)
  await connected(opened)
  for (const text of ['one', 'two', 'three'])
    await opened.link.publish('a', Buffer.from(text), { qos: 1, retain: false })
  expect(opened.link.isConnected()).toBe(true)
  expect([peer.connections(), opened.failures]).toEqual([1, []])
})

test('what a broker of MQTT 5 said that it does not take is not sent', async () => {
  // CONNACK with Maximum Packet Size (0x27) 100.
  const connack = Buffer.from([0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 100])
  const peer = await startFakePeer((chunk) => (packetType(chunk) === 1 ? connack : undefined))
  const opened = openLink(peer.url, { broker: { url: peer.url, mqttVersion: '5' } })
  await connected(opened)
  const sent = opened.link.publish('a', Buffer.alloc(100), { qos: 1, retain: false })
  await expect(sent).rejects.toMatchObject({ code: 'payload-too-large' })
  expect(opened.link.isConnected()).toBe(true)
})

test('what is refused of a subscription is asked for again by itself: a cluster that lost a server refuses for some seconds', async () => {
  const asked: string[][] = []
  const { url } = await startFakePeer((chunk) => {
    if (packetType(chunk) === 1) return connackAccepted
    if (packetType(chunk) !== 8) return undefined
    const filters = [...chunk.toString('latin1').matchAll(/\0.([a-z]\/#)/g)].map(([, filter = '']) => filter)
    asked.push(filters)
    const granted = filters.map((filter) => (filter === 'a/#' || asked.length === 3 ? 1 : 0x80))
    return Buffer.from([0x90, 2 + granted.length, chunk[2] ?? 0, chunk[3] ?? 0, ...granted])
  })
  const opened = openLink(url)
  await connected(opened)
  await opened.link.subscribe(['a/#', 'b/#', 'c/#'], 1)
  const refused = ['b/#', 'c/#']
  expect(asked).toEqual([['a/#', ...refused], refused, refused])
})

test('a refused subscription is subscription-refused', async () => {
  const opened = openLink((await startFakePeer(refusingSubscriptions)).url)
  await connected(opened)
  await expect(opened.link.subscribe(['secret/#'], 1)).rejects.toMatchObject({ code: 'subscription-refused' })
  expect(opened.link.isConnected()).toBe(true)
})

test('what cannot be sent now is link-down at once and never queued', async () => {
  const opened = openLink('mqtt://127.0.0.1:1')
  const nothing = opened.link.publish('a', Buffer.from('b'), { qos: 1, retain: false })
  await expect(nothing).rejects.toMatchObject({ code: 'link-down' })
  await expect(opened.link.subscribe(['a'], 1)).rejects.toMatchObject({ code: 'link-down' })
  await eventually('a failed attempt', () => opened.failures.length > 0)
  expect(opened.failures[0]?.code).toBe('broker-unreachable')
})

test('a publication in flight ends with the connection', async () => {
  const peer = await startFakePeer((chunk, socket) => {
    const reply = refusingSubscriptions(chunk)
    // A PUBLISH is answered by hanging up.
    if (reply === undefined) socket.destroy()
    return reply
  })
  const opened = openLink(peer.url)
  await connected(opened)
  const sent = opened.link.publish('a', Buffer.from('b'), { qos: 1, retain: false })
  await expect(sent).rejects.toMatchObject({ code: 'link-down' })
  await eventually('another connection', () => peer.connections() > 1)
})

const will = { topic: 'will', payload: Buffer.from('gone') }

test('a tidy stop sends no will, and is idempotent', async () => {
  const url = await startBroker()
  const watcher = await openClient(url)
  await watcher.client.subscribeAsync(['will', 'after'], { qos: 1 })
  const opened = openLink(url, { beforeConnect: async () => will })
  await connected(opened)
  await Promise.all([opened.link.stop(), opened.link.stop()])
  await opened.link.stop()
  expect(opened.link.isConnected()).toBe(false)
  await watcher.client.publishAsync('after', 'after', { qos: 1 })
  await watcher.expect('after')
  expect(watcher.received.map(({ text }) => text)).toEqual(['after'])
})

test('a connection that is thrown out leaves its will', async () => {
  const url = await startBroker()
  const watcher = await openClient(url)
  await watcher.client.subscribeAsync('will', { qos: 1 })
  // What goes wrong on connecting closes the connection hard, as a kill would.
  openLink(url, { beforeConnect: async () => will, onConnect: () => Promise.reject(new Error('not ready')) })
  await watcher.expect('will', 'gone')
})

test('a broker that never acknowledges is left', async () => {
  const peer = await startFakePeer((chunk) => (packetType(chunk) === 1 ? connackAccepted : undefined))
  const opened = openLink(peer.url)
  await connected(opened)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const sent = opened.link.publish('a', Buffer.from('hello'), { qos: 1, retain: false })
  vi.advanceTimersByTime(60_004)
  expect(opened.link.isConnected()).toBe(true)
  vi.advanceTimersByTime(1)
  await expect(sent).rejects.toMatchObject({ code: 'link-down' })
  vi.useRealTimers()
  await eventually('the end of the connection', () => opened.failures.length > 0)
  expect(opened.failures[0]?.message).toContain('did not acknowledge within 60 s')
})

test('a password in an address stands in no message', async () => {
  const opened = openLink('mqtt://gw-1:s3cret@127.0.0.1:1')
  await eventually('a failure', () => opened.failures.length > 0)
  await expect(opened.link.publish('a', Buffer.from('b'), { qos: 1, retain: false })).rejects.toThrow('127.0.0.1:1')
  expect(opened.failures[0]?.message).toContain('mqtt://127.0.0.1:1')
  expect(opened.failures[0]?.message).not.toContain('s3cret')
})

test('of several addresses the first that answers is taken, and the preferred one again after a loss', async () => {
  const [preferred, other] = [await startBroker(), await startBroker()]
  const nobody = 'mqtt://127.0.0.1:1'
  const first = openLink(`${nobody},${other}`)
  await connected(first)
  expect(first.failures.map(({ message }) => message)).toEqual([expect.stringContaining(nobody)])
  const second = openLink(`${preferred},${other}`)
  await connected(second)
  expect(second.failures).toEqual([])
})

test('MQTT 5 is spoken where it is set, and a broker that does not know it says so', async () => {
  const opened = openLink(await startBroker(), { broker: { url: await startBroker(), mqttVersion: '5' } })
  await eventually('the refusal', () => opened.failures.length > 0)
  expect(opened.failures[0]).toMatchObject({ code: 'broker-refused', message: expect.stringContaining('mqttVersion') })
})
