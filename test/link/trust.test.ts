/** What is wrong with a certificate is named, with what to do. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type TlsOptions } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { createLink } from '../../src/link/link.ts'
import type { LongshoreError } from '../../src/protocol/reason.ts'
import { silent } from '../support/agents.ts'
import type { CertificateOptions } from '../support/authority.ts'
import { makeAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { connackAccepted, startFakePeer } from '../support/fake-peers.ts'
import { connected, openLink } from '../support/open-link.ts'

const startTlsPeer = async (options: TlsOptions): Promise<string> => {
  const server = await new Promise<Server>((resolve) => {
    const made = createServer(options, (socket) => {
      socket.on('error', () => undefined) // the client hangs up at the end
      socket.once('data', () => socket.write(connackAccepted))
    }).listen(0, 'localhost', () => resolve(made))
  })
  server.on('tlsClientError', () => undefined) // what the tests are about
  onTestFinished(() => void server.close())
  return `mqtts://localhost:${(server.address() as { port: number }).port}`
}

/** The first failure, or `undefined` where it connects. */
const firstFailure = (url: string, pem: { ca?: string; cert?: string; key?: string }) =>
  new Promise<LongshoreError | undefined>((resolve) => {
    const link = createLink({
      broker: { url, ...pem },
      clientId: 'trust',
      clean: true,
      keepaliveS: 30,
      backOff: { baseMs: 1_000, capMs: 1_000 },
      random: Math.random,
      log: silent,
      onConnect: async () => resolve(undefined),
      onMessage: async () => undefined,
      onFailure: resolve,
    })
    onTestFinished(link.stop)
    link.start()
  })

test.each<[string, CertificateOptions, RegExp]>([
  ['that has expired', { fromDays: -3, untilDays: -1 }, /has expired: renew it, or set the clock/],
  ['of tomorrow', { fromDays: 1, untilDays: 3 }, /not valid yet: the clock of this machine is probably behind/],
  ['for another host', { host: 'elsewhere' }, /for another host name: connect by a name that stands in it/],
])('a certificate %s', async (_name, options, said) => {
  const authority = await makeAuthority()
  const url = await startTlsPeer(await authority.issue(options))
  const failure = await firstFailure(url, { ca: authority.cert })
  expect(failure).toMatchObject({ code: 'broker-untrusted', message: expect.stringMatching(said) })
})

test('an authority that nobody here knows, and one that is known', async () => {
  const authority = await makeAuthority()
  const url = await startTlsPeer(await authority.issue())
  expect(await firstFailure(url, {})).toMatchObject({
    code: 'broker-untrusted',
    message: expect.stringContaining('an authority that is not known here: give it with --ca'),
  })
  expect(await firstFailure(url, { ca: authority.cert })).toBeUndefined()
})

test('a broker that asks for a certificate: none, one of a stranger, the right one', async () => {
  const [authority, stranger] = [await makeAuthority(), await makeAuthority()]
  const url = await startTlsPeer({
    ...(await authority.issue()),
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  })
  const ca = authority.cert
  expect((await firstFailure(url, { ca }))?.message).toContain('asks for a certificate of this client')
  // Node's server hangs up without a word.
  expect((await firstFailure(url, { ca, ...(await stranger.issue()) }))?.message).toContain(
    'closed the connection before it answered; perhaps it does not accept the own certificate',
  )
  expect(await firstFailure(url, { ca, ...(await authority.issue()) })).toBeUndefined()
})

test('files of the own certificate that are no such thing, or do not belong together', async () => {
  const [one, other] = [await (await makeAuthority()).issue(), await (await makeAuthority()).issue()]
  const faultOf = async (pem: { cert: string; key: string }) => {
    const { code, message } = (await firstFailure('mqtts://localhost:1', pem)) ?? {}
    return `${code} ${message}`
  }
  const none = /^broker-untrusted .*the own certificate or key is none/
  expect(await faultOf({ cert: 'nothing', key: one.key })).toMatch(none)
  expect(await faultOf({ cert: one.cert, key: 'nothing' })).toMatch(none)
  expect(await faultOf({ cert: one.cert, key: other.key })).toMatch(/^broker-untrusted .*does not belong to/)
})

test.each(['ssl', 'mqtts'])('%s:// with a certificate of its own', async (scheme) => {
  const authority = await makeAuthority()
  const url = await startTlsPeer(await authority.issue())
  const own = await authority.issue()
  expect(await firstFailure(url.replace('mqtts', scheme), { ca: authority.cert, ...own })).toBeUndefined()
})

test('a port where no TLS is spoken', async () => {
  const peer = await startFakePeer(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  expect(await firstFailure(peer.url.replace('mqtt:', 'mqtts:'), {})).toMatchObject({
    code: 'broker-untrusted',
    message: expect.stringContaining('no TLS is spoken on this port'),
  })
})

test('a certificate that was renewed is the one of the next connection; the one before stays as it is', async () => {
  const authority = await makeAuthority()
  const serials: string[] = []
  const server = createServer(
    { ...(await authority.issue()), ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on('error', () => undefined)
      serials.push(socket.getPeerCertificate().serialNumber)
      socket.once('data', () => socket.write(connackAccepted))
      server.once('drop', () => socket.destroy())
    },
  ).listen(0, 'localhost')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const own = [await authority.issue(), await authority.issue()]
  let asked = 0
  const opened = openLink(`mqtts://localhost:${(server.address() as { port: number }).port}`, {
    broker: { url: `mqtts://localhost:${(server.address() as { port: number }).port}`, ca: authority.cert },
    credentials: async () => {
      asked += 1
      // A file that cannot be read for a moment costs one attempt.
      if (asked === 2) throw new Error('no such file')
      return own[asked === 1 ? 0 : 1] ?? {}
    },
  })
  await connected(opened)
  expect([asked, serials.length]).toEqual([1, 1])
  server.emit('drop')
  await eventually('another connection', () => opened.link.isConnected() && serials.length === 2)
  const expected = own.map(({ cert }) => new X509Certificate(cert).serialNumber)
  expect(serials).toEqual(expected)
})
