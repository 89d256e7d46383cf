/** The whole way over real TLS: a broker as init makes it, devices that come with tokens and certificates, good and bad ones. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { createBroker } from '../../../broker/broker.ts'
import { brokerConfigSchema } from '../../../broker/config.ts'
import { initSite } from '../../../broker/enrolment/init-site.ts'
import {
  brokerAddress,
  listCertificates,
  listTokens,
  revokeDevice,
  revokeToken,
} from '../../../broker/enrolment/operate.ts'
import { issueClient, newAuthority } from '../../../src/pki/authority.ts'
import { makeRequest } from '../../../src/pki/certificate-request.ts'
import { newKeyPem } from '../../../src/pki/keys.ts'
import { readCertificate } from '../../../src/pki/read-certificate.ts'
import { readToken } from '../../../src/pki/token.ts'
import { certificateResponseSchema } from '../../../src/protocol/certificate.ts'
import { startSite, type TestDevice, type TestSite } from '../../support/enrolment-site.ts'
import { eventually } from '../../support/eventually.ts'
import { findFreePort } from '../../support/mosquitto.ts'
import { openClient, type TestClient } from '../../support/mqtt.ts'

const at = (topic: string): string => `longshore/v1/${topic}`

const ask = async ({ client, received }: TestClient, device: string, message: object) => {
  const topic = at(`${device}/certificate/response`)
  const answers = () => received.filter((one) => one.topic === topic)
  const before = answers().length
  await client.subscribeAsync(topic, { qos: 1 })
  const text = JSON.stringify({ schema: 1, at: 1, ...message })
  await client.publishAsync(at(`${device}/certificate/request`), text, { qos: 1 })
  const answer = await eventually('an answer', () => answers()[before], { everyMs: 5 })
  return certificateResponseSchema.parse(JSON.parse(answer.text))
}

const withToken = (site: TestSite, text: string, clientId?: string): Promise<TestClient> => {
  const { id, secret } = readToken(text)
  return openClient(site.url, {
    ca: site.ca,
    username: `token:${id}`,
    password: secret,
    clientId: clientId ?? `${id}-one`,
  })
}

/** The log says why, once for each kind. */
const expectLogged = (site: TestSite, facts: object): Promise<unknown> =>
  eventually(`a line of the log with ${JSON.stringify(facts)}`, () =>
    site.lines.find((line) =>
      Object.entries(facts).every(([key, value]) =>
        value instanceof RegExp ? value.test(String(line[key])) : line[key] === value,
      ),
    ),
  )

test('init leaves what is there as it is, and keys to their owner alone', async () => {
  const site = await startSite()
  const before = await Promise.all(
    (await readdir(site.files.folder)).map((file) => stat(join(site.files.folder, file))),
  )
  const again = await initSite({
    folder: site.files.folder,
    names: ['other'],
    port: 1,
    root: 'other',
    operator: 'eve',
    nowMs: Date.now(),
  })
  expect(again.made).toEqual([])
  expect(again).not.toHaveProperty('password')
  expect(again.kept).toHaveLength(6)
  const after = await Promise.all((await readdir(site.files.folder)).map((file) => stat(join(site.files.folder, file))))
  expect(after.map(({ mtimeMs }) => mtimeMs)).toEqual(before.map(({ mtimeMs }) => mtimeMs))
  for (const key of [site.files.authorityKey, site.files.brokerKey, site.files.users])
    expect((await stat(key)).mode & 0o777).toBe(0o600)
  expect(await readFile(site.files.users, 'utf8')).not.toContain(site.password)
})

test('init makes the operator last, and on a broker that is reached by IPv6 listens there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore init '))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const input = {
    folder,
    names: ['fd00::5', 'localhost', '::1'],
    port: await findFreePort(),
    root: 'longshore',
    nowMs: Date.now(),
  }
  const { files, made, password } = await initSite({ ...input, operator: 'ada' })
  // Cut off before it, the next run makes and prints a password.
  expect([made.at(-1), typeof password]).toEqual([files.users, 'string'])
  expect(await brokerAddress(files)).toBe(`mqtts://[fd00::5]:${input.port}`)
  const config = brokerConfigSchema.parse(parse(await readFile(files.config, 'utf8')))
  const broker = createBroker({ ...config, log: pino({ level: 'silent' }) })
  onTestFinished(broker.stop)
  const { port } = await broker.start()
  const ca = await readFile(files.authorityCertificate, 'utf8')
  for (const host of ['[::1]', 'localhost'])
    await openClient(`mqtts://${host}:${port}`, { ca, username: 'ada', password: password ?? '' })
})

test('a token makes a device, which has its own topics; its secret is nowhere', async () => {
  const site = await startSite()
  const token = await site.newToken({ labels: { hall: '3' } })
  const device = await site.enroll('gw-17', token)
  const client = await site.connect(device)
  await client.client.publishAsync(at('gw-17/status'), 'up', { qos: 1, retain: true })
  const config = await readFile(device.config, 'utf8')
  expect(config).toContain('hall: "3"')
  const texts = await Promise.all(
    [join(site.files.tokens, `${readToken(token).id}.json`), site.files.ledger].map((file) => readFile(file, 'utf8')),
  )
  expect(`${texts}${JSON.stringify(site.lines)}${config}`).not.toContain(readToken(token).secret)
  expect(await listTokens(site.files)).toMatchObject([{ used: 1, uses: 1 }])
  expect(await listCertificates(site.files, { all: false, nowMs: Date.now() })).toMatchObject([
    { device: 'gw-17', state: 'valid' },
  ])
})

describe('what a token is no good for', () => {
  test('anything but its own two topics', async () => {
    const site = await startSite()
    const text = await site.newToken()
    const { id } = readToken(text)
    const own = await withToken(site, text)
    await own.client.subscribeAsync(at(`enroll/${id}-one/response`), { qos: 1 })
    for (const filter of [
      '#',
      '$SYS/#',
      at('#'),
      at('enroll/+/response'),
      at(`enroll/${id}-two/response`),
      at('+/status'),
    ])
      await expect(own.client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow()
    for (const topic of [
      at(`enroll/${id}-two/request`),
      at('gw-17/certificate/request'),
      at('gw-17/status'),
      'elsewhere',
    ]) {
      const writer = await withToken(site, text)
      writer.client.publish(topic, '{}', { qos: 1, retain: true }, () => {})
      await eventually(`the connection to be closed over ${topic}`, writer.isClosed)
    }
    for (const clientId of ['gw-17', `${id}`, `${id}-+`, 'x'])
      await expect(withToken(site, text, clientId)).rejects.toMatchObject({ code: 5 })
  })

  test('used up, expired, taken back, replayed with another key, or made up: each is refused, and the log says which', async () => {
    const site = await startSite({ maxFailedLogins: 100 })
    const token = await site.newToken()
    await site.enroll('gw-1', token)
    await expect(site.enroll('gw-2', token)).rejects.toMatchObject({ code: 'token-refused' })
    await expectLogged(site, { code: 'token-refused', message: /used up: 1 of 1/, token: readToken(token).id })
    await expect(site.enroll('gw-1', token, 'a copy')).rejects.toMatchObject({ code: 'token-refused' })

    await expect(site.enroll('gw-3', await site.newToken({ lifetimeMs: -1 }))).rejects.toMatchObject({
      code: 'token-refused',
    })
    await expectLogged(site, { limit: 'badToken', msg: /ran out/ })

    const back = await site.newToken()
    await revokeToken(site.files, readToken(back).id)
    await expect(site.enroll('gw-4', back)).rejects.toMatchObject({ code: 'token-refused' })
    await expectLogged(site, { limit: 'badToken', msg: /not known here, or was revoked/ })

    const { id, authority } = readToken(await site.newToken())
    const forged = `longshore1.${id}.${'A'.repeat(43)}.${authority}`
    await expect(site.enroll('gw-5', forged)).rejects.toMatchObject({ code: 'token-refused' })
    expect(site.broker().counts()?.refused.badToken).toBe(3)
  })

  test('leaving anything: a session, a will, a retained message', async () => {
    const site = await startSite()
    const text = await site.newToken()
    const { id, secret } = readToken(text)
    const own = { ca: site.ca, username: `token:${id}`, password: secret, clientId: `${id}-one` }
    await expect(openClient(site.url, { ...own, clean: false })).rejects.toMatchObject({ code: 5 })
    const will = { topic: at(`enroll/${id}-one/request`), payload: Buffer.from('{}'), qos: 0 as const, retain: true }
    await expect(openClient(site.url, { ...own, will })).rejects.toMatchObject({ code: 5 })
    const writer = await withToken(site, text)
    writer.client.publish(at(`enroll/${id}-one/request`), '{}', { qos: 1, retain: true }, () => {})
    await eventually('the connection to be closed', writer.isClosed)
  })

  test('after it was taken back, for who was connected already', async () => {
    const site = await startSite()
    const text = await site.newToken()
    const { id } = readToken(text)
    const client = await withToken(site, text)
    const topic = at(`enroll/${id}-one/response`)
    await client.client.subscribeAsync(topic, { qos: 1 })
    await revokeToken(site.files, id)
    const request = await makeRequest(await newKeyPem(), 'gw-1')
    await client.client.publishAsync(at(`enroll/${id}-one/request`), JSON.stringify({ schema: 1, at: 1, request }))
    expect(certificateResponseSchema.parse(JSON.parse((await client.expect(topic)).text))).toMatchObject({
      reason: { code: 'token-refused' },
    })
  })

  test('a flood: the log and the others do not notice', async () => {
    const site = await startSite()
    const many = await site.newToken({ uses: 2 })
    const flood = await site.connect(await site.enroll('gw-1', many))
    const topic = at('gw-1/certificate/request')
    for (let count = 0; count < 3_000; count += 1) flood.client.publish(topic, '{}')
    await flood.client.publishAsync(topic, '{}', { qos: 1 })
    await site.enroll('gw-2', many)
    expect(site.lines.filter(({ msg }) => msg === 'no certificate is issued').length).toBeLessThan(100)
  })

  test('taken back beside a record that is damaged; the broker starts with such a one', async () => {
    const site = await startSite({ maxFailedLogins: 100 })
    const [back, good] = [await site.newToken(), await site.newToken()]
    await writeFile(join(site.files.tokens, '0123456789abcdef.json'), '{"secret":')
    await revokeToken(site.files, readToken(back).id)
    await expect(site.enroll('gw-1', back)).rejects.toMatchObject({ code: 'token-refused' })
    await site.restart()
    await site.enroll('gw-2', good)
    expect(await listTokens(site.files)).toHaveLength(1)
  })

  test('another device than its own, a device that has a certificate, the name of a user, or no device at all', async () => {
    const site = await startSite({ maxFailedLogins: 100 })
    const refused = { code: 'enrolment-refused' }
    const bound = await site.newToken({ device: 'gw-1' })
    await expect(site.enroll('gw-2', bound)).rejects.toMatchObject(refused)
    await expectLogged(site, { ...refused, message: /is for gw-1, not for gw-2/ })
    await site.enroll('gw-1', bound)
    await expect(site.enroll('gw-1', await site.newToken(), 'other')).rejects.toMatchObject(refused)
    await expectLogged(site, { ...refused, message: /gw-1 has a certificate/ })
    await expect(site.enroll('ada', await site.newToken())).rejects.toMatchObject(refused)
    await expectLogged(site, { ...refused, message: /ada is the name of a user/ })
    await site.enroll('gw-1', await site.newToken({ device: 'gw-1' }), 'replaced')
  })

  test('many tries: an address that fails too often waits', async () => {
    const site = await startSite({ maxFailedLogins: 2 })
    const spent = await site.newToken()
    await site.enroll('gw-1', spent)
    for (const device of ['gw-2', 'gw-3'])
      await expect(site.enroll(device, spent)).rejects.toMatchObject({ code: 'token-refused' })
    await expect(withToken(site, await site.newToken())).rejects.toMatchObject({ code: 3 })
    expect(site.broker().counts()?.refused.maxFailedLogins).toBe(1)
  })
})

describe('who is refused with a certificate', () => {
  const issueWith = async (authority: Parameters<typeof issueClient>[0], commonName: string, notAfter: number) => {
    const key = await newKeyPem()
    const cert = await issueClient(authority, { request: await makeRequest(key, commonName), commonName, notAfter })
    return { key, cert }
  }

  test('of another authority, expired, or for another device: the log says which', async () => {
    const site = await startSite()
    const own = { certificate: site.ca, key: await readFile(site.files.authorityKey, 'utf8') }
    const tomorrow = Date.now() + 86_400_000
    const shut = async (pem: { key: string; cert: string }): Promise<void> => {
      const client = await openClient(site.url, { ca: site.ca, ...pem, clientId: 'gw-1' }).catch(
        (error: Error) => error,
      )
      if (!(client instanceof Error)) expect(client.client.connected).toBe(false)
    }
    await shut(await issueWith(await newAuthority(Date.now()), 'gw-1', tomorrow))
    await expectLogged(site, { limit: 'badTls', msg: /of gw-1 cannot be trusted: it is of an authority/ })
    await shut(await issueWith(own, 'gw-1', Date.now() - 1_000))
    await expectLogged(site, { limit: 'badTls', msg: /of gw-1 cannot be trusted: it has expired/ })
    const wrong = await issueWith(own, 'gw-2', tomorrow)
    await expect(openClient(site.url, { ca: site.ca, ...wrong, clientId: 'gw-1' })).rejects.toMatchObject({ code: 2 })
    await expectLogged(site, { limit: 'foreignClientId', user: 'gw-2', client: 'gw-1' })
  })

  test('revoked: at once, after a restart too, also one that nobody remembers issuing; a younger token lets it in again', async () => {
    const site = await startSite()
    const many = await site.newToken({ uses: 5 })
    const device = await site.enroll('gw-17', many)
    const other = await site.connect(await site.enroll('gw-18', many))
    const client = await site.connect(device)
    await revokeDevice(site.files, 'gw-17', Date.now())
    await eventually('its connection to be closed', client.isClosed)
    expect(other.isClosed()).toBe(false)
    const refusal = { code: 5 }
    await expect(site.connect(device)).rejects.toMatchObject(refusal)
    await expectLogged(site, { limit: 'revokedCertificate', user: 'gw-17', msg: /certificate of gw-17 was revoked/ })
    await site.restart()
    await expect(site.connect(device)).rejects.toMatchObject(refusal)

    const own = { certificate: site.ca, key: await readFile(site.files.authorityKey, 'utf8') }
    const byHand = await issueWith(own, 'gw-17', Date.now() + 86_400_000)
    await expect(openClient(site.url, { ca: site.ca, ...byHand, clientId: 'gw-17' })).rejects.toMatchObject(refusal)

    await expect(site.enroll('gw-17', many, 'again')).rejects.toMatchObject({ code: 'enrolment-refused' })
    await expectLogged(site, { message: /gw-17 was revoked: it needs a token that is younger/ })
    await site.connect(await site.enroll('gw-17', await site.newToken(), 'again'))
    await expect(site.connect(device)).rejects.toMatchObject(refusal)
    await expect(revokeDevice(site.files, 'gw-99', Date.now())).rejects.toMatchObject({ code: 'usage' })
  })

  test('revoked by a file that is damaged, too', async () => {
    const site = await startSite()
    const client = await site.connect(await site.enroll('gw-17'))
    await writeFile(join(site.files.revoked, 'gw-17.json'), '{"at":')
    await eventually('its connection to be closed', client.isClosed)
    await site.connect(await site.enroll('gw-18'))
  })
})

test("a device's credentials are refused on every topic that is not its own", async () => {
  const site = await startSite()
  const many = await site.newToken({ uses: 2 })
  const device = await site.enroll('gw-17', many)
  await site.enroll('gw-18', many)
  const operator = await site.operator()
  await operator.client.subscribeAsync('#', { qos: 1 })
  const reader = await site.connect(device)
  const kinds = [
    'desired/a',
    'secret/a',
    'command/c',
    'status',
    'inventory',
    'reported/a',
    'progress/a',
    'event',
    'telemetry/host',
    'reply/c',
    'log/c',
    'certificate/request',
    'certificate/response',
  ]
  const foreign = [
    ...kinds.map((kind) => at(`gw-18/${kind}`)),
    at('enroll/x/request'),
    at('enroll/x/response'),
    at('group/g/desired/a'),
  ]
  for (const filter of [...foreign, '#', '+/#', '$SYS/#', at('#'), at('+/status'), at('gw-17/#')])
    await expect(reader.client.subscribeAsync(filter, { qos: 1 }), filter).rejects.toThrow()
  for (const topic of [...foreign, '$SYS/x', at('gw-17/desired/a'), at('gw-17/certificate/response')]) {
    const writer = await site.connect(device)
    writer.client.publish(topic, 'forged', { qos: 1, retain: true }, () => {})
    await eventually(`the connection to be closed over ${topic}`, writer.isClosed)
  }
  await operator.client.publishAsync('last', 'one', { qos: 1 })
  await operator.expect('last', 'one')
  expect(operator.received.map(({ text }) => text)).not.toContain('forged')
})

describe('renewal', () => {
  const renewed = async (site: TestSite, device: TestDevice) => {
    const client = await site.connect(device)
    expect(await ask(client, 'gw-17', {})).toMatchObject({ renewInMs: expect.any(Number) })
    return client
  }

  test('is answered with when it is due, and then with a certificate for the new key; the connection stays', async () => {
    const site = await startSite({ lifetimeS: 4 })
    const device = await site.enroll('gw-17')
    const client = await renewed(site, device)
    const key = await newKeyPem()
    const answer = await eventually(
      'a certificate',
      async () => {
        const { certificate } = await ask(client, 'gw-17', { request: await makeRequest(key, 'gw-17') })
        return certificate
      },
      { everyMs: 200 },
    )
    expect(client.isClosed()).toBe(false)
    await openClient(site.url, { ca: site.ca, cert: answer, key, clientId: 'gw-17' })
    expect(await listCertificates(site.files, { all: true, nowMs: Date.now() })).toHaveLength(2)
    // It goes back to the same token, so a revocation means it too.
    await revokeDevice(site.files, 'gw-17', Date.now())
    await eventually('the renewed one to be refused', () =>
      openClient(site.url, { ca: site.ca, cert: answer, key, clientId: 'gw-17' }).then(
        () => false,
        ({ code }) => code === 5,
      ),
    )
  })

  test('is the own: another name is refused, and so is an operator who asks for a device', async () => {
    const site = await startSite({ lifetimeS: 4 })
    const client = await site.connect(await site.enroll('gw-17'))
    const request = await makeRequest(await newKeyPem(), 'gw-18')
    await eventually(
      'it to be due',
      async () => {
        return (await ask(client, 'gw-17', { request })).reason?.code === 'enrolment-refused'
      },
      { everyMs: 200 },
    )
    await expectLogged(site, { code: 'enrolment-refused', message: /gw-17 asks for a certificate of gw-18/ })
    const operator = await site.operator()
    const own = await makeRequest(await newKeyPem(), 'gw-17')
    expect(await ask(operator, 'gw-17', { request: own })).toMatchObject({ reason: { code: 'enrolment-refused' } })
    expect(await ask(operator, 'gw-17', { request: 'x' })).toMatchObject({ reason: { code: 'message-invalid' } })
    expect(await ask(operator, 'gw-17', { schema: 2 })).toMatchObject({ reason: { code: 'schema-unsupported' } })
  })
})

test('an answer that was lost is given again, to the same key alone', async () => {
  const site = await startSite()
  const text = await site.newToken()
  const { id } = readToken(text)
  const request = await makeRequest(await newKeyPem(), 'gw-17')
  const get = async (clientId: string, what: string) => {
    const client = await withToken(site, text, clientId)
    const topic = at(`enroll/${clientId}/response`)
    await client.client.subscribeAsync(topic, { qos: 1 })
    await client.client.publishAsync(
      at(`enroll/${clientId}/request`),
      JSON.stringify({ schema: 1, at: 1, request: what }),
      { qos: 1 },
    )
    return certificateResponseSchema.parse(JSON.parse((await client.expect(topic)).text))
  }
  const first = await get(`${id}-a`, request)
  expect(await get(`${id}-b`, request)).toMatchObject({ certificate: first.certificate, device: 'gw-17' })
  await site.restart()
  expect(await get(`${id}-c`, request)).toMatchObject({ certificate: first.certificate })
  expect(await get(`${id}-d`, await makeRequest(await newKeyPem(), 'gw-17'))).toMatchObject({
    reason: { code: 'token-refused' },
  })
  expect(readCertificate(first.certificate ?? '').commonName).toBe('gw-17')
})

test('two at once with the last use of a token: one gets it', async () => {
  const site = await startSite()
  const token = await site.newToken()
  const results = await Promise.allSettled(['gw-1', 'gw-2'].map((device) => site.enroll(device, token)))
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(await listCertificates(site.files, { all: true, nowMs: Date.now() })).toHaveLength(1)
})
