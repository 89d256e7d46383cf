import { expect, test } from 'vitest'
import { ageMs, type Clocks, correctedAt, isStep, noteClock, type Stamp } from '../../src/outbox/stamp.ts'

const hourMs = 3_600_000
const realMs = 1_800_000_000_000
const stamp = (atMs: number, monotonicMs: number, boot = 'one'): Stamp => ({ atMs, monotonicMs, boot })

test('a message from before the clock was set is corrected, also in a later boot', () => {
  const inThePast = stamp(5_000, 5_000)
  const set = stamp(realMs + hourMs, hourMs)
  expect(isStep(noteClock({}, inThePast), set)).toBe(true)
  const clocks = noteClock(noteClock({}, inThePast), set)
  expect(correctedAt(inThePast, clocks)).toBe(realMs + 5_000)
  expect(correctedAt(inThePast, noteClock(clocks, stamp(realMs + 2 * hourMs, 10, 'two')))).toBe(realMs + 5_000)
})

test('a clock that is slewed, or of a boot that nothing is known of, changes nothing', () => {
  const clocks = noteClock({}, stamp(realMs + 3_000, 0))
  expect(correctedAt(stamp(realMs, 0), clocks)).toBe(realMs)
  expect(isStep(clocks, stamp(realMs + hourMs, hourMs))).toBe(false)
  expect(correctedAt(stamp(realMs, 0, 'unknown'), clocks)).toBe(realMs)
})

test('the few newest boots are remembered', () => {
  let clocks: Clocks = {}
  for (let boot = 0; boot < 20; boot += 1) clocks = noteClock(clocks, stamp(realMs, 0, `boot-${boot}`))
  expect(Object.keys(clocks)).toEqual([12, 13, 14, 15, 16, 17, 18, 19].map((boot) => `boot-${boot}`))
})

test.each([
  ['goes on', realMs + hourMs],
  ['is at 0', 0],
  ['is in 2106', 4_294_967_295_000],
  ['jumped back 10 years', realMs - 315_360_000_000],
])('within a boot the age is that of the steady clock, when the clock on the wall %s', (_name, nowMs) => {
  const now = stamp(nowMs, 1_000 + hourMs)
  expect(ageMs(stamp(realMs, 1_000), now, noteClock({}, now), 0)).toBe(hourMs)
})

test.each([
  ['goes on', realMs, realMs + hourMs, hourMs],
  ['was not set then', 1_000, realMs, 40],
  ['is at 0', realMs, 0, 40],
  ['is in 2106', realMs, 4_294_967_295_000, 40],
  ['jumped back 10 years', realMs, realMs - 315_360_000_000, 40],
])('across boots a message is never taken for older than it can be, when the clock %s', (_name, atMs, nowMs, age) => {
  expect(ageMs(stamp(atMs, 9_999_999, 'before'), stamp(nowMs, 140), {}, 100)).toBe(age)
})
