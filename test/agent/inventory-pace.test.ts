import { expect, onTestFinished, test, vi } from 'vitest'
import { createInventoryPacer, fullPace, nextPublication } from '../../agent/inventory-pace.ts'

/** When each publication comes, of changes at these times, all of which were waited for. */
const publish = (changesMs: readonly number[]): number[] => {
  let pace = fullPace
  return changesMs.map((changeMs) => {
    const next = nextPublication(pace, Math.max(changeMs, pace.atMs))
    pace = next.pace
    return pace.atMs
  })
}

test('a change is published within a quarter of a second, also the twentieth', () => {
  const changes = Array.from({ length: 20 }, (_, index) => index * 1_000)
  expect(publish(changes)).toEqual(changes.map((ms) => ms + 250))
})

test('what comes and goes without end is published every ten seconds, and at once again after a rest', () => {
  const published = publish(Array.from({ length: 60 }, (_, index) => index * 500))
  const pauses = published.slice(-10).map((ms, index, all) => ms - (all[index - 1] ?? ms - 10_000))
  expect(pauses.map(Math.round)).toEqual(Array.from({ length: 10 }, () => 10_000))
  const last = published.at(-1) ?? 0
  expect(publish([...Array.from({ length: 60 }, (_, index) => index * 500), last + 60_000]).at(-1)).toBe(last + 60_250)
})

test('all that changes before it is due is one publication, and none comes after the end', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let published = 0
  const pacer = createInventoryPacer({ publish: () => (published += 1), monotonicMs: () => Date.now() })
  for (let port = 0; port < 64; port += 1) pacer.soon()
  vi.advanceTimersByTime(250)
  expect(published).toBe(1)
  pacer.soon()
  pacer.stop()
  vi.advanceTimersByTime(60_000)
  expect(published).toBe(1)
})
