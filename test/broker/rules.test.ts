import { expect, test } from 'vitest'
import { isLoopback, judgePublish, judgeSubscribe, mayUpgrade } from '../../broker/rules.ts'

const limits = { maxTopicBytes: 40, maxTopicLevels: 4, maxSubscriptions: 3 }

test.each([
  ['longshore/v1/gw-17/status', undefined],
  ['a/$SYS', undefined],
  ['$SYS/broker/load', 'reservedTopic'],
  ['$anything', 'reservedTopic'],
  ['a/b/c/d/e', 'maxTopicLevels'],
  ['ü'.repeat(21), 'maxTopicBytes'],
])('publishing to %s: %s', (topic, refusal) => {
  expect(judgePublish(topic, limits)?.refusal).toBe(refusal)
})

test.each([
  ['longshore/v1/+/status', 0, undefined],
  ['$SYS/#', 2, undefined],
  ['$share/readers/longshore/#', 0, 'sharedSubscription'],
  ['$queue/longshore/#', 0, 'sharedSubscription'],
  ['one/more', 3, 'maxSubscriptions'],
  ['+/+/+/+/#', 0, 'maxTopicLevels'],
])('subscribing to %s beside %d others: %s', (filter, count, refusal) => {
  expect(judgeSubscribe(filter, count, limits)?.refusal).toBe(refusal)
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
