import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDeduplicator } from '../../src/fleet/deduplicate.ts'
import type { MessageClass } from '../../src/protocol/queued.ts'

const event = (seq: number, epoch = 7) => ({ class: 'event' as const, epoch, seq })

test('a message is new once, whatever comes again, later or earlier', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          device: fc.constantFrom('a', 'b'),
          class: fc.constantFrom<MessageClass>('event', 'telemetry'),
          epoch: fc.constantFrom(7, 8),
          seq: fc.integer({ min: 1, max: 900 }),
        }),
        { maxLength: 200 },
      ),
      (messages) => {
        const { isNew } = createDeduplicator()
        const seen = new Set<string>()
        for (const message of messages) {
          const key = JSON.stringify(message)
          expect(isNew(message.device, message)).toBe(!seen.has(key))
          seen.add(key)
        }
      },
    ),
  )
})

test('over a long run, with gaps and everything in flight sent again from time to time', () => {
  const { isNew } = createDeduplicator()
  const seen = new Set<number>()
  for (let seq = 1; seq < 100_000; seq += seq % 7 === 0 ? 3 : 1) {
    expect(isNew('a', event(seq))).toBe(true)
    seen.add(seq)
    if (seq % 501 === 0)
      for (let again = Math.max(1, seq - 64); again <= seq; again += 1)
        if (seen.has(again)) expect(isNew('a', event(again))).toBe(false)
  }
  // A gap longer than what is remembered.
  expect(isNew('a', event(500_000))).toBe(true)
  expect(isNew('a', event(499_999))).toBe(true)
  expect(isNew('a', event(499_999))).toBe(false)
  expect(isNew('a', event(5))).toBe(false)
})

test('memory is bounded: what is heard of longest ago is forgotten, and then is new again', () => {
  const { isNew } = createDeduplicator({ mostStreams: 3 })
  for (const device of ['a', 'b', 'c']) expect(isNew(device, event(1))).toBe(true)
  expect(isNew('a', event(1))).toBe(false)
  expect(isNew('d', event(1))).toBe(true)
  expect(isNew('a', event(1))).toBe(false)
  expect(isNew('b', event(1))).toBe(true)
})
