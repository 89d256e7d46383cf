import { expect, onTestFinished, test, vi } from 'vitest'
import { createAppLooks } from '../../agent/app-look-pace.ts'

test('an app is looked at at once, also beside one whose adapter comes and goes without end, which is not', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const counts = new Map<string, number>()
  const looks = createAppLooks({
    look: (app) => void counts.set(app, (counts.get(app) ?? 0) + 1),
    monotonicMs: () => Date.now(),
  })
  onTestFinished(looks.stop)
  looks.soon(['flapping', 'other'])
  vi.advanceTimersByTime(1)
  expect(Object.fromEntries(counts)).toEqual({ flapping: 1, other: 1 })
  for (let time = 0; time < 1_200; time += 1) {
    looks.soon(['flapping'])
    vi.advanceTimersByTime(50)
  }
  looks.soon(['other'])
  vi.advanceTimersByTime(1)
  expect(counts.get('other')).toBe(2)
  // In a minute: twenty, and then one in ten seconds.
  expect(counts.get('flapping')).toBeLessThanOrEqual(27)
  vi.advanceTimersByTime(10_000)
  const last = counts.get('flapping')
  looks.stop()
  looks.soon(['flapping'])
  looks.stop()
  vi.advanceTimersByTime(60_000)
  expect(counts.get('flapping')).toBe(last)
})
