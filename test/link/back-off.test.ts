import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backOffDelayMs } from '../../src/link/back-off.ts'

test('a delay lies between 0 and the doubled base, never above the cap', () => {
  fc.assert(
    fc.property(
      fc.record({ baseMs: fc.integer({ min: 1, max: 10_000 }), capMs: fc.integer({ min: 1, max: 600_000 }) }),
      fc.integer({ min: 1, max: 10_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (backOff, attempt, random) => {
        const delayMs = backOffDelayMs(backOff, attempt, random)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(Math.min(backOff.capMs, backOff.baseMs * 2 ** Math.min(attempt, 20)))
      },
    ),
  )
})

test('the jitter is full: the delay is in proportion to the random number', () => {
  const backOff = { baseMs: 100, capMs: 1_000 }
  expect([0, 0.5, 0.999].map((random) => backOffDelayMs(backOff, 1, random))).toEqual([0, 100, 200])
  expect([1, 2, 3, 4, 50].map((attempt) => backOffDelayMs(backOff, attempt, 0.5))).toEqual([100, 200, 400, 500, 500])
})
