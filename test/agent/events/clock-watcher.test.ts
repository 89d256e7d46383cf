import { expect, onTestFinished, test, vi } from 'vitest'
import { createClockWatcher } from '../../../agent/events/clock-watcher.ts'

test('a clock that is set is told once with how far, one that is slewed is not', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const [clock, told] = [{ now: 0, steady: 0 }, [] as number[]]
  const watcher = createClockWatcher({
    nowMs: () => clock.now,
    monotonicMs: () => clock.steady,
    onSet: (byMs) => told.push(byMs),
  })
  watcher.start()
  onTestFinished(watcher.stop)
  const pass = (stepMs: number): void => {
    clock.steady += 10_000
    clock.now += 10_000 + stepMs
    vi.advanceTimersByTime(10_000)
  }
  pass(0)
  pass(9_000)
  pass(9_000)
  expect(told).toEqual([])
  pass(1_800_000_000_000)
  pass(0)
  pass(-86_400_000)
  expect(told).toEqual([1_800_000_000_000, -86_400_000])
})
