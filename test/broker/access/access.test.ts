/** The whole broker over real sockets: who gets in, what it may do, and what happens when that changes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IClientOptions } from 'mqtt'
import { pino } from 'pino'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { hashPassword } from '../../../broker/access/password-file.ts'
import { type BrokerOptions, createBroker } from '../../../broker/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient, type TestClient } from '../../support/mqtt.ts'

const rules = `
users:
  ada: { role: operator }
  shift: { role: operator, devices: [gw-17] }
  scada: { role: client, publish: ['plc/{user}/#'], subscribe: ['plc/#'] }
  stolen: { role: none }
`
const names = ['ada', 'shift', 'scada', 'stolen', 'gw-17', 'gw-18', 'no/device']

/** One password for all, and two hashes of it: hashing is slow on purpose. */
const password = 'aright'
let hash = ''
let hashOfDevice = ''
beforeAll(async () => {
  hash = await hashPassword(Buffer.from(password))
  hashOfDevice = await hashPassword(Buffer.from(password))
})

const linesOf = (users: readonly string[]): string =>
  users
    .filter((user) => user !== 'no/device')
    .map((user) => `${user}:${user === 'gw-17' ? hashOfDevice : hash}\n`)
    .join('')

const start = async (options: Partial<BrokerOptions> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-access-'))
  const [users, access] = [join(folder, 'users'), join(folder, 'access.yaml')]
  await writeFile(users, linesOf(names))
  await writeFile(access, rules)
  const lines: { msg: string; code?: string; limit?: string }[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const run = async () => {
    const broker = createBroker({ log, port: 0, users, access, state: join(folder, 'state'), ...options })
    const { port } = await broker.start()
    return { broker, url: `mqtt://127.0.0.1:${port}` }
  }
  const first = await run()
  let { broker } = first
  onTestFinished(async () => {
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const restart = async (): Promise<string> => {
    await broker.stop()
    const next = await run()
    broker = next.broker
    return next.url
  }
  return { ...first, users, access, lines, restart }
}

/** A device comes under its own id, anybody else under any. */
const as = (url: string, username: string, options: IClientOptions = {}): Promise<TestClient> =>
  openClient(url, {
    username,
    password,
    ...(username.startsWith('gw-') ? { clientId: username } : {}),
    ...options,
  })

const at = (topic: string): string => `longshore/v1/${topic}`

/** What CONNACK says: 2 identifier rejected, 3 unavailable, 4 bad user name or password, 5 not authorised. */
const expectRefused = (client: Promise<unknown>, code: number) => expect(client).rejects.toMatchObject({ code })

describe('who gets in', () => {
  test('a user with the right password, and nobody else', async () => {
    const { url, lines } = await start()
    await as(url, 'gw-17')
    await as(url, 'ada')
    await expectRefused(as(url, 'ada', { password: 'afalse' }), 4)
    await expectRefused(openClient(url, { username: 'ada' }), 4)
    await expectRefused(as(url, 'nobody'), 4)
    await expectRefused(as(url, 'constructor'), 4)
    await expectRefused(as(url, 'stolen'), 5)
    await expectRefused(openClient(url), 5)
    expect(lines).toContainEqual(expect.objectContaining({ limit: 'badLogin', level: 40, user: 'ada' }))
    expect(JSON.stringify(lines)).not.toMatch(/aright|afalse|v1\$/)
  })

  test('an address that sent too many wrong passwords waits; who is in stays in, and who was known comes back', async () => {
    const { url, broker } = await start({ maxFailedLogins: 2 })
    const ada = await as(url, 'ada')
    await expectRefused(as(url, 'gw-17', { password: 'one' }), 4)
    await expectRefused(as(url, 'gw-17', { password: 'two' }), 4)
    await expectRefused(as(url, 'gw-17', { password: 'three' }), 3)
    await expectRefused(as(url, 'gw-17'), 3)
    await as(url, 'ada')
    expect(ada.isClosed()).toBe(false)
    expect(broker.counts()?.refused).toMatchObject({ badLogin: 2, maxFailedLogins: 2 })
  })

  test('a listener that takes both lets in who has no name, but not with a wrong password', async () => {
    const authentication = ['anonymous', 'password'] as const
    const { url } = await start({
      port: undefined,
      listeners: [{ type: 'tcp', host: '127.0.0.1', port: 0, authentication }],
    })
    const anyone = await openClient(url)
    expect(await anyone.client.subscribeAsync('#')).toMatchObject([{ qos: 0 }])
    await expectRefused(as(url, 'ada', { password: 'afalse' }), 4)
  })
})

describe('what a client may do', () => {
  test('a device reads and writes its own topics, and loses its connection over any other', async () => {
    const { url, lines } = await start()
    const operator = await as(url, 'ada')
    await operator.client.subscribeAsync('#', { qos: 1 })
    const device = await as(url, 'gw-17')
    await device.client.publishAsync(at('gw-17/status'), 'up', { qos: 1, retain: true })
    await operator.expect(at('gw-17/status'), 'up')
    await device.client.subscribeAsync(at('gw-17/desired/+'), { qos: 1 })
    await operator.client.publishAsync(at('gw-17/desired/app'), 'run', { qos: 1, retain: true })
    await device.expect(at('gw-17/desired/app'), 'run')

    for (const filter of ['#', at('gw-18/desired/+'), at('+/desired/+'), '$SYS/#'])
      await expect(device.client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow()
    for (const topic of [at('gw-18/status'), at('gw-17/desired/app'), 'elsewhere']) {
      const writer = await as(url, 'gw-17')
      writer.client.publish(topic, 'forged', { qos: 1, retain: true }, () => {})
      await eventually(`the connection to be closed over ${topic}`, writer.isClosed)
    }
    await operator.client.publishAsync('last', 'one', { qos: 1 })
    await operator.expect('last', 'one')
    expect(operator.received.map(({ text }) => text)).not.toContain('forged')
    expect(lines).toContainEqual(expect.objectContaining({ code: 'publish-refused', client: 'gw-17' }))
  })

  test('a will is a publish: on another topic it is refused at the door', async () => {
    const { url } = await start()
    const will = (topic: string) => ({ will: { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true } })
    await expectRefused(as(url, 'gw-17', will(at('gw-18/status'))), 5)
    const operator = await as(url, 'ada')
    await operator.client.subscribeAsync(at('+/status'), { qos: 1 })
    const device = await as(url, 'gw-17', will(at('gw-17/status')))
    device.client.stream.destroy()
    await operator.expect(at('gw-17/status'), 'gone')
  })

  test('an operator of named devices gets of a wide subscription what is theirs: retained, live and queued', async () => {
    const { url } = await start()
    const ada = await as(url, 'ada')
    const say = async (text: string) => {
      for (const device of ['gw-18', 'gw-17'])
        await ada.client.publishAsync(at(`${device}/status`), text, { qos: 1, retain: true })
    }
    const session = { clientId: 'shift-desk', clean: false }
    await say('retained')
    const shift = await as(url, 'shift', session)
    await shift.client.subscribeAsync(at('+/status'), { qos: 1 })
    await shift.expect(at('gw-17/status'), 'retained')
    await say('live')
    await shift.expect(at('gw-17/status'), 'live')
    await shift.client.endAsync()
    await say('queued')
    const back = await as(url, 'shift', session)
    await back.expect(at('gw-17/status'), 'queued')
    const topics = [...shift.received, ...back.received].map(({ topic }) => topic)
    expect(topics).not.toContain(at('gw-18/status'))
    await expect(back.client.subscribeAsync('#')).rejects.toThrow()
    back.client.publish(at('gw-18/desired/app'), 'x', { qos: 1 }, () => {})
    await eventually('its connection to be closed', back.isClosed)
  })

  test('other clients do what the rules say', async () => {
    const { url } = await start()
    const scada = await as(url, 'scada')
    await scada.client.subscribeAsync('plc/#', { qos: 1 })
    await scada.client.publishAsync('plc/scada/line', '1', { qos: 1 })
    await scada.expect('plc/scada/line', '1')
    await expect(scada.client.subscribeAsync(at('#'))).rejects.toThrow()
    scada.client.publish('plc/other', 'x', { qos: 1 }, () => {})
    await eventually('its connection to be closed', scada.isClosed)
  })
})

describe('whose a client id is', () => {
  const session = { clean: false } as const

  test('nobody takes the session of a device, also not while it is away, nor after a restart', async () => {
    const { url, restart } = await start()
    const device = await as(url, 'gw-17', session)
    await device.client.subscribeAsync(at('gw-17/command/+'), { qos: 1 })
    await expectRefused(as(url, 'gw-18', { clientId: 'gw-17' }), 2)
    await expectRefused(as(url, 'scada', { clientId: 'gw-17' }), 2)
    await expectRefused(as(url, 'ada', { clientId: 'gw-17' }), 2)
    await expectRefused(as(url, 'gw-17', { clientId: 'another' }), 2)
    expect(device.isClosed()).toBe(false)
    await device.client.endAsync()
    await (await as(url, 'ada')).client.publishAsync(at('gw-17/command/c1'), 'do', { qos: 1 })
    await expectRefused(as(url, 'scada', { clientId: 'gw-17' }), 2)
    const after = await restart()
    for (const clean of [true, false]) await expectRefused(as(after, 'scada', { clientId: 'gw-17', clean }), 2)
    await (await as(after, 'gw-17', session)).expect(at('gw-17/command/c1'), 'do')
  })

  test('a device takes its id from whoever has it, and nothing that this one left', async () => {
    const { url, broker } = await start()
    const thief = await as(url, 'scada', { clientId: 'gw-17', ...session })
    await thief.client.subscribeAsync('plc/#', { qos: 1 })
    const device = await as(url, 'gw-17', session)
    await eventually('the other to be closed', thief.isClosed)
    const scada = await as(url, 'scada')
    await scada.client.publishAsync('plc/scada/x', '1', { qos: 1 })
    await device.client.subscribeAsync(at('gw-17/status'), { qos: 1 })
    await device.client.publishAsync(at('gw-17/status'), 'up', { qos: 1 })
    await device.expect(at('gw-17/status'), 'up')
    expect(device.received.map(({ topic }) => topic)).toEqual([at('gw-17/status')])
    await device.client.endAsync()
    await scada.client.publishAsync('plc/scada/x', '2', { qos: 1 })
    expect(broker.counts()?.queued.count).toBe(0)
  })

  test('what was subscribed to before there were rules is not delivered under them', async () => {
    const { url, access, restart } = await start()
    await writeFile(access, 'users: { gw-17: { role: operator }, ada: { role: operator } }')
    const open = await restart()
    expect(open).not.toBe(url)
    const wide = await as(open, 'gw-17', session)
    await wide.client.subscribeAsync('#', { qos: 1 })
    await wide.client.endAsync()
    await (await as(open, 'ada')).client.publishAsync('private', 'x', { qos: 1 })
    await writeFile(access, rules)
    const locked = await restart()
    const device = await as(locked, 'gw-17', session)
    const ada = await as(locked, 'ada')
    await ada.client.publishAsync('private', 'y', { qos: 1 })
    await ada.client.publishAsync('private', 'y', { qos: 0 })
    await ada.client.publishAsync(at('gw-17/command/c1'), 'do', { qos: 1 })
    await device.expect(at('gw-17/command/c1'), 'do')
    expect(device.received.map(({ topic }) => topic)).toEqual([at('gw-17/command/c1')])
  })
})

describe('what changes in the files', () => {
  test('holds without a restart, and ends the connections concerned', async () => {
    const { url, users, access, broker } = await start()
    const [ada, shift, device] = await Promise.all([as(url, 'ada'), as(url, 'shift'), as(url, 'gw-17')])
    await writeFile(users, linesOf(names.filter((user) => user !== 'gw-17')))
    await eventually('the device to be closed', device.isClosed)
    await expectRefused(as(url, 'gw-17'), 4)
    await writeFile(access, `${rules}  gw-18: { role: none }\n`.replace('devices: [gw-17]', 'devices: [gw-18]'))
    await broker.reload()
    await eventually('the operator whose devices changed to be closed', shift.isClosed)
    await expectRefused(as(url, 'gw-18'), 5)
    expect(ada.isClosed()).toBe(false)
  })

  test('what cannot be used changes nothing, and the log says why', async () => {
    const { url, users, access, broker, lines } = await start()
    const device = await as(url, 'gw-17')
    await writeFile(users, 'gw-17\n')
    await writeFile(access, 'users: { gw-17: { role: boss } }')
    await broker.reload()
    for (const file of [users, access])
      expect(lines).toContainEqual(expect.objectContaining({ code: 'config-invalid', files: [file] }))
    await rm(users)
    await broker.reload()
    expect(lines).toContainEqual(expect.objectContaining({ code: 'file-unreadable', files: [users] }))
    expect(device.isClosed()).toBe(false)
    await as(url, 'ada')
  })
})
