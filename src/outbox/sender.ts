/**
 * Sends what is queued: the most important class first, each in its order, so many at a time and so many a second. What
 * the broker refuses again and again, or breaks the connection over, is set aside, so that it holds up nothing behind it.
 *
 *            send                 acknowledged
 *   ready ──────────▶ in-flight ───────────────▶ settled
 *     ▲                 │  refused, or connection lost │ refused too often, lost too often alone, too old
 *     └─────────────────┘                              └──▶ settled, and counted as dropped
 */
import type { Logger } from 'pino'
import type { DropReason } from '../protocol/queued.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { bucketWaitMs, fillBucket } from './choose.ts'
import type { ClassQueue } from './class-queue.ts'
import type { Entry } from './entry.ts'
import type { OutboxLimits } from './limits.ts'

/** Resolves when the broker has acknowledged it. Rejects with `link-down`, or because it was refused. */
export type Publish = (message: { readonly topic: string; readonly payload: Buffer }) => Promise<void>

export type SenderInput = {
  /** most important first */
  readonly queues: readonly ClassQueue[]
  readonly limits: OutboxLimits
  readonly monotonicMs: () => number
  readonly payloadOf: (entry: Entry) => Buffer
  readonly isExpired: (entry: Entry) => boolean
  /** An entry came to its end: acknowledged, or dropped with a reason. Its state is `settled` already. */
  readonly onEnd: (queue: ClassQueue, entry: Entry, reason?: DropReason) => void
  readonly log: Logger
}

/** A message that the connection broke over so often is sent alone, to be sure that it is the cause. */
const lossesUntilAlone = 3

export type Sender = ReturnType<typeof createSender>

export const createSender = (input: SenderInput) => {
  const { queues, limits, log } = input
  const inFlight = new Map<Entry, { readonly queue: ClassQueue; readonly sinceMs: number }>()
  const pausedUntil = new Map<ClassQueue, number>()
  const loading = new Set<ClassQueue>()
  let publish: Publish | undefined
  let isConnected = false
  let connectedMs = 0
  let hasCarried = false
  let bucket = { tokens: 1, filledMs: input.monotonicMs() }
  let timer: NodeJS.Timeout | undefined

  const pumpIn = (delayMs: number): void => {
    clearTimeout(timer)
    timer = setTimeout(pump, delayMs)
  }

  const pump = (): void => {
    clearTimeout(timer)
    while (publish !== undefined && isConnected && inFlight.size < limits.maxInFlight) {
      const next = choose()
      if (next === undefined) return
      const [first] = inFlight.keys()
      if (first !== undefined && (isSuspect(first) || isSuspect(next.entry))) return
      const waitMs = takeToken()
      if (waitMs > 0) {
        pumpIn(waitMs)
        return
      }
      void send(next.queue, next.entry, publish)
    }
  }

  const takeToken = (): number => {
    if (!Number.isFinite(limits.recordsPerSecond)) return 0
    bucket = fillBucket(bucket, limits.recordsPerSecond, input.monotonicMs())
    const waitMs = bucketWaitMs(bucket, limits.recordsPerSecond)
    if (waitMs === 0) bucket = { ...bucket, tokens: bucket.tokens - 1 }
    return waitMs
  }

  const choose = (): { readonly queue: ClassQueue; readonly entry: Entry } | undefined => {
    let shortestPauseMs = Number.POSITIVE_INFINITY
    for (const queue of queues) {
      const pauseMs = (pausedUntil.get(queue) ?? 0) - input.monotonicMs()
      if (pauseMs > 0) {
        shortestPauseMs = Math.min(shortestPauseMs, pauseMs)
        continue
      }
      const entry = nextReady(queue)
      if (entry !== undefined && isSuspect(entry) && untilProvenMs() > 0) {
        shortestPauseMs = Math.min(shortestPauseMs, untilProvenMs())
        continue
      }
      if (entry !== undefined) return { queue, entry }
      if (!queue.store.hasUnread()) continue
      // What lies on disk has its turn before anything less important.
      if (queue.hasRoom()) load(queue)
      return undefined
    }
    if (Number.isFinite(shortestPauseMs)) pumpIn(shortestPauseMs)
    return undefined
  }

  /**
   * ms until a suspect may be sent: a connection that holds without it, or carries others, is no flapping one, and then
   * it is the message that breaks it.
   */
  const untilProvenMs = (): number =>
    hasCarried ? 0 : Math.max(0, connectedMs + limits.retryMs * 2 - input.monotonicMs())

  const nextReady = (queue: ClassQueue): Entry | undefined => {
    for (;;) {
      queue.fill()
      const entry = queue.entries.find(({ state }) => state === 'ready')
      if (entry === undefined || !input.isExpired(entry)) return entry
      end(queue, entry, 'expired')
    }
  }

  const load = (queue: ClassQueue): void => {
    if (loading.has(queue)) return
    loading.add(queue)
    void queue.store.load().finally(() => {
      loading.delete(queue)
      pump()
    })
  }

  const send = async (queue: ClassQueue, entry: Entry, by: Publish): Promise<void> => {
    entry.state = 'in-flight'
    entry.attempt += 1
    const { attempt } = entry
    inFlight.set(entry, { queue, sinceMs: input.monotonicMs() })
    try {
      await by({ topic: entry.topic, payload: input.payloadOf(entry) })
    } catch (error) {
      if (entry.state === 'in-flight' && entry.attempt === attempt) failed(queue, entry, error)
      return
    }
    // Also an answer to an earlier time means that the broker has it.
    hasCarried = isConnected
    if (isSettled(entry)) return
    end(queue, entry)
    pump()
  }

  const failed = (queue: ClassQueue, entry: Entry, error: unknown): void => {
    if (error instanceof LongshoreError && error.code === 'link-down') {
      lose()
      return
    }
    inFlight.delete(entry)
    entry.state = 'ready'
    entry.refusals = refusalsAfter(entry.refusals, error)
    const facts = { topic: entry.topic, bytes: entry.bytes, tries: entry.refusals, err: error }
    if (entry.refusals >= limits.maxTries) {
      log.warn(facts, 'a message was refused too often and is set aside')
      end(queue, entry, 'poison')
    } else {
      log.info(facts, 'a message was refused and is tried again')
      pausedUntil.set(queue, input.monotonicMs() + limits.retryMs * 2 ** (entry.refusals - 1))
    }
    pump()
  }

  const refusalsAfter = (refusals: number, error: unknown): number => {
    const code = error instanceof LongshoreError ? error.code : undefined
    // What is too large today is so tomorrow; a quota that is used up is no fault of the message.
    if (code === 'payload-too-large') return limits.maxTries
    return code === 'broker-busy' ? Math.min(refusals + 1, limits.maxTries - 1) : refusals + 1
  }

  /** Everything in flight will be sent again. Brokers take messages in order: the first without an answer may be the cause. */
  const lose = (): void => {
    isConnected = false
    clearTimeout(timer)
    const [first] = inFlight
    const lost = [...inFlight.keys()]
    inFlight.clear()
    for (const entry of lost) entry.state = 'ready'
    if (first === undefined) return
    const [entry, { queue }] = first
    entry.losses += 1
    if (entry.losses < lossesUntilAlone + limits.maxTries) return
    log.error(
      { code: 'payload-too-large', topic: entry.topic, bytes: entry.bytes },
      'the connection breaks over a message, which is set aside. If the broker limits the size of messages, set maxBytes to what it takes',
    )
    end(queue, entry, 'poison')
  }

  const end = (queue: ClassQueue, entry: Entry, reason?: DropReason): void => {
    inFlight.delete(entry)
    entry.state = 'settled'
    input.onEnd(queue, entry, reason)
  }

  return {
    pump,
    start: (by: Publish): void => {
      publish = by
      pump()
    },
    stop: (): void => {
      publish = undefined
      for (const entry of inFlight.keys()) entry.state = 'ready'
      inFlight.clear()
      clearTimeout(timer)
    },
    setConnected: (isUp: boolean): void => {
      if (isUp && !isConnected) {
        connectedMs = input.monotonicMs()
        hasCarried = false
      }
      isConnected = isUp
      if (isUp) pump()
      else lose()
    },
    isConnected: (): boolean => isConnected && publish !== undefined,
    inFlight: (): number => inFlight.size,
    /** How long the first that has no answer yet waits for it, in ms. */
    oldestInFlightMs: (): number => {
      const [first] = inFlight.values()
      return first === undefined ? 0 : input.monotonicMs() - first.sinceMs
    },
  }
}

const isSettled = ({ state }: Entry): boolean => state === 'settled'

const isSuspect = ({ losses }: Entry): boolean => losses >= lossesUntilAlone
