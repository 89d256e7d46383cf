import { expect, test } from 'vitest'
import { topicsUnder } from '../../src/protocol/topics.ts'

const { ownTopic } = topicsUnder('new/root')

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
