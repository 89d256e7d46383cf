import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { type Loads, nextLoads } from '../../../broker/outside/load.ts'
import { readBrokerStatus } from '../../../src/cli/local-broker.ts'
import { brokerSocketName } from '../../../src/protocol/broker-status.ts'
import { makeFolder, startBroker } from '../../support/bridged.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient, type TestClient } from '../../support/mqtt.ts'

const newest = ({ received }: TestClient, topic: string): string | undefined =>
  received.filter((one) => one.topic === topic).at(-1)?.text

test('$SYS says what Mosquitto says there, retained, to who asks for it, and nothing of it is written', async () => {
  const state = await makeFolder()
  const { url, broker } = await startBroker({ state, sysIntervalS: 1 })
  const all = await openClient(url)
  await all.client.subscribeAsync('#', { qos: 0 })
  const away = await openClient(url, { clientId: 'away', clean: false })
  await away.client.subscribeAsync(['a', 'b'], { qos: 1 })
  await away.client.endAsync()
  await all.client.publishAsync('kept', 'x', { qos: 1, retain: true })
  await all.client.publishAsync('a', 'x', { qos: 1 })
  const watcher = await openClient(url)
  await watcher.client.subscribeAsync('$SYS/broker/#', { qos: 0 })
  expect((await watcher.expect('$SYS/broker/version')).retain).toBe(true)
  for (const [topic, text] of [
    ['clients/connected', '2'],
    ['clients/disconnected', '1'],
    ['clients/total', '3'],
    ['subscriptions/count', '4'],
    ['retained messages/count', '1'],
    ['store/messages/count', '2'],
    ['publish/messages/received', '2'],
  ] as const)
    await eventually(`${topic} to be ${text}`, () => newest(watcher, `$SYS/broker/${topic}`) === text)
  expect(newest(watcher, '$SYS/broker/uptime')).toMatch(/^\d+ seconds$/)
  expect(Number(newest(watcher, '$SYS/broker/load/messages/received/1min'))).toBeGreaterThan(0)
  expect(all.received.map(({ topic }) => topic)).toEqual(['kept', 'a'])
  expect(broker.status()?.retained).toEqual({ count: 1, bytes: 'keptx'.length })
  await broker.stop()
  for (const name of await readdir(state)) {
    if (!/^(?:journal|snapshot)/.test(name)) continue
    expect((await readFile(join(state, name))).includes('$SYS')).toBe(false)
  }
})

test('metrics and health are there for Prometheus, on loopback, when they are asked for', async () => {
  const { url, broker, address } = await startBroker({ metrics: { port: 0 } })
  const client = await openClient(url)
  await client.client.publishAsync('a', 'x', { qos: 1, retain: true })
  const at = `http://127.0.0.1:${address.metricsPort}`
  const text = await (await fetch(`${at}/metrics`)).text()
  expect(text).toMatch(/^longshore_broker_clients_connected 1$/m)
  expect(text).toMatch(/^longshore_broker_publishes_total\{direction="received"\} 1$/m)
  expect(text).toMatch(/^longshore_broker_retained_messages 1$/m)
  // Each line is a comment or a sample, and each sample has a type.
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? -?[\d.e+]+)$/)
    if (!line.startsWith('#')) expect(text).toContain(`# TYPE ${/^\w+/.exec(line)?.[0]} `)
  }
  const health = await fetch(`${at}/healthz`)
  expect([health.status, await health.text()]).toEqual([200, 'ok\n'])
  expect((await fetch(`${at}/else`)).status).toBe(404)
  await broker.stop()
  await expect(fetch(`${at}/healthz`)).rejects.toThrow()
})

test('metrics on another address than loopback are refused', async () => {
  await expect(startBroker({ metrics: { host: '0.0.0.0', port: 0 } })).rejects.toThrow(/loopback/)
})

test('the socket in the state folder says how the broker is, and whom it refused last', async () => {
  const state = await makeFolder()
  const { url } = await startBroker({ state, maxTopicLevels: 2 })
  const client = await openClient(url, { clientId: 'deep' })
  await expect(client.client.subscribeAsync('a/b/c', { qos: 1 })).rejects.toThrow()
  const status = await readBrokerStatus(join(state, brokerSocketName))
  expect(status).toMatchObject({
    listeners: [`tcp ${url.replace('mqtt://', '')}`],
    clients: { connected: 1, total: 1 },
    store: { folder: state },
    refused: { maxTopicLevels: 1 },
    lastRefusals: [{ limit: 'maxTopicLevels', message: 'deep: a topic of 3 levels; 2 are allowed' }],
  })
  await expect(readBrokerStatus(join(state, 'other.sock'))).rejects.toMatchObject({ code: 'broker-unreachable' })
})

test('the log says who came and who went, and from where', async () => {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const { url } = await startBroker({ log })
  const client = await openClient(url, { clientId: 'press-1' })
  await client.client.endAsync()
  const said = (msg: string) => lines.find((line) => line.msg === msg && line.client === 'press-1')
  await eventually('both lines', () => said('client connected') && said('client disconnected'))
  for (const msg of ['client connected', 'client disconnected'])
    expect(said(msg)).toMatchObject({ address: expect.stringContaining('127.0.0.1'), listener: expect.any(String) })
})

test('an average over a minute follows what comes, and forgets it', () => {
  const traffic = (messagesReceived: number) => ({
    ...{ messagesReceived, messagesSent: 0, publishesReceived: 0 },
    ...{ publishesSent: 0, bytesReceived: 0, bytesSent: 0 },
  })
  const one = 'messages/received/1min'
  const fifteen = 'messages/received/15min'
  let loads: Loads = {}
  // 60 a minute for 5 minutes…
  for (let n = 1; n <= 30; n += 1)
    loads = nextLoads(
      loads,
      { atMs: (n - 1) * 10_000, traffic: traffic((n - 1) * 10) },
      { atMs: n * 10_000, traffic: traffic(n * 10) },
    )
  expect(loads[one]).toBeGreaterThan(59)
  expect(loads[fifteen]).toBeGreaterThan(10)
  expect(loads[fifteen]).toBeLessThan(25)
  // …and then nothing for 3.
  loads = nextLoads(loads, { atMs: 300_000, traffic: traffic(300) }, { atMs: 480_000, traffic: traffic(300) })
  expect(loads[one]).toBeLessThan(4)
})
