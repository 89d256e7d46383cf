/** An outbox with clocks of its own and a broker that the test plays. */
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { Outbox } from '../../src/outbox/contract.ts'
import type { OutboxFiles } from '../../src/outbox/files.ts'
import { defaultLimits, type OutboxLimits } from '../../src/outbox/limits.ts'
import { openOutbox } from '../../src/outbox/outbox.ts'
import type { Dropped } from '../../src/protocol/queued.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { eventually } from './eventually.ts'

const silent = pino({ level: process.env.TEST_LOG ?? 'silent' })

export type Sent = {
  readonly topic: string
  readonly class: string
  readonly epoch: number
  readonly seq: number
  readonly at: number
  readonly n?: number
  readonly dropped?: Dropped
}

export type TestClock = { nowMs: number; monotonicMs: number; boot: string }

export const testClock = (): TestClock => ({ nowMs: 1_800_000_000_000, monotonicMs: 1_000, boot: 'boot-1' })

/** Quick to report and to retry, and no pause between messages. */
export const testLimits: OutboxLimits = {
  ...defaultLimits,
  recordsPerSecond: Number.POSITIVE_INFINITY,
  reportDropsMs: 5,
  retryMs: 1,
  flushIntervalMs: 20,
}

export type TestOutboxInput = {
  readonly files: OutboxFiles
  readonly limits?: Partial<OutboxLimits>
  /** Without one the clocks are those of this machine. */
  readonly clock?: TestClock
  readonly earliestMs?: number
}

export const openTestOutbox = async ({
  files,
  limits = {},
  clock,
  earliestMs = 0,
}: TestOutboxInput): Promise<Outbox> => {
  const outbox = await openOutbox({
    files,
    limits: { ...testLimits, ...limits },
    earliestMs,
    nowMs: () => clock?.nowMs ?? Date.now(),
    monotonicMs: () => clock?.monotonicMs ?? performance.now(),
    boot: clock?.boot ?? 'boot-1',
    describeDrop: (dropped) => ({ topic: 'event', body: { dropped } }),
    log: silent,
  })
  onTestFinished(() => outbox.close())
  return outbox
}

export const numbered = (n: number, padding = 0) => ({ topic: 'a/topic', body: { n, padding: 'x'.repeat(padding) } })

export type TestBroker = {
  readonly sent: Sent[]
  readonly publish: (message: { topic: string; payload: Buffer }) => Promise<void>
  /** Answers to what has none yet, in order. */
  readonly open: { readonly sent: Sent; readonly acknowledge: () => void; readonly reject: (error: Error) => void }[]
}

export const linkDown = (): LongshoreError => new LongshoreError('link-down', 'publishing: the connection was lost')

/** @param answer what comes of a message; by default all are acknowledged at once */
export const testBroker = (
  answer: (sent: Sent) => 'acknowledge' | 'wait' | Error = () => 'acknowledge',
): TestBroker => {
  const broker: TestBroker = {
    sent: [],
    open: [],
    publish: ({ topic, payload }) => {
      const sent = { topic, ...JSON.parse(payload.toString()) } as Sent
      broker.sent.push(sent)
      const answered = answer(sent)
      if (answered instanceof Error) return Promise.reject(answered)
      if (answered === 'acknowledge') return Promise.resolve()
      return new Promise((acknowledge, reject) => broker.open.push({ sent, acknowledge, reject }))
    },
  }
  return broker
}

/** Everything that is waiting, as a broker that takes all would get it. */
export const drain = async (outbox: Outbox): Promise<Sent[]> => {
  const broker = testBroker()
  outbox.start(broker.publish)
  outbox.setConnected(true)
  await untilDrained(outbox)
  return broker.sent
}

export const untilDrained = (outbox: Outbox): Promise<unknown> =>
  eventually('the outbox to be empty', () => Object.values(outbox.counts().classes).every(({ isEmpty }) => isEmpty), {
    everyMs: 1,
  })
