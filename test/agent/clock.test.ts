import { expect, test } from 'vitest'
import { believedMs } from '../../agent/reconcile/clock.ts'

const built = Date.UTC(2026, 10, 1)
const issued = Date.UTC(2026, 11, 1)

test.each([
  ['set', issued + 5, [issued], issued + 5],
  ['at 0', 0, [issued], issued],
  ['at 0, before anything was deployed', 0, [], built],
  ['back by 10 years', Date.UTC(2016, 11, 1), [issued], issued],
  ['in 2106', Date.UTC(2106, 1, 1), [issued], Date.UTC(2106, 1, 1)],
  ['set, while an operator was in 2106', issued + 5, [Date.UTC(2106, 1, 1)], issued + 5],
])('commands expire by a clock that is %s', (_name, own, known, expected) => {
  expect(believedMs(own, built, known)).toBe(expected)
})
