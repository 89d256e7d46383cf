import { expect, test } from 'vitest'
import { isLoopback, mayPublish, maySubscribe, mayUpgrade } from '../../broker/rules.ts'

test('topics with a leading $ are not for clients to publish', () => {
  expect(mayPublish('longshore/v1/gw-17/status')).toBe(true)
  expect(mayPublish('a/$SYS')).toBe(true)
  expect(mayPublish('$SYS/broker/load')).toBe(false)
  expect(mayPublish('$anything')).toBe(false)
})

test('shared subscriptions are not granted, other filters are', () => {
  expect(maySubscribe('longshore/v1/+/status')).toBe(true)
  expect(maySubscribe('$SYS/#')).toBe(true)
  expect(maySubscribe('$share/readers/longshore/#')).toBe(false)
  expect(maySubscribe('$queue/longshore/#')).toBe(false)
})

test.each([
  ['127.0.0.1', true],
  ['127.8.0.1', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.4', false],
  ['127.example.com', false],
])('only loopback is loopback: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})

test('a web page may connect only if it is on the list; what is no browser may', () => {
  const allowed = ['http://127.0.0.1:8080']
  const ask = (origin: string | undefined, protocols: string | undefined = 'mqtt') =>
    mayUpgrade({ origin, protocols }, allowed)
  expect(ask(undefined)).toEqual({ ok: true })
  expect(ask('http://127.0.0.1:8080')).toEqual({ ok: true })
  expect(ask('http://127.0.0.1:8081')).toMatchObject({ ok: false, status: 403 })
  expect(ask('null')).toMatchObject({ ok: false, status: 403 })
  expect(ask(undefined, 'chat, mqtt')).toEqual({ ok: true })
  expect(ask(undefined, 'chat')).toMatchObject({ ok: false, status: 400 })
  expect(mayUpgrade({ origin: undefined, protocols: undefined }, allowed)).toMatchObject({ ok: false, status: 400 })
})
