import { expect, test } from 'vitest'
import type { AgentEvent } from '../../../agent/events/agent-event.ts'
import { dueEvents, judgeEvent, noEventLimits } from '../../../agent/events/event-limiter.ts'

const ended = (exitCode: number, service = 'web'): AgentEvent => ({
  kind: 'service-ended',
  app: 'shop',
  service,
  exitCode,
})

/** Each event at its ms: what was told, with how many left out before it. */
const judge = (events: readonly (readonly [AgentEvent, number])[]) => {
  let limits = noEventLimits
  const told: string[] = []
  for (const [event, atMs] of events) {
    const judged = judgeEvent(limits, event, atMs)
    limits = judged.limits
    if (judged.told) told.push(`${judged.told.event.service} ${judged.told.event.exitCode} +${judged.told.leftOut}`)
  }
  return { limits, told }
}

test('five at once, then one a minute with the number of those left out', () => {
  const { told } = judge([...Array.from({ length: 8 }, (_, n) => [ended(n), 0] as const), [ended(8), 60_000]])
  expect(told).toEqual(['web 0 +0', 'web 1 +0', 'web 2 +0', 'web 3 +0', 'web 4 +0', 'web 8 +3'])
})

test('one service does not silence another', () => {
  const { told } = judge([...Array.from({ length: 8 }, (_, n) => [ended(n), 0] as const), [ended(1, 'db'), 0]])
  expect(told.at(-1)).toBe('db 1 +0')
})

test('the last word of a source that fell silent is told when there is room', () => {
  const { limits } = judge(Array.from({ length: 8 }, (_, n) => [ended(n), 0] as const))
  expect(dueEvents(limits, 59_999).told).toEqual([])
  const due = dueEvents(limits, 60_000)
  expect(due.told).toEqual([{ event: ended(7), leftOut: 2 }])
  expect(dueEvents(due.limits, 600_000).told).toEqual([])
})

test('what deployments come to is never left out', () => {
  let limits = noEventLimits
  for (let n = 0; n < 100; n += 1) {
    const judged = judgeEvent(limits, { kind: 'deployment-failed', app: 'shop' }, 0)
    expect(judged.told).toBeDefined()
    limits = judged.limits
  }
})

test('a thousand sources do not stay in memory for ever', () => {
  let limits = noEventLimits
  for (let n = 0; n < 5_000; n += 1) limits = judgeEvent(limits, ended(0, `s${n}`), n * 60_000).limits
  expect(limits.size).toBeLessThan(600)
})

test('a port that comes and goes is told of no more than a service, and silences no other port', () => {
  const plugged = (name: string): AgentEvent => ({ kind: 'device-plugged', hardware: { class: 'serial', name } })
  let limits = noEventLimits
  const told: string[] = []
  for (const name of [...Array.from({ length: 8 }, () => 'ttyUSB0'), 'ttyUSB1']) {
    const judged = judgeEvent(limits, plugged(name), 0)
    limits = judged.limits
    if (judged.told) told.push(name)
  }
  expect(told).toEqual([...Array.from({ length: 5 }, () => 'ttyUSB0'), 'ttyUSB1'])
})
