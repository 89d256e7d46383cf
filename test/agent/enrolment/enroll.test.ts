/** A device joins a real broker over real TLS, and is cut off wherever it can be. */

import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer as createPlainServer } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { agentConfigSchema } from '../../../agent/config.ts'
import { enroll } from '../../../agent/enrolment/enroll.ts'
import { issueServer, newAuthority } from '../../../src/pki/authority.ts'
import { fingerprintOf, readCertificate } from '../../../src/pki/read-certificate.ts'
import { newToken, readToken, tokenText } from '../../../src/pki/token.ts'
import { startSite, type TestSite } from '../../support/enrolment-site.ts'

const inputOf = (site: TestSite, place: string, token: string) => ({
  broker: site.url,
  token,
  device: 'gw-17' as string | undefined,
  config: join(site.folder, place, 'agent.yaml'),
  state: join(site.folder, place, 'state') as string | undefined,
  root: undefined,
  timeoutMs: 10_000,
  log: pino({ level: 'silent' }),
})

test('a configuration that was there keeps what else stands in it, and names the device', async () => {
  const site = await startSite()
  const input = inputOf(site, 'one', await site.newToken({ labels: { hall: '3' } }))
  await mkdir(join(site.folder, 'one'))
  await writeFile(
    input.config,
    `# ours\ndevice: gw-9\nusername: gw-9\npasswordFile: /x\nlabels: { line: 7 } # kept\nstate: ${input.state}\n`,
  )
  expect(await enroll({ ...input, device: undefined, state: undefined })).toMatchObject({
    device: 'gw-9',
    isOld: false,
  })
  const text = await readFile(input.config, 'utf8')
  expect(text).toMatch(/# ours[\s\S]*# kept/)
  const config = agentConfigSchema.parse(parse(text))
  const identity = join(input.state ?? '', 'certificate', 'device.pem')
  expect(config).toMatchObject({
    device: 'gw-9',
    broker: site.url,
    cert: identity,
    key: identity,
    renewCertificate: true,
  })
  expect(config.labels).toEqual({ line: '7', hall: '3' })
  expect(config.username ?? config.passwordFile).toBeUndefined()
})

test('the device id may come from the token; without any it says so', async () => {
  const site = await startSite()
  const bound = await site.newToken({ device: 'gw-5' })
  expect(await enroll({ ...inputOf(site, 'one', bound), device: undefined })).toMatchObject({ device: 'gw-5' })
  await expect(enroll({ ...inputOf(site, 'two', await site.newToken()), device: undefined })).rejects.toMatchObject({
    code: 'enrolment-refused',
    message: expect.stringContaining('--device'),
  })
})

test('cut off anywhere and run again with the same token, it ends with the same certificate', async () => {
  const site = await startSite()
  const input = inputOf(site, 'one', await site.newToken())
  const folder = join(input.state ?? '', 'certificate')
  await enroll(input)
  const identity = await readFile(join(folder, 'device.pem'), 'utf8')
  const key = identity.slice(0, identity.indexOf('-----BEGIN CERT'))
  expect(await readdir(folder)).toEqual(['ca.pem', 'device.pem', 'enrolment.json'])
  for (const file of await readdir(folder)) expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)

  const pending = join(folder, `new-${readToken(input.token).id}.key`)
  // What each kill leaves on the disk, in order: the answer lost, nothing but the authority, all but the record, all but the configuration.
  for (const left of [[], ['ca.pem'], ['ca.pem', 'device.pem']]) {
    const again = inputOf(site, `after ${left.length}`, input.token)
    const place = join(again.state ?? '', 'certificate')
    await mkdir(place, { recursive: true })
    await writeFile(join(place, `new-${readToken(input.token).id}.key`), key)
    for (const file of left) await writeFile(join(place, file), await readFile(join(folder, file)))
    await enroll(again)
    expect(await readFile(join(place, 'device.pem'), 'utf8')).toBe(identity)
  }
  await writeFile(pending, key)
  await writeFile(input.config, '')
  await site.broker().stop()
  // The rest needs no broker.
  expect(await enroll(input)).toMatchObject({ device: 'gw-17', isOld: true })
  expect(agentConfigSchema.parse(parse(await readFile(input.config, 'utf8')))).toMatchObject({ device: 'gw-17' })
  expect(await readdir(folder)).not.toContain(pending)
})

test('a broker of another site, or one that only shows the authority, never hears the token', async () => {
  const [real, other] = [await newAuthority(Date.now()), await newAuthority(Date.now())]
  // It says that the right authority issued it, and shows that beside; but another key signed it.
  const forged = await issueServer({ certificate: real.certificate, key: other.key }, ['localhost'], Date.now())
  let heard = ''
  const server = createServer({ key: forged.key, cert: `${forged.certificate}${real.certificate}` }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
  }).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => undefined)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const site = await startSite()
  const token = tokenText(newToken(fingerprintOf(real.certificate)))
  const input = { ...inputOf(site, 'one', token), timeoutMs: 3_000 }
  await expect(
    enroll({ ...input, broker: `mqtts://localhost:${(server.address() as AddressInfo).port}` }),
  ).rejects.toMatchObject({
    code: 'broker-untrusted',
    message: expect.stringContaining('certificate signature failure'),
  })
  await expect(enroll(input)).rejects.toMatchObject({
    code: 'broker-untrusted',
    message: expect.stringContaining('was not sent'),
  })
  expect(heard).toBe('')
  expect(JSON.stringify(site.lines)).not.toContain('token:')
  await expect(enroll({ ...input, broker: 'mqtt://localhost:1' })).rejects.toMatchObject({ code: 'usage' })
})

test('of several addresses, one without TLS is refused: the token would go there too, for all to read', async () => {
  const site = await startSite()
  let heard = ''
  const server = createPlainServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const input = { ...inputOf(site, 'one', await site.newToken()), timeoutMs: 4_000 }
  const plain = `mqtt://localhost:${(server.address() as AddressInfo).port}`
  await expect(enroll({ ...input, broker: `${plain},${site.url}` })).rejects.toMatchObject({ code: 'usage' })
  expect(heard).toBe('')
})

test('a record of the enrolment that is damaged is no hindrance to another one', async () => {
  const site = await startSite()
  const input = inputOf(site, 'one', await site.newToken())
  await enroll(input)
  await writeFile(join(input.state ?? '', 'certificate', 'enrolment.json'), '{"token":')
  const next = await site.newToken({ device: 'gw-17' })
  expect(await enroll({ ...input, token: next })).toMatchObject({ device: 'gw-17', isOld: false })
})

test('a broker that is not there is named; what is no token is refused before anything is asked', async () => {
  const site = await startSite()
  const input = inputOf(site, 'one', await site.newToken())
  await site.broker().stop()
  await expect(enroll({ ...input, timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'broker-unreachable' })
  await expect(enroll({ ...input, token: 'longshore1.x' })).rejects.toMatchObject({ code: 'usage' })
  await expect(enroll({ ...input, device: 'a/b' })).rejects.toMatchObject({ code: 'usage' })
  expect(readCertificate(site.ca).commonName).toContain('longshore site')
})
