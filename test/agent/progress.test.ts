import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createProgress } from '../../agent/reconcile/progress.ts'
import type { Progress } from '../../src/protocol/progress.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('at most one message a second tells everything that happened in it', () => {
  const sent: Progress[] = []
  const progress = createProgress({
    publish: async (_app, message) => void sent.push(message),
    pulls: () => [{ image: 'a', currentBytes: 1, totalBytes: 2 }],
    generation: () => 7,
    nowMs: () => 1,
  })
  for (let count = 0; count < 50; count += 1) progress.touch('shop')
  progress.done('shop', ['start-container a'])
  vi.advanceTimersByTime(999)
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual([
    {
      schema: 1,
      at: 1,
      generation: 7,
      pulls: [{ image: 'a', currentBytes: 1, totalBytes: 2 }],
      operations: ['start-container a'],
    },
  ])
  vi.advanceTimersByTime(10_000)
  expect(sent).toHaveLength(1)
  progress.touch('shop')
  progress.stop()
  vi.advanceTimersByTime(10_000)
  expect(sent).toHaveLength(1)
})
