/** Real TLS, with certificates of OpenSSL and the clients of Mosquitto: who gets in by which door, and renewal under way. */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import type { IClientOptions } from 'mqtt'
import { pino } from 'pino'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { hashPassword } from '../../../broker/access/password-file.ts'
import { type BrokerOptions, createBroker } from '../../../broker/broker.ts'
import { type Authority, makeAuthorityIn, type Pem } from '../../support/authority.ts'
import { eventually } from '../../support/eventually.ts'
import { openClient } from '../../support/mqtt.ts'

const host = '127.0.0.1'

let folder: string
let site: Authority
let foreign: Authority
let server: Pem
let device: Pem
let hash: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-listeners-'))
  const make = async (name: string) => makeAuthorityIn(await mkdtemp(join(folder, name)))
  ;[site, foreign] = await Promise.all([make('site'), make('foreign')])
  server = await site.issue({ host })
  device = await site.issue({ host: 'gw-17', uri: 'urn:site:gw-17' })
  hash = await hashPassword(Buffer.from('secret'))
  return () => rm(folder, { recursive: true, force: true })
})

const write = async (own: string, pem: Pem): Promise<void> => {
  await writeFile(join(own, 'cert.pem'), pem.cert)
  await writeFile(join(own, 'key.pem'), pem.key)
}

const start = async (listeners: (own: string) => BrokerOptions['listeners'], options: Partial<BrokerOptions> = {}) => {
  const own = await mkdtemp(join(folder, 'broker-'))
  await write(own, server)
  await writeFile(join(own, 'ca.pem'), site.cert)
  await writeFile(join(own, 'users'), `ada:${hash}\n`)
  await writeFile(join(own, 'access.yaml'), 'users: { ada: { role: operator } }')
  const lines: { msg: string; listener?: string }[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const broker = createBroker({
    log,
    listeners: listeners(own),
    users: join(own, 'users'),
    access: join(own, 'access.yaml'),
    ...options,
  })
  onTestFinished(broker.stop)
  const { ports } = await broker.start()
  return { broker, ports, own, lines }
}

const tlsIn = (own: string) => ({
  cert: join(own, 'cert.pem'),
  key: join(own, 'key.pem'),
  clientCa: join(own, 'ca.pem'),
  userFrom: 'cn' as const,
})

const trusting = (options: IClientOptions = {}): IClientOptions => ({ ca: site.cert, ...options })

/** The connection ends before CONNACK, with a word of TLS or without. */
const expectShut = async (url: string, options: IClientOptions): Promise<void> => {
  const client = await openClient(url, options).catch((error: Error & { code?: unknown }) => error)
  if (client instanceof Error) expect(client.code).not.toBeTypeOf('number')
  else expect([client.client.connected, client.isClosed()]).toEqual([false, true])
}

const ada = { username: 'ada', password: 'secret' }

describe.each(['tls', 'wss'] as const)('over %s', (type) => {
  const scheme = type === 'tls' ? 'mqtts' : 'wss'
  const url = (port: number | undefined): string => `${scheme}://${host}:${port}`
  const listen = (own: string, authentication?: ('certificate' | 'password')[]): BrokerOptions['listeners'] => {
    const common = { host, port: 0, tls: tlsIn(own), authentication }
    return [type === 'tls' ? { type, ...common } : { type, ...common, allowedOrigins: [] }]
  }

  test('a certificate of the site is a name; of another authority, or too old, it is none; a password will do too', async () => {
    const { ports, broker } = await start((own) => listen(own))
    const at = url(ports[0])
    const gateway = await openClient(at, trusting({ ...device, clientId: 'gw-17' }))
    await gateway.client.publishAsync('longshore/v1/gw-17/status', 'up', { qos: 1, retain: true })
    const operator = await openClient(at, trusting(ada))
    await operator.client.subscribeAsync('#', { qos: 1 })
    await operator.expect('longshore/v1/gw-17/status', 'up')

    for (const pem of [
      await foreign.issue({ host: 'gw-17' }),
      await site.issue({ host: 'gw-17', fromDays: -3, untilDays: -1 }),
    ])
      await expectShut(at, trusting({ ...pem, clientId: 'gw-17' }))
    await expect(openClient(at, trusting({ ...device, clientId: 'gw-18' }))).rejects.toMatchObject({ code: 2 })
    await expect(openClient(at, trusting({ clientId: 'gw-17' }))).rejects.toMatchObject({ code: 5 })
    await expect(openClient(at, { ...ada })).rejects.toThrow(/certificate/)
    expect(gateway.isClosed()).toBe(false)
    // The third is a client that does not trust the broker.
    await eventually('all to be counted', () => broker.counts()?.refused.badTls === 3)
    expect(broker.counts()?.refused).toMatchObject({ foreignClientId: 1, badLogin: 1 })
  })

  test('where certificates alone are taken, nobody comes in with less', async () => {
    const { ports } = await start((own) => listen(own, ['certificate']))
    await openClient(url(ports[0]), trusting({ ...device, clientId: 'gw-17' }))
    await expectShut(url(ports[0]), trusting(ada))
  })

  test('a new certificate holds for who comes next, and nobody who is there notices', async () => {
    const { ports, own, lines, broker } = await start((own) => listen(own))
    const before = await openClient(url(ports[0]), trusting({ ...device, clientId: 'gw-17' }))
    await before.client.subscribeAsync('longshore/v1/gw-17/status', { qos: 1 })
    const serial = () => serialAt(ports[0] ?? 0)
    const first = await serial()

    await writeFile(join(own, 'key.pem'), 'no key')
    await eventually('the log to say so', () => lines.find((line) => /what was read before stays/.test(line.msg)))
    expect(await serial()).toBe(first)

    await write(own, await foreign.issue({ host }))
    await writeFile(join(own, 'ca.pem'), foreign.cert)
    await broker.reload()
    expect(await serial()).not.toBe(first)
    await expect(openClient(url(ports[0]), trusting({ ...device, clientId: 'gw-17' }))).rejects.toThrow(/certificate/)
    const next = await foreign.issue({ host: 'gw-18' })
    await openClient(url(ports[0]), { ca: foreign.cert, ...next, clientId: 'gw-18' })
    await before.client.publishAsync('longshore/v1/gw-17/status', 'still here', { qos: 1 })
    await before.expect('longshore/v1/gw-17/status', 'still here')
  })
})

const serialAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connectTls({ port, host, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.on('error', reject)
  })

test('the name may be the URI of a certificate', async () => {
  const { ports, own, broker } = await start((own) => [
    { type: 'tls', host, port: 0, tls: { ...tlsIn(own), userFrom: 'uri' } },
  ])
  const at = `mqtts://${host}:${ports[0]}`
  await expect(openClient(at, trusting({ ...device, clientId: 'gw-17' }))).rejects.toMatchObject({ code: 5 })
  await writeFile(join(own, 'access.yaml'), "users: { 'urn:site:gw-17': { role: device, device: gw-17 } }")
  await broker.reload()
  await openClient(at, trusting({ ...device, clientId: 'gw-17' }))
})

test('a web page gets in from its own origin only, also with TLS and a password', async () => {
  const { ports } = await start((own) => [
    {
      type: 'wss',
      host,
      port: 0,
      tls: tlsIn(own),
      allowedOrigins: ['https://panel.example'],
      authentication: ['certificate', 'password'],
    },
  ])
  const open = (origin: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`wss://${host}:${ports[0]}`, 'mqtt', { ca: site.cert, origin })
      onTestFinished(() => socket.terminate())
      socket.on('open', () => resolve('open'))
      socket.on('error', (error) => resolve(error.message))
    })
  expect(await open('https://panel.example')).toBe('open')
  expect(await open('https://evil.example')).toContain('403')
})

test('each listener has its own authentication; the programs of Mosquitto use each', async () => {
  const { ports, own } = await start((own) => [
    { type: 'unix', path: join(own, 'mqtt.sock'), authentication: ['anonymous'] },
    { type: 'tcp', host, port: 0, authentication: ['password'] },
    { type: 'tls', host, port: 0, tls: tlsIn(own), authentication: ['certificate'] },
  ])
  await writeFile(join(own, 'gw.cert'), device.cert)
  await writeFile(join(own, 'gw.key'), device.key)
  expect((await stat(join(own, 'mqtt.sock'))).mode & 0o777).toBe(0o660)
  const run = (program: string, ...parameters: string[]) =>
    promisify(execFile)(program, parameters, { timeout: 10_000 }).then(
      ({ stdout, stderr }) => `${stdout}${stderr}`.trim(),
      (error: { code: number; stderr: string }) => `failed: ${error.stderr.trim()}`,
    )
  const socket = ['--unix', join(own, 'mqtt.sock')]
  const password = ['-h', host, '-p', `${ports[1]}`]
  const certificate = [
    ...['-h', host, '-p', `${ports[2]}`, '--cafile', join(own, 'ca.pem')],
    ...['--cert', join(own, 'gw.cert'), '--key', join(own, 'gw.key'), '-i', 'gw-17'],
  ]
  const status = 'longshore/v1/gw-17/status'
  expect(await run('mosquitto_pub', ...certificate, '-q', '1', '-r', '-t', status, '-m', 'up')).toBe('')
  expect(await run('mosquitto_sub', ...socket, '-C', '1', '-t', status)).toBe('up')
  expect(await run('mosquitto_sub', ...password, '-u', 'ada', '-P', 'secret', '-C', '1', '-t', status)).toBe('up')
  expect(await run('mosquitto_sub', ...password, '-C', '1', '-t', status)).toMatch(/not authori[sz]ed/i)
  expect(await run('mosquitto_sub', ...password, '-u', 'ada', '-P', 'x', '-C', '1', '-t', status)).toMatch(/failed/)
  expect(await run('mosquitto_sub', ...certificate, '-C', '1', '-W', '5', '-t', 'longshore/v1/+/status')).toMatch(
    /denied|rejected|failed/i,
  )
})

test('a socket that a killed broker left is taken over; one that is served, and a file, are not', async () => {
  const path = join(await mkdtemp(join(folder, 'socket-')), 'mqtt.sock')
  const listeners = [{ type: 'unix' as const, path }]
  // A link to a socket keeps it in the file system when its server goes, as a kill does.
  const server = createServer().listen(`${path}.first`)
  await eventually('a socket to be there', () => stat(`${path}.first`))
  await promisify(execFile)('ln', [`${path}.first`, path])
  const options = { log: pino({ level: 'silent' }), listeners }
  await expect(createBroker(options).start()).rejects.toMatchObject({ code: 'port-unavailable' })
  await new Promise((resolve) => server.close(resolve))
  const broker = createBroker(options)
  onTestFinished(broker.stop)
  await broker.start()
  const socket = connect(path)
  onTestFinished(() => void socket.destroy())
  await eventually('a connection', () => socket.readyState === 'open')
  const file = `${path}.file`
  await copyFile('/etc/hostname', file)
  await expect(
    createBroker({ log: pino({ level: 'silent' }), listeners: [{ type: 'unix', path: file }] }).start(),
  ).rejects.toMatchObject({ code: 'port-unavailable' })
  expect((await stat(file)).isFile()).toBe(true)
})

test.each([
  ['there is no such file', 'file-unreadable', async (own: string) => rm(join(own, 'cert.pem'))],
  ['it is of another key', 'config-invalid', async (own: string) => writeFile(join(own, 'key.pem'), device.key)],
  ['the authority is none', 'config-invalid', async (own: string) => writeFile(join(own, 'ca.pem'), 'x')],
])('a certificate that cannot be used ends the start: %s', async (_why, code, spoil) => {
  const own = await mkdtemp(join(folder, 'bad-'))
  await write(own, server)
  await writeFile(join(own, 'ca.pem'), site.cert)
  await spoil(own)
  const broker = createBroker({
    log: pino({ level: 'silent' }),
    listeners: [{ type: 'tls', host, port: 0, tls: tlsIn(own) }],
  })
  await expect(broker.start()).rejects.toMatchObject({ code })
})
