import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketWaitMs, chooseVictim, fillBucket } from '../../src/outbox/choose.ts'
import { addDrop } from '../../src/outbox/drops.ts'
import { defaultLimits } from '../../src/outbox/limits.ts'
import { messageClasses } from '../../src/protocol/queued.ts'

const limits = { capBytes: 1_000, classes: defaultLimits.classes }

test('the shares are all of the cap, so that somebody always has more than theirs', () => {
  const sum = messageClasses.reduce((total, one) => total + limits.classes[one].share, 0)
  expect(sum).toBeCloseTo(1, 10)
  fc.assert(
    fc.property(fc.nat(2_000), fc.nat(2_000), fc.nat(2_000), fc.nat(2_000), (alarm, reply, event, telemetry) => {
      const bytes = { alarm, reply, event, telemetry }
      const victim = chooseVictim(bytes, limits)
      if (alarm + reply + event + telemetry <= 1_000) expect(victim).toBeUndefined()
      else expect(bytes[victim ?? 'alarm']).toBeGreaterThan(limits.classes[victim ?? 'alarm'].share * 1_000)
    }),
  )
})

test.each([
  ['nothing goes within the cap', { alarm: 0, reply: 0, event: 0, telemetry: 1_000 }, undefined],
  ['telemetry goes first', { alarm: 900, reply: 0, event: 300, telemetry: 501 }, 'telemetry'],
  [
    'a flood of alarms takes nothing from the share of others',
    { alarm: 500, reply: 0, event: 300, telemetry: 500 },
    'alarm',
  ],
  ['events give way before replies', { alarm: 0, reply: 400, event: 400, telemetry: 500 }, 'event'],
])('%s', (_name, bytes, victim) => {
  expect(chooseVictim(bytes, limits)).toBe(victim)
})

test('so many a second, however they come', () => {
  let bucket = { tokens: 0, filledMs: 0 }
  let sent = 0
  for (let nowMs = 0; nowMs < 10_000; ) {
    bucket = fillBucket(bucket, 50, nowMs)
    const waitMs = bucketWaitMs(bucket, 50)
    if (waitMs === 0) {
      bucket = { ...bucket, tokens: bucket.tokens - 1 }
      sent += 1
    }
    nowMs += waitMs
  }
  expect(sent).toBeGreaterThan(470)
  expect(sent).toBeLessThanOrEqual(505)
})

test('drops of one kind become one range', () => {
  const drop = (from: number, to: number, reason: 'full' | 'expired') =>
    ({ class: 'telemetry', epoch: 7, from, to, count: to - from + 1, reason }) as const
  const drops = [drop(1, 5, 'full'), drop(6, 9, 'full'), drop(10, 10, 'expired')].reduce(addDrop, [])
  expect(drops).toEqual([drop(1, 9, 'full'), drop(10, 10, 'expired')])
})
