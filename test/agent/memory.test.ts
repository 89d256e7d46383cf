import { describe, expect, test } from 'vitest'
import {
  backOffMs,
  emptyMemory,
  forgetFailures,
  rememberLook,
  rememberResults,
  startAllowedAt,
} from '../../agent/reconcile/memory.ts'
import type { Operation } from '../../agent/reconcile/operation.ts'
import { assignment, container, observing, serviceModel } from '../support/builders.ts'

const deployment = assignment(serviceModel({ web: {} }))
const start: Operation = { kind: 'start-container', target: 'web', service: 'web', id: 'w', cause: 'test' }
const failure = { code: 'engine-error' as const, message: 'no' }

test('pauses double from one second to a minute', () => {
  expect([1, 2, 3, 6, 7, 50].map(backOffMs)).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000])
})

describe('the results of a turn', () => {
  test('a failure is kept with its time, grows, and is forgotten with success', () => {
    const once = rememberResults(emptyMemory(1), [{ operation: start, failure }], 100)
    expect(once.failures).toEqual({
      'start-container web': { reason: failure, attempts: 1, retryAt: 1_100, operationId: 'w' },
    })
    const twice = rememberResults(once, [{ operation: start, failure }], 2_000)
    expect(twice.failures['start-container web']).toMatchObject({ attempts: 2, retryAt: 4_000 })
    expect(rememberResults(twice, [{ operation: start }], 5_000).failures).toEqual({})
    expect(forgetFailures(twice).failures).toEqual({})
  })

  test('a start is counted, and forgiven after two good minutes', () => {
    const first = rememberResults(emptyMemory(1), [{ operation: start }], 0)
    const second = rememberResults(first, [{ operation: start }], 120_000)
    expect(second.starts.w).toEqual({ count: 2, at: 120_000 })
    expect(rememberResults(second, [{ operation: start }], 240_001).starts.w).toEqual({ count: 1, at: 240_001 })
  })

  test('what was started counts as seen running, so that an exit before the next look is judged', () => {
    expect(rememberResults(emptyMemory(1), [{ operation: start }], 0).seenRunning).toEqual({ w: 0 })
    expect(rememberResults(emptyMemory(1), [{ operation: start, failure }], 0).seenRunning).toEqual({})
  })

  test('the memory that came in is not changed', () => {
    const memory = Object.freeze({ ...emptyMemory(1), failures: Object.freeze({}), starts: Object.freeze({}) })
    rememberResults(memory, [{ operation: start, failure }], 0)
    expect(memory).toEqual(emptyMemory(1))
  })
})

describe('a look', () => {
  const web = container(deployment, 'web', { restarts: 4 })
  test('remembers what runs with its restarts then', () => {
    const first = rememberLook(emptyMemory(1), observing(deployment.compose, [web]), 0)
    expect(first.seenRunning).toEqual({ [web.id]: 4 })
    const more = { ...web, details: web.details && { ...web.details, restarts: 5 } }
    expect(rememberLook(first, observing(deployment.compose, [more]), 0).seenRunning).toEqual({ [web.id]: 4 })
  })

  test('forgets what is gone', () => {
    const memory = { ...emptyMemory(1), seenRunning: { gone: 1 }, starts: { gone: { count: 1, at: 0 } } }
    expect(rememberLook(memory, observing(deployment.compose), 0)).toEqual(emptyMemory(1))
  })
})

test('a container that ended is started at once, then after growing pauses', () => {
  expect(startAllowedAt(emptyMemory(1), 'w', 500)).toBe(0)
  const memory = (count: number) => ({ ...emptyMemory(1), starts: { w: { count, at: 1_000 } } })
  expect(startAllowedAt(memory(1), 'w', 1_500)).toBe(2_000)
  expect(startAllowedAt(memory(3), 'w', 1_500)).toBe(5_000)
  expect(startAllowedAt(memory(3), 'w', 121_001)).toBe(0)
})
