import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createLogRing } from '../../agent/log-ring.ts'

test('the last lines are kept, within a bound, and numbered through', () => {
  const ring = createLogRing(() => 7, 1_000)
  const log = pino({ base: null, timestamp: false }, { write: ring.write })
  for (let count = 1; count <= 500; count += 1) log.info(`line ${count}`)
  const lines = ring.lines()
  expect(lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(1_000)
  expect(lines.length).toBeGreaterThan(10)
  expect(lines.map(({ n }) => n)).toEqual(lines.map((_, index) => 500 - lines.length + 1 + index))
  expect(lines.at(-1)).toEqual({ n: 500, at: 7, text: '{"level":30,"msg":"line 500"}' })
})

test('who asks for what came after a line gets that, also when it is gone already', () => {
  const ring = createLogRing(() => 0, 100)
  for (let count = 1; count <= 30; count += 1) ring.write(`${'x'.repeat(9)}\n`)
  expect(ring.lines(28).map(({ n }) => n)).toEqual([29, 30])
  expect(ring.lines(30)).toEqual([])
  expect(ring.lines(2)).toEqual(ring.lines())
})

test('a line that is longer than all the rest is cut and does not empty the ring for ever', () => {
  const ring = createLogRing(() => 0, 10_000)
  ring.write('y'.repeat(1_000_000))
  expect(ring.lines()[0]?.text).toHaveLength(8 * 1024)
  ring.write('after\n')
  expect(ring.lines().at(-1)?.text).toBe('after')
})

test('a listener is told of each line until it goes', () => {
  const ring = createLogRing(() => 0)
  let told = 0
  const leave = ring.onLine(() => {
    told += 1
  })
  ring.write('a\n')
  leave()
  ring.write('b\n')
  expect(told).toBe(1)
})
