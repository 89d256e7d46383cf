import { expect, test } from 'vitest'
import { fullPace, nextPublication } from '../../agent/inventory-pace.ts'

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
