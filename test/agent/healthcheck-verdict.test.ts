import { expect, test } from 'vitest'
import { toHealthcheck } from '../../agent/engine/docker-checks.ts'
import { firstVerdict, judgeCheck, pauseMs, type Verdict } from '../../agent/engine/healthcheck-verdict.ts'

const check = { retries: 3, startPeriodMs: 10_000, intervalMs: 30_000, startIntervalMs: 1_000 }
const early = 5_000
const late = 20_000
const starting = (failures: number): Verdict => ({ health: 'starting', failures })
const healthy = (failures: number): Verdict => ({ health: 'healthy', failures })
const unhealthy = (failures: number): Verdict => ({ health: 'unhealthy', failures })

test.each<[what: string, before: Verdict, hasPassed: boolean, sinceStartMs: number, after: Verdict]>([
  ['one success is enough', firstVerdict, true, late, healthy(0)],
  ['a success ends the start period', firstVerdict, true, early, healthy(0)],
  ['a failure in the start period does not count', firstVerdict, false, early, starting(0)],
  ['the start period ends at its end', firstVerdict, false, 10_000, starting(1)],
  ['a failure after it counts', firstVerdict, false, late, starting(1)],
  ['as many as retries are unhealthy, from starting', starting(2), false, late, unhealthy(3)],
  ['once healthy, failures in the start period count', healthy(0), false, early, healthy(1)],
  ['fewer than retries are borne', healthy(1), false, late, healthy(2)],
  ['as many as retries are unhealthy', healthy(2), false, late, unhealthy(3)],
  ['a success in between begins the count anew', healthy(2), true, late, healthy(0)],
  ['what is unhealthy stays so', unhealthy(3), false, late, unhealthy(4)],
  ['one success makes it healthy again', unhealthy(9), true, late, healthy(0)],
])('%s', (_, before, hasPassed, sinceStartMs, after) => {
  expect(judgeCheck(before, check, { hasPassed, sinceStartMs })).toEqual(after)
})

test('the pause is the short one only in the start period, and until a check passed', () => {
  expect(pauseMs(firstVerdict, check, early)).toBe(1_000)
  expect(pauseMs(firstVerdict, check, late)).toBe(30_000)
  expect(pauseMs(healthy(0), check, early)).toBe(30_000)
})

test.each([
  ['none', undefined, undefined],
  ['switched off', { Test: ['NONE'] }, undefined],
  ['that of the image, which has none', { Test: [] }, undefined],
  ['a command without words', { Test: ['CMD'] }, undefined],
])('a container without a healthcheck: %s', (_, config, expected) => {
  expect(toHealthcheck(config)).toBe(expected)
})

test('a healthcheck of the engine, with the defaults of Docker', () => {
  expect(toHealthcheck({ Test: ['CMD', 'true', 'x y'] })).toEqual({
    command: ['true', 'x y'],
    intervalMs: 30_000,
    timeoutMs: 30_000,
    retries: 3,
    startPeriodMs: 0,
    startIntervalMs: 30_000,
  })
  const times = { Interval: 1e9, Timeout: 2e9, StartPeriod: 3e9, StartInterval: 5e8, Retries: 7 }
  expect(toHealthcheck({ Test: ['CMD-SHELL', 'a && b'], ...times })).toEqual({
    command: ['/bin/sh', '-c', 'a && b'],
    intervalMs: 1_000,
    timeoutMs: 2_000,
    retries: 7,
    startPeriodMs: 3_000,
    startIntervalMs: 500,
  })
})
