import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { changePasswordFile } from '../../../broker/access/change-password-file.ts'
import { hashPassword } from '../../../broker/access/password-file.ts'
import type { BrokerOptions } from '../../../broker/broker.ts'
import type { Deployment } from '../../../src/protocol/deployment.ts'
import { topicsUnder } from '../../../src/protocol/topics.ts'
import { makeFolder, reportOf, startBroker, startSite, untilDrained, untilUp } from '../../support/bridged.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient, type TestClient } from '../../support/mqtt.ts'
import { openLine } from '../../support/tcp-line.ts'

const here = topicsUnder('longshore')
const above = topicsUnder('acme/plant1/longshore')
const everythingAbove = 'acme/plant1/longshore/v1/#'

const mapped = { site: 'plant1', root: 'longshore', rootAbove: 'acme/plant1/longshore' }

const retain = { qos: 1, retain: true } as const

const deployment = (generation: number, by = 'test'): string =>
  JSON.stringify({
    schema: 1,
    device: 'gw-1',
    app: 'web',
    generation,
    issuedAt: generation,
    by,
    remove: true,
  } satisfies Deployment)

const event = (seq: number, messageClass = 'event'): string =>
  JSON.stringify({ class: messageClass, epoch: 7, seq, at: 1_790_000_000_000, schema: 1, session: 1, kind: 'link-up' })

const status = (at: number): string =>
  JSON.stringify({ schema: 1, at, online: true, session: 1, agent: '1.0.0', health: { verdict: 'ok', reasons: [] } })

/** What is retained under a filter, now. */
const retainedAt = async (url: string, filter: string): Promise<Map<string, string>> => {
  const reader = await openClient(url)
  await reader.client.subscribeAsync(filter, { qos: 1 })
  await reader.client.subscribeAsync('marker', { qos: 1 })
  await reader.client.publishAsync('marker', '', { qos: 1 })
  await reader.expect('marker')
  await reader.client.endAsync(true)
  return new Map(reader.received.filter((one) => one.retain && one.text !== '').map(({ topic, text }) => [topic, text]))
}

const untilRetained = (url: string, topic: string, text: string | undefined): Promise<unknown> =>
  eventually(`${topic} to be ${text}`, async () => (await retainedAt(url, topic)).get(topic) === text)

/** A site with one client, and the broker above with one that reads all, and a line between that can be cut. */
const startPair = async (options: Partial<BrokerOptions> = {}) => {
  const top = await startBroker({ state: await makeFolder() })
  const line = await openLine(top.port)
  const site = await startSite({ ...mapped, url: line.url }, options)
  const device = await openClient(site.url)
  const operator = await openClient(top.url)
  await operator.client.subscribeAsync(everythingAbove, { qos: 1 })
  return { top, line, site, device, operator }
}

const textsOn = ({ received }: TestClient, topic: string): string[] =>
  received.filter((one) => one.topic === topic).map(({ text }) => text)

describe('with a link', () => {
  test('what a device says goes up under the mapped root, byte for byte, and what is wanted of it comes down', async () => {
    const { site, device, operator } = await startPair()
    await device.client.subscribeAsync('longshore/v1/gw-1/#', { qos: 1 })
    await untilUp(site)
    await device.client.publishAsync(here.reported('gw-1', 'web'), '{"a": 1}', retain)
    await device.client.publishAsync(here.event('gw-1'), event(1), { qos: 1 })
    await device.client.publishAsync(here.reply('gw-1', 'c1'), '{"class":"reply","n":1}', { qos: 1 })
    await device.client.publishAsync(here.telemetryOfHost('gw-1'), '{"cpu":1}', { qos: 1 })
    await device.client.publishAsync(here.progress('gw-1', 'web'), '{"p":1}', { qos: 0 })
    await device.client.publishAsync('longshore/v1/gw-1/log/l1', 'a line', { qos: 0 })
    await operator.expect(above.reported('gw-1', 'web'), '{"a": 1}')
    await operator.expect(above.event('gw-1'), event(1))
    await operator.expect(above.reply('gw-1', 'c1'), '{"class":"reply","n":1}')
    await operator.expect(above.telemetryOfHost('gw-1'), '{"cpu":1}')
    await operator.expect(above.progress('gw-1', 'web'), '{"p":1}')
    await operator.expect('acme/plant1/longshore/v1/gw-1/log/l1', 'a line')

    await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(5), retain)
    await operator.client.publishAsync(above.secret('gw-1', 'web'), '{"s":1}', retain)
    await operator.client.publishAsync(above.command('gw-1', 'c2'), '{"verb":"plan"}', { qos: 1 })
    await device.expect(here.desired('gw-1', 'web'), deployment(5))
    await device.expect(here.secret('gw-1', 'web'), '{"s":1}')
    await device.expect(here.command('gw-1', 'c2'), '{"verb":"plan"}')
    expect((await retainedAt(site.url, here.desired('gw-1', 'web'))).size).toBe(1)
    expect((await retainedAt(site.url, here.command('gw-1', 'c2'))).size).toBe(0)
  })

  test('other topics of the site, and of its enrolment, stay there', async () => {
    const { site, device, operator } = await startPair()
    await untilUp(site)
    for (const topic of ['plc/1', 'longshore/v1/enroll/gw-1/request', 'longshore/v1/gw-1/certificate/request'])
      await device.client.publishAsync(topic, '{}', retain)
    await device.client.publishAsync(here.event('gw-1'), event(1), { qos: 1 })
    await operator.expect(above.event('gw-1'), event(1))
    expect(operator.received.filter(({ topic }) => /plc|enroll|certificate/.test(topic))).toEqual([])
  })

  test('the status of a device says through which bridge it came', async () => {
    const { site, device, operator } = await startPair()
    await untilUp(site)
    await device.client.publishAsync(here.status('gw-1'), status(1), retain)
    const { text } = await operator.expect(above.status('gw-1'))
    expect(JSON.parse(text)).toEqual({ ...JSON.parse(status(1)), via: ['plant1'] })
  })

  test('a command that comes twice is handed on once', async () => {
    const { site, device, operator } = await startPair()
    await device.client.subscribeAsync('longshore/v1/gw-1/command/+', { qos: 1 })
    await untilUp(site)
    for (const id of ['c1', 'c1', 'c2'])
      await operator.client.publishAsync(above.command('gw-1', id), '{"verb":"plan"}', { qos: 1 })
    await device.expect(here.command('gw-1', 'c2'))
    expect(device.received.map(({ topic }) => topic)).toEqual([here.command('gw-1', 'c1'), here.command('gw-1', 'c2')])
  })
})

describe('after an outage', () => {
  test('1,000 events come once each and in order, alarms first, behind the newest of what is retained', async () => {
    const { site, line, device, operator } = await startPair()
    await untilUp(site)
    line.cut()
    await eventually('the bridge to be down', () => reportOf(site).state === 'down')
    const sent = Array.from({ length: 1_000 }, (_, index) => event(index + 1))
    await Promise.all(sent.map((text) => device.client.publishAsync(here.event('gw-1'), text, { qos: 1 })))
    await device.client.publishAsync(here.event('gw-1'), event(1, 'alarm'), { qos: 1 })
    for (const n of [1, 2, 3]) await device.client.publishAsync(here.reported('gw-1', 'web'), `{"n":${n}}`, retain)
    line.mend()
    await untilDrained(site)
    await operator.expect(above.event('gw-1'), event(1_000))
    expect(textsOn(operator, above.event('gw-1'))).toEqual([event(1, 'alarm'), ...sent])
    expect(textsOn(operator, above.reported('gw-1', 'web'))).toEqual(['{"n":3}'])
    const order = operator.received.map(({ topic }) => topic)
    expect(order.indexOf(above.reported('gw-1', 'web'))).toBeLessThan(order.indexOf(above.event('gw-1')))
  })

  test('what was cleared here is cleared above, also when the broker of the site was stopped meanwhile', async () => {
    const { top, site, line, device } = await startPair()
    await device.client.publishAsync(here.reported('gw-1', 'web'), 'a', retain)
    await device.client.publishAsync(here.reported('gw-1', 'db'), 'b', retain)
    await device.client.publishAsync(here.inventory('gw-1'), 'c', retain)
    await untilDrained(site)
    line.cut()
    await eventually('the bridge to be down', () => reportOf(site).state === 'down')
    await device.client.publishAsync(here.reported('gw-1', 'web'), '', retain)
    await site.broker.stop()
    const again = await startSite({ ...mapped, url: line.url }, { state: site.state })
    const device2 = await openClient(again.url)
    await device2.client.publishAsync(here.reported('gw-1', 'db'), '', retain)
    line.mend()
    await untilDrained(again)
    expect([...(await retainedAt(top.url, 'acme/plant1/longshore/v1/gw-1/#'))]).toEqual([
      [above.inventory('gw-1'), 'c'],
    ])
  })

  test('what was cleared above is cleared here; what the site deployed itself stays', async () => {
    const { top, site, line, operator, device } = await startPair()
    await untilUp(site)
    await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(5), retain)
    await operator.client.publishAsync(above.desired('gw-1', 'db'), deployment(5), retain)
    await operator.client.publishAsync(above.secret('gw-1', 'web'), '{"s":1}', retain)
    await device.client.publishAsync(here.desired('gw-1', 'own'), deployment(1), retain)
    for (const topic of [here.desired('gw-1', 'web'), here.desired('gw-1', 'db')])
      await untilRetained(site.url, topic, deployment(5))
    // Deployed from above once, and then newer by the site.
    await device.client.publishAsync(here.desired('gw-1', 'db'), deployment(6), retain)
    line.cut()
    await eventually('the bridge to be down', () => reportOf(site).state === 'down')
    for (const app of ['web', 'db']) await operator.client.publishAsync(above.desired('gw-1', app), '', retain)
    // The session of the bridge is gone too, and with it the messages that said so.
    const thief = await openClient(top.url, { clientId: 'longshore-bridge-plant1', clean: true })
    await thief.client.endAsync()
    line.mend()
    await untilRetained(site.url, here.desired('gw-1', 'web'), undefined)
    await untilRetained(site.url, here.desired('gw-1', 'db'), deployment(6))
    await untilRetained(site.url, here.desired('gw-1', 'own'), deployment(1))
    await untilRetained(site.url, here.secret('gw-1', 'web'), '{"s":1}')
  })

  test('a broker above that forgot everything takes nothing from the site, and is told everything again', async () => {
    const lines: string[] = []
    const log = pino({ level: 'warn' }, { write: (text: string) => void lines.push(text) })
    const { top, site, line, operator, device } = await startPair({ log })
    await untilUp(site)
    await device.client.publishAsync(here.reported('gw-1', 'web'), 'a', retain)
    await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(5), retain)
    await untilRetained(site.url, here.desired('gw-1', 'web'), deployment(5))
    await untilDrained(site)
    await top.broker.stop()
    const empty = await startBroker({ port: top.port })
    await untilRetained(empty.url, above.reported('gw-1', 'web'), 'a')
    await untilDrained(site)
    await untilRetained(site.url, here.desired('gw-1', 'web'), deployment(5))
    await eventually('it to be noticed', () => lines.some((text) => text.includes('may have lost its memory')))
    // Nor on the next connection, when that broker knows the session again: there only what it had meanwhile is gone.
    const operatorAgain = await openClient(empty.url)
    await operatorAgain.client.publishAsync(above.desired('gw-1', 'db'), deployment(5), retain)
    await untilRetained(site.url, here.desired('gw-1', 'db'), deployment(5))
    line.cut()
    await eventually('the bridge to be down', () => reportOf(site).state === 'down')
    await operatorAgain.client.publishAsync(above.desired('gw-1', 'db'), '', { qos: 0, retain: true })
    line.mend()
    await untilRetained(site.url, here.desired('gw-1', 'db'), undefined)
    await untilRetained(site.url, here.desired('gw-1', 'web'), deployment(5))
  })
})

test('a lower generation never takes the place of a higher one, and a higher one always does', async () => {
  const { site, line, operator, device } = await startPair()
  await untilUp(site)
  line.cut()
  await device.client.publishAsync(here.desired('gw-1', 'web'), deployment(7, 'site'), retain)
  await device.client.publishAsync(here.desired('gw-1', 'db'), deployment(3, 'site'), retain)
  await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(6), retain)
  await operator.client.publishAsync(above.desired('gw-1', 'db'), deployment(4), retain)
  line.mend()
  await untilRetained(site.url, here.desired('gw-1', 'db'), deployment(4))
  await untilRetained(site.url, here.desired('gw-1', 'web'), deployment(7, 'site'))
  await operator.client.publishAsync(above.desired('gw-1', 'web'), deployment(8), retain)
  await untilRetained(site.url, here.desired('gw-1', 'web'), deployment(8))
})

test('a message that the broker above breaks the connection over holds up nothing else, until it changes', async () => {
  const top = await startBroker({ maxPacketBytes: 4_096 })
  const site = await startSite({ ...mapped, url: top.url })
  const device = await openClient(site.url)
  const apps = Array.from({ length: 40 }, (_, index) => `app-${index}`)
  const large = 'x'.repeat(10_000)
  for (const app of apps)
    await device.client.publishAsync(here.reported('gw-1', app), app === 'app-7' ? large : app, retain)
  await device.client.publishAsync(here.event('gw-1'), event(1), { qos: 1 })
  const operator = await openClient(top.url)
  await operator.client.subscribeAsync(everythingAbove, { qos: 1 })
  await operator.expect(above.event('gw-1'), event(1))
  const others = apps.filter((app) => app !== 'app-7')
  for (const app of others) await operator.expect(above.reported('gw-1', app), app)
  await device.client.publishAsync(here.reported('gw-1', 'app-7'), 'small', retain)
  await operator.expect(above.reported('gw-1', 'app-7'), 'small')
})

test('the broker above can fill the site no further than any client can', async () => {
  const { site, operator, device } = await startPair({ maxPacketBytes: 4_096, maxRetainedBytes: 20_000 })
  await device.client.subscribeAsync('longshore/v1/gw-1/#', { qos: 1 })
  await untilUp(site)
  const publish = (topic: string, text: string, retained: boolean) =>
    operator.client.publishAsync(topic, text, { qos: 1, retain: retained })
  // Then it has subscribed above.
  await publish(above.desired('gw-1', 'first'), '{}', true)
  await device.expect(here.desired('gw-1', 'first'))
  await publish(above.command('gw-1', 'large'), 'x'.repeat(5_000), false)
  await publish(above.desired('gw-1', 'large'), 'x'.repeat(5_000), true)
  for (let app = 0; app < 20; app += 1) await publish(above.desired('gw-1', `app-${app}`), 'x'.repeat(2_000), true)
  await publish(above.command('gw-1', 'last'), '{}', false)
  await device.expect(here.command('gw-1', 'last'))
  expect(site.broker.status()?.retained.bytes).toBeLessThan(21_000)
  expect(site.broker.counts()?.refused).toMatchObject({ maxPacketBytes: 2, maxRetainedBytes: expect.any(Number) })
  expect(device.received.map(({ topic }) => topic)).not.toContain(here.command('gw-1', 'large'))
  // What is there above is not taken for gone.
  await publish(above.desired('gw-1', 'app-0'), deployment(5), true)
  await device.expect(here.desired('gw-1', 'app-0'), deployment(5))
})

test('birth and will: the broker above knows that the bridge is gone', async () => {
  const { site, line, operator } = await startPair()
  await untilUp(site)
  const isOnline = (): unknown => JSON.parse(textsOn(operator, above.bridgeStatus('plant1')).at(-1) ?? '{}').online
  expect(isOnline()).toBe(true)
  line.cut()
  await eventually('the will', () => isOnline() === false)
  line.mend()
  await eventually('the birth', () => isOnline() === true)
  await site.broker.stop()
  await eventually('the word of the one that goes', () => isOnline() === false)
})

test('no more goes up than the cap allows, and state goes before what waited longer', async () => {
  const top = await startBroker()
  const line = await openLine(top.port)
  const site = await startSite({ ...mapped, url: line.url, maxMessagesPerSecond: 20 })
  const device = await openClient(site.url)
  const operator = await openClient(top.url)
  await operator.client.subscribeAsync(everythingAbove, { qos: 1 })
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      device.client.publishAsync(here.event('gw-1'), event(index + 1), { qos: 1 }),
    ),
  )
  await untilUp(site)
  const startedMs = performance.now()
  await operator.expect(above.event('gw-1'), event(3))
  await device.client.publishAsync(here.reported('gw-1', 'web'), 'new', retain)
  await operator.expect(above.reported('gw-1', 'web'), 'new')
  expect(textsOn(operator, above.event('gw-1')).length).toBeLessThan(20)
  await operator.expect(above.event('gw-1'), event(30))
  expect(performance.now() - startedMs).toBeGreaterThan(1_200)
})

test('from site to region to cloud, each with the rights of a bridge alone', async () => {
  const folder = await makeFolder()
  const paths = { users: join(folder, 'users'), access: join(folder, 'access.yaml'), passwordFile: join(folder, 'p') }
  await changePasswordFile(paths.users, 'region', await hashPassword(Buffer.from('secret')))
  await changePasswordFile(paths.users, 'ada', await hashPassword(Buffer.from('secret')))
  await writeFile(paths.access, 'users: { region: { role: bridge, root: acme/longshore }, ada: { role: operator } }')
  await writeFile(paths.passwordFile, 'secret\n')
  const { users, access, passwordFile } = paths
  const cloud = await startBroker({ users, access })
  const region = await startSite({
    ...{ site: 'region', url: cloud.url, username: 'region', passwordFile },
    rootAbove: 'acme/longshore',
  })
  const site = await startSite({ site: 'plant1', url: region.url })
  const device = await openClient(site.url)
  await device.client.subscribeAsync('longshore/v1/gw-1/#', { qos: 1 })
  const operator = await openClient(cloud.url, { username: 'ada', password: 'secret' })
  await operator.client.subscribeAsync('acme/longshore/v1/#', { qos: 1 })
  await device.client.publishAsync(here.status('gw-1'), status(1), retain)
  await device.client.publishAsync(here.event('gw-1'), event(1), { qos: 1 })
  const top = topicsUnder('acme/longshore')
  expect(JSON.parse((await operator.expect(top.status('gw-1'))).text)).toMatchObject({ via: ['plant1', 'region'] })
  await operator.expect(top.event('gw-1'), event(1))
  for (const name of ['plant1', 'region']) await operator.expect(top.bridgeStatus(name))
  await operator.client.publishAsync(top.desired('gw-1', 'web'), deployment(5), retain)
  await device.expect(here.desired('gw-1', 'web'), deployment(5))
})

describe('a circle', () => {
  test('two brokers that are bridged to each other send nothing round, and one of the bridges says so', async () => {
    const [stateA, stateB] = [await makeFolder(), await makeFolder()]
    // A port that the other can be told of before it listens.
    const probe = await startBroker()
    const portB = probe.port
    await probe.broker.stop()
    const a = await startSite({ site: 'a', url: `mqtt://127.0.0.1:${portB}` }, { state: stateA })
    const b = await startSite({ site: 'b', url: a.url }, { state: stateB, port: portB })
    const [atA, atB] = [await openClient(a.url), await openClient(b.url)]
    for (const client of [atA, atB]) await client.client.subscribeAsync('longshore/v1/#', { qos: 1 })
    const isOut = () => [a, b].some((one) => reportOf(one).state === 'circle')
    await eventually('a bridge to keep out', isOut, { timeoutMs: 15_000 })
    await atA.client.publishAsync(here.event('gw-1'), event(1), { qos: 1 })
    await atA.client.publishAsync(here.status('gw-1'), status(1), retain)
    await atB.client.publishAsync(here.command('gw-1', 'c1'), '{}', { qos: 1 })
    await atB.client.publishAsync(here.event('gw-2'), event(2), { qos: 1 })
    await atA.expect(here.event('gw-1'))
    await atB.expect(here.event('gw-2'))
    const sentOnce = (client: TestClient): string[] =>
      client.received.map(({ topic }) => topic).filter((topic) => !topic.includes('/bridge/'))
    await eventually('what went across to have come', () => isOut())
    for (const client of [atA, atB]) {
      const topics = sentOnce(client)
      expect(topics.length).toBe(new Set(topics).size)
    }
    expect(reportOf(a).sentUp + reportOf(b).sentUp).toBeLessThan(10)
  })

  test('of three is found out too, and what goes round comes to rest', async () => {
    const probe = await startBroker()
    await probe.broker.stop()
    const state = () => makeFolder()
    const c = await startSite({ site: 'c', url: probe.url }, { state: await state() })
    const b = await startSite({ site: 'b', url: c.url }, { state: await state() })
    // It does not wait to hear of itself: what it sends meets its own way round.
    const bridgePace = { probeMs: 0, quietMs: 100, backOff: { baseMs: 50, capMs: 200 } }
    const a = await startSite({ site: 'a', url: b.url }, { state: await state(), port: probe.port, bridgePace })
    const atA = await openClient(a.url)
    await atA.client.publishAsync(here.status('gw-1'), status(1), retain)
    await eventually('a bridge to keep out', () => [a, b, c].some((one) => reportOf(one).state === 'circle'), {
      timeoutMs: 15_000,
    })
    const sent = () => [a, b, c].reduce((sum, one) => sum + reportOf(one).sentUp, 0)
    let before = -1
    const isQuiet = (): boolean => {
      const now = sent()
      const isSame = now === before
      before = now
      return isSame
    }
    await eventually('it to be quiet', isQuiet, { everyMs: 200 })
    expect(sent()).toBeLessThan(30)
  })

  test('a bridge to its own broker keeps out of it', async () => {
    const state = await makeFolder()
    const probe = await startBroker()
    await probe.broker.stop()
    const site = await startSite({ site: 'a', url: probe.url }, { state, port: probe.port })
    await eventually('the bridge to keep out', () => reportOf(site).state === 'circle', { timeoutMs: 15_000 })
    expect(reportOf(site).reason?.code).toBe('bridge-circle')
  })
})

test('a bridge without a state folder is refused', async () => {
  await expect(startBroker({ bridge: { site: 'a', url: 'mqtt://127.0.0.1:1' } })).rejects.toThrow(/state/)
})
