import { expect, test } from 'vitest'
import { createLinkHistory } from '../../agent/link-history.ts'

test('since when the link is as it is goes by the clock as it was set, and how long it was down by one that never jumps', () => {
  let [wall, steady] = [1_000, 0]
  const history = createLinkHistory(
    () => wall,
    () => steady,
  )
  history.shiftClock(5)
  expect(history.change()).toEqual({})
  history.down({ code: 'broker-unreachable', message: 'm' })
  ;[wall, steady] = [1_700_000_000_000, 2_000]
  history.shiftClock(1_699_999_998_000)
  history.down({ code: 'broker-refused', message: 'n' })
  expect(history.change()).toEqual({
    since: 1_699_999_999_000,
    reason: { code: 'broker-refused', message: 'n' },
  })
  expect(history.up()).toBe(2_000)
  expect(history.change()).toEqual({ since: wall })
})
