import { expect, test } from 'vitest'
import { createLogOrder, nextWindow } from '../../src/fleet/log-order.ts'
import { type LogChunk, leastWindow, mostWindow } from '../../src/protocol/log.ts'

const chunk = (n: number, more: object = {}): LogChunk => ({ schema: 1, at: 0, id: 'x', n, entries: [], ...more })

test('chunks come in order and once, and what is missing is noticed, also the last', () => {
  const order = createLogOrder()
  const read: number[] = []
  const drain = (): void => {
    for (let found = order.next(); found !== undefined; found = order.next()) read.push(found.chunk.n)
  }
  expect(order.take(chunk(1), 1)).toBe(false)
  drain()
  expect(order.take(chunk(3), 1)).toBe(true)
  drain()
  expect(read).toEqual([1])
  expect([order.take(chunk(2), 1), order.take(chunk(3), 1), order.take(chunk(1), 1)]).toEqual([false, false, false])
  drain()
  expect(read).toEqual([1, 2, 3])
  expect(order.take(chunk(3, { beat: true }), 1)).toBe(false)
  expect(order.take(chunk(4, { beat: true }), 1)).toBe(true)
  drain()
  expect(read).toEqual([1, 2, 3])
})

test('the window is what a second brings, within bounds', () => {
  expect(nextWindow(100_000, 500)).toBe(200_000)
  expect(nextWindow(2_000, 1_000)).toBe(leastWindow)
  expect(nextWindow(100_000, 0)).toBe(mostWindow)
})
