import { expect, test } from 'vitest'
import { topicsUnder } from '../../src/protocol/topics.ts'

const { certificate, enroll, ownTopic, parse, parseEnroll } = topicsUnder('new/root')

test.each([
  ['longshore/v1/old-id/event', 'new/root/v1/gw-1/event'],
  ['a/b/c/v1/old-id/reply/r1', 'new/root/v1/gw-1/reply/r1'],
  ['new/root/v1/gw-1/event', 'new/root/v1/gw-1/event'],
  ['new/root/v1/gw-1/reply/event', 'new/root/v1/gw-1/reply/event'],
])('what was queued for %s is sent to %s', (queued, sent) => {
  expect(ownTopic('gw-1', queued)).toBe(sent)
})

test.each(['elsewhere', 'longshore/v1/old-id/telemetry/temperature', 'longshore/v2/old-id/event'])(
  'a topic of another shape is as it was: %s',
  (topic) => {
    expect(ownTopic('gw-1', topic)).toBe(topic)
  },
)

test('a request for a certificate is known by its topic', () => {
  expect(parse(certificate('gw-1', 'request'))).toEqual({ kind: 'certificate', device: 'gw-1', way: 'request' })
  expect(parse('new/root/v1/gw-1/certificate/other')).toBeUndefined()
  expect(parseEnroll(enroll('x-1', 'request'))).toBe('x-1')
  for (const topic of [
    enroll('x-1', 'response'),
    `${enroll('x-1', 'request')}/more`,
    'longshore/v1/enroll/x/request',
    'enroll',
  ])
    expect(parseEnroll(topic)).toBeUndefined()
  // No device is called enroll.
  expect(parse(enroll('certificate', 'request'))).toBeUndefined()
})
