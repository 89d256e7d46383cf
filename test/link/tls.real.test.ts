/** Encrypted ways to a broker, with certificates on both sides, as a real Mosquitto asks for them. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connectFleet } from '../../src/fleet/fleet.ts'
import { readBrokerFiles } from '../../src/link/broker-files.ts'
import { silent } from '../support/agents.ts'
import { makeAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { accepts, findFreePort, startMosquitto } from '../support/mosquitto.ts'

let folder: string
const at = (file: string): string => join(folder, file)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longshore-tls-'))
  const openssl = (...parameters: string[]): void =>
    void execFileSync('openssl', parameters, { cwd: folder, stdio: 'ignore' })
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
  )
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=gw-1'],
  ] as const) {
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      `${name}.pem`,
    )
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const startSecure = async (): Promise<{ mqtts: string; wss: string }> => {
  const [port, wsPort] = [await findFreePort(), await findFreePort()]
  const secure = [
    `cafile ${at('ca.pem')}`,
    `certfile ${at('server.pem')}`,
    `keyfile ${at('server.key')}`,
    'require_certificate true',
    'use_identity_as_username true',
  ]
  const { stop } = await startMosquitto({
    extraConfig: [
      `listener ${port} 127.0.0.1`,
      ...secure,
      `listener ${wsPort} 127.0.0.1`,
      'protocol websockets',
      ...secure,
    ],
  })
  onTestFinished(stop)
  for (const secured of [port, wsPort])
    await eventually(`Mosquitto to listen on port ${secured}`, () => accepts(secured))
  return { mqtts: `mqtts://localhost:${port}`, wss: `wss://localhost:${wsPort}` }
}

test.each(['mqtts', 'wss'] as const)(
  '%s with certificates on both sides carries messages; without the own one it fails typed',
  async (kind) => {
    const url = (await startSecure())[kind]
    const broker = await readBrokerFiles({ url, ca: at('ca.pem'), cert: at('client.pem'), key: at('client.key') })
    const fleet = await connectFleet({ broker, root: 'longshore', log: silent })
    onTestFinished(fleet.close)
    const topic = fleet.topics.status('gw-1')
    await fleet.publish(topic, Buffer.from('hello'), { retain: true })
    expect((await fleet.read([topic])).get(topic)?.toString()).toBe('hello')

    const without = await readBrokerFiles({ url, ca: at('ca.pem') })
    await expect(
      connectFleet({ broker: without, root: 'longshore', log: silent, connectTimeoutMs: 5_000 }),
    ).rejects.toMatchObject({
      code: 'broker-untrusted',
      message: expect.stringContaining('asks for a certificate of this client: give --cert and --key'),
    })
    const ca = await readFile(at('ca.pem'), 'utf8')
    await expect(
      connectFleet({
        broker: { url, ca, ...(await (await makeAuthority()).issue()) },
        root: 'longshore',
        log: silent,
        connectTimeoutMs: 5_000,
      }),
    ).rejects.toMatchObject({
      code: 'broker-untrusted',
      message: expect.stringContaining('did not accept the own certificate'),
    })
    const stranger = await readBrokerFiles({ url, cert: at('client.pem'), key: at('client.key') })
    await expect(
      connectFleet({ broker: stranger, root: 'longshore', log: silent, connectTimeoutMs: 5_000 }),
    ).rejects.toMatchObject({
      code: 'broker-untrusted',
    })
  },
)

test('a key file that is not there is named with its option', async () => {
  await expect(readBrokerFiles({ url: 'mqtts://localhost', key: at('none.key') })).rejects.toMatchObject({
    code: 'file-unreadable',
    path: 'key',
  })
  expect((await readFile(at('ca.pem'), 'utf8')).startsWith('-----BEGIN')).toBe(true)
})
