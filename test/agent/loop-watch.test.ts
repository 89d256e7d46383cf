import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { watchLoop } from '../../agent/loop-watch.ts'

const open = (readStallMs?: () => number) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const [log, clock] = [[] as { stallMs: number }[], { now: 0 }]
  const watch = watchLoop({
    monotonicMs: () => clock.now,
    ...(readStallMs === undefined ? {} : { readStallMs }),
    log: pino({ level: 'warn' }, { write: (line: string) => void log.push(JSON.parse(line)) }),
  })
  onTestFinished(watch.stop)
  const pass = (): void => {
    clock.now += 10_000
    vi.advanceTimersByTime(10_000)
  }
  return { log, pass, watch }
}

test('a stall of more than 250 ms is told with its length, once a minute at most', () => {
  let stallMs = 250
  const { log, pass, watch } = open(() => stallMs)
  pass()
  expect(log).toEqual([])
  stallMs = 251
  for (let count = 0; count < 6; count += 1) pass()
  expect(log).toMatchObject([{ stallMs: 251 }])
  stallMs = 900
  pass()
  expect(log).toMatchObject([{ stallMs: 251 }, { stallMs: 900 }])
  expect(watch.longestMs()).toBe(900)
})

test('a process that is busy is one that stalls', async () => {
  const { log, pass } = open()
  await new Promise((resolve) => setTimeout(resolve, 250))
  const until = performance.now() + 500
  while (performance.now() < until) {
    // busy
  }
  await new Promise((resolve) => setTimeout(resolve, 150))
  pass()
  expect(log).toHaveLength(1)
  expect(log[0]?.stallMs).toBeGreaterThan(380)
})
