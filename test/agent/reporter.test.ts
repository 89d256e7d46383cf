import { expect, onTestFinished, test, vi } from 'vitest'
import type { ReportBody } from '../../agent/reconcile/report.ts'
import { createReporter } from '../../agent/reconcile/reporter.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { Reported } from '../../src/protocol/reported.ts'
import { eventually } from '../support/eventually.ts'

const body = (phase: ReportBody['phase'], app = 'shop'): ReportBody => ({
  app,
  generation: 1,
  release: null,
  phase,
  running: null,
  services: {},
})

/** A reporter whose publishes stay open until they are let go. */
const open = () => {
  const sent: { app: string; message: Reported | undefined }[] = []
  const pending: { resolve: () => void; reject: (error: Error) => void }[] = []
  const clock = { now: 100 }
  const reporter = createReporter({
    publish: (app, message) => {
      sent.push({ app, message })
      return new Promise((resolve, reject) => {
        pending.push({ resolve, reject })
      })
    },
    session: () => 7,
    nowMs: () => clock.now,
  })
  const answer = async (error?: Error): Promise<void> => {
    const next = await eventually('a publish', () => pending.shift())
    if (error === undefined) next.resolve()
    else next.reject(error)
    await new Promise(setImmediate)
  }
  const phases = () => sent.map(({ message }) => message?.phase)
  return { reporter, sent, phases, answer, clock }
}

test('a report carries the time, the session and since when its phase is', async () => {
  const { reporter, sent, answer, clock } = open()
  reporter.tell(body('pulling'))
  await answer()
  clock.now = 200
  reporter.tell({ ...body('pulling'), running: { generation: 1, release: 'x' } })
  await answer()
  reporter.tell(body('starting'))
  expect(sent.map(({ message }) => [message?.at, message?.session, message?.since])).toEqual([
    [100, 7, 100],
    [200, 7, 100],
    [200, 7, 200],
  ])
})

test('a clock that is set moves since when its phase is, and says it', async () => {
  const { reporter, sent, answer, clock } = open()
  reporter.tell(body('pulling'))
  await answer()
  clock.now = 1_000_200
  reporter.shiftClock(1_000_000)
  await answer()
  expect(sent.at(-1)?.message).toMatchObject({ at: 1_000_200, since: 1_000_100 })
  reporter.shiftClock(-5_000_000)
  expect(sent.at(-1)?.message?.since).toBe(0)
})

test('the same again is not sent', async () => {
  const { reporter, phases, answer } = open()
  reporter.tell(body('pulling'))
  await answer()
  reporter.tell(body('pulling'))
  expect(phases()).toEqual(['pulling'])
})

test('while one is on its way only the newest waits', async () => {
  const { reporter, phases, answer } = open()
  for (const phase of ['pulling', 'stopping', 'starting', 'running'] as const) reporter.tell(body(phase))
  expect(phases()).toEqual(['pulling'])
  await answer()
  await answer()
  expect(phases()).toEqual(['pulling', 'running'])
})

test('what could not be sent is sent when all is repeated, as it is then', async () => {
  const { reporter, phases, answer } = open()
  reporter.tell(body('pulling'))
  await answer(new Error('link down'))
  expect(phases()).toEqual(['pulling'])
  reporter.repeatAll()
  await answer()
  expect(phases()).toEqual(['pulling', 'pulling'])
})

test('a newer word after a failure is sent at once', async () => {
  const { reporter, phases, answer } = open()
  reporter.tell(body('pulling'))
  await answer(new Error('link down'))
  reporter.tell(body('running'))
  await answer()
  expect(phases()).toEqual(['pulling', 'running'])
})

test('repeating sends the last of each app, and of one app only that', async () => {
  const { reporter, sent, answer } = open()
  reporter.tell(body('running', 'a'))
  reporter.tell(body('running', 'b'))
  await answer()
  await answer()
  reporter.repeat('b')
  reporter.repeat('nothing')
  await answer()
  reporter.repeatAll()
  expect(sent.map(({ app }) => app)).toEqual(['a', 'b', 'b', 'a', 'b'])
})

test('a repeat while one is on its way is a message of its own', async () => {
  const { reporter, phases, answer } = open()
  reporter.tell(body('running'))
  reporter.repeatAll()
  await answer()
  await answer()
  expect(phases()).toEqual(['running', 'running'])
})

test('a cleared report is an empty message, and stays so when all is repeated', async () => {
  const { reporter, sent, answer } = open()
  reporter.tell(body('removed'))
  await answer()
  reporter.clear('shop')
  await answer()
  reporter.repeatAll()
  reporter.clear('unknown')
  expect(sent.map(({ app, message }) => [app, message?.phase])).toEqual([
    ['shop', 'removed'],
    ['shop', undefined],
    ['shop', undefined],
    ['unknown', undefined],
  ])
})

test('what was cleared is not said once more by a turn that ends late, and something new is', async () => {
  const { reporter, phases, answer } = open()
  reporter.tell(body('removed'))
  await answer()
  reporter.clear('shop')
  await answer()
  reporter.tell(body('removed'))
  expect(phases()).toEqual(['removed', undefined])
  reporter.tell(body('pulling'))
  expect(phases()).toEqual(['removed', undefined, 'pulling'])
})

test('what a broker refused is sent again after a while, though nothing changed; what a lost link kept back is not', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const outcomes = [new LongshoreError('broker-busy', 'quota'), new LongshoreError('link-down', 'lost')]
  let sent = 0
  const reporter = createReporter({
    publish: async () => {
      const outcome = outcomes[sent]
      sent += 1
      if (outcome !== undefined) throw outcome
    },
    session: () => 1,
    nowMs: () => 1,
  })
  reporter.tell(body('running'))
  await vi.advanceTimersByTimeAsync(59_000)
  expect(sent).toBe(1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(sent).toBe(2)
  await vi.advanceTimersByTimeAsync(600_000)
  expect(sent).toBe(2)
  reporter.repeatAll()
  await vi.advanceTimersByTimeAsync(0)
  expect(sent).toBe(3)
})
