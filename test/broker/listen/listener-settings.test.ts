import { expect, test } from 'vitest'
import { settingsOf } from '../../../broker/config.ts'
import { certificateUser } from '../../../broker/listen/certificate-user.ts'
import { isReadable, type ListenerSettings, resolveListeners } from '../../../broker/listen/listener-settings.ts'

const host = '192.168.1.5'
const tls = { cert: 'c', key: 'k', userFrom: 'cn' as const }
const mutual = { ...tls, clientCa: 'ca' }

const resolve = (listener: ListenerSettings, hasUsers = false) => resolveListeners([listener], { hasUsers })[0]

test.each([
  ['tcp on loopback', { type: 'tcp', host: '127.0.0.1', port: 1 }, false, ['anonymous']],
  ['tcp on loopback, with users', { type: 'tcp', host: '::1', port: 1 }, true, ['password']],
  ['a socket', { type: 'unix', path: '/run/x' }, false, ['anonymous']],
  ['tls with an authority', { type: 'tls', host, port: 1, tls: mutual }, false, ['certificate']],
  ['tls with both', { type: 'wss', host, port: 1, tls: mutual, allowedOrigins: [] }, true, ['certificate', 'password']],
  ['tls with users', { type: 'tls', host, port: 1, tls }, true, ['password']],
] satisfies [string, ListenerSettings, boolean, string[]][])(
  '%s lets in by what there are the means for',
  (_what, listener, hasUsers, expected) => {
    expect(resolve(listener, hasUsers)?.authentication).toEqual(expected)
  },
)

test.each([
  ['tcp', { type: 'tcp', host, port: 1883 }, false],
  ['every address', { type: 'tcp', host: '0.0.0.0', port: 1883 }, false],
  ['every address of IPv6', { type: 'ws', host: '::', port: 1883, allowedOrigins: [] }, false],
  ['tls', { type: 'tls', host, port: 8883, tls }, false],
  ['anonymous beside passwords', { type: 'tcp', host, port: 1883, authentication: ['anonymous', 'password'] }, true],
] satisfies [string, ListenerSettings, boolean][])(
  'beyond loopback nobody is let in without a name: %s',
  (_what, listener, hasUsers) => {
    expect(() => resolve(listener, hasUsers)).toThrow(expect.objectContaining({ code: 'anonymous-exposed' }))
  },
)

test.each([
  ['passwords without users', { type: 'tcp', host, port: 1, authentication: ['password'] }, /need the setting users/],
  [
    'certificates without TLS',
    { type: 'tcp', host, port: 1, authentication: ['certificate'] },
    /need tls with clientCa/,
  ],
  [
    'an authority that is not asked',
    { type: 'tls', host, port: 1, tls: mutual, authentication: ['anonymous'] },
    /no use/,
  ],
] satisfies [string, ListenerSettings, RegExp][])('%s are refused', (_what, listener, message) => {
  expect(() => resolve(listener)).toThrow(message)
})

test('passwords that others on the network could read are known', () => {
  const readable = (listener: ListenerSettings) => isReadable(resolve(listener, true) as never)
  expect(readable({ type: 'tcp', host, port: 1 })).toBe(true)
  expect(readable({ type: 'tls', host, port: 1, tls })).toBe(false)
  expect(readable({ type: 'tcp', host: '127.0.0.1', port: 1 })).toBe(false)
})

test('host and port are the short way to a listener, not one beside others', () => {
  expect(settingsOf({}).listeners).toEqual([{ type: 'tcp', host: '127.0.0.1', port: 1883 }])
  expect(settingsOf({ port: 5, wsPort: 6, allowedOrigins: ['http://a'] }).listeners).toEqual([
    { type: 'tcp', host: '127.0.0.1', port: 5 },
    { type: 'ws', host: '127.0.0.1', port: 6, allowedOrigins: ['http://a'] },
  ])
  expect(() => settingsOf({ port: 5, listeners: [{ type: 'unix', path: '/x' }] })).toThrow(/in place of port/)
})

test.each([
  ['cn', { CN: 'gw-17' }, 'DNS:other', 'gw-17'],
  ['cn', { CN: ['gw-17', 'gw-18'] }, '', undefined],
  ['cn', { CN: '' }, '', undefined],
  ['cn', undefined, '', undefined],
  ['uri', { CN: 'gw-17' }, 'DNS:gw-17, URI:spiffe://site/gw-17, IP Address:127.0.0.1', 'spiffe://site/gw-17'],
  ['uri', { CN: 'gw-17' }, 'DNS:gw-17', undefined],
  ['uri', { CN: 'gw-17' }, 'URI:urn:a, URI:urn:b', undefined],
  // What one who may choose his own name could write into it.
  ['uri', { CN: 'x' }, 'DNS:"x, URI:spiffe://site/gw-17"', undefined],
  ['uri', { CN: 'x' }, 'URI:"urn:a, URI:urn:b"', 'urn:a, URI:urn:b'],
] as const)('the user of a certificate, by %s of %j %s: %s', (from, subject, subjectaltname, expected) => {
  expect(certificateUser({ subject: subject as never, subjectaltname }, from)).toBe(expected)
})
