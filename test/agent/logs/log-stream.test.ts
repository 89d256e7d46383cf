/** One stream against a reader that is played: a clock that is set, a link that loses what it is told to. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LogFrame } from '../../../agent/engine/engine.ts'
import { createInterleaver } from '../../../agent/logs/interleave.ts'
import { createLogStream } from '../../../agent/logs/log-stream.ts'
import { type LogChunk, silenceMs } from '../../../src/protocol/log.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const line = (text: string): LogFrame => ({ stream: 'stdout', time: '', bytes: Buffer.from(text) })

const startStream = (bytes: number, firstWindow = 32_768) => {
  let taken = 0
  async function* frames(): AsyncGenerator<LogFrame[]> {
    for (; taken < bytes; taken += 1_000) yield [line(`${'x'.repeat(999)}\n`)]
  }
  const lines = createInterleaver(Number.POSITIVE_INFINITY, () => performance.now())
  lines.add({ name: 'web-1', frames: frames() })
  lines.close()
  const sent: LogChunk[] = []
  const stream = createLogStream({
    id: 'c1',
    lines,
    filter: undefined,
    hasTimes: false,
    firstWindow,
    windowLimit: () => 1_000_000,
    chunkBytes: 4_000,
    publish: async (payload) => void sent.push(JSON.parse(payload.toString())),
    spend: () => undefined,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
  })
  const credit = (received: number, more: object = {}): void =>
    stream.credit({ schema: 1, at: 0, received, window: 32_768, ...more })
  return { sent, credit, ended: stream.run(), taken: () => taken, stream }
}

test('without credit it sends a window, reads on no further, and ends after the time of silence', async () => {
  const { sent, ended, taken } = startStream(1_000_000)
  await vi.advanceTimersByTimeAsync(1_000)
  const bytes = sent.reduce((sum, chunk) => sum + JSON.stringify(chunk).length, 0)
  expect(bytes).toBeLessThan(40_000)
  const before = taken()
  expect(before).toBeLessThan(60_000)
  await vi.advanceTimersByTimeAsync(silenceMs)
  expect(taken()).toBe(before)
  expect(await ended).toMatchObject({ outcome: 'failed', reason: { code: 'reader-too-slow' } })
})

test('a reader that asks for more at first than anybody may have gets no more than that', async () => {
  const { sent, credit } = startStream(5_000_000, Number.MAX_SAFE_INTEGER)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sent.reduce((sum, chunk) => sum + JSON.stringify(chunk).length, 0)).toBeLessThan(1_010_000)
  credit(1, { stop: true })
})

test('what is asked for again is sent again, and nothing of what was acknowledged', async () => {
  const { sent, credit } = startStream(10_000)
  await vi.advanceTimersByTimeAsync(500)
  expect(sent.map(({ n }) => n)).toEqual([1, 2, 3, 4])
  credit(1, { again: true })
  await vi.advanceTimersByTimeAsync(0)
  expect(sent.map(({ n }) => n)).toEqual([1, 2, 3, 4, 2, 3, 4])
  expect(sent[4]).toEqual(sent[1])
})

test('it ends when the last chunk is acknowledged, and says how much there was', async () => {
  const { sent, credit, ended } = startStream(10_000)
  await vi.advanceTimersByTimeAsync(500)
  expect(sent.at(-1)).toMatchObject({ n: 4, end: true })
  credit(4)
  expect(await ended).toMatchObject({ outcome: 'done', result: { chunks: 4 } })
})

test('a reader that may have missed the last chunk is told its number', async () => {
  const { sent, credit } = startStream(1_000)
  await vi.advanceTimersByTimeAsync(6_000)
  expect(sent.at(-1)).toMatchObject({ n: 1, beat: true, entries: [] })
  credit(1, { stop: true })
})

test('a reader that has seen enough ends it', async () => {
  const { credit, ended } = startStream(1_000_000)
  await vi.advanceTimersByTimeAsync(100)
  credit(1, { stop: true })
  expect(await ended).toMatchObject({ outcome: 'done' })
})
