/**
 * One log on its way to one reader:
 *
 *   sources → in order of time → grep → chunks → window → broker → reader
 *                                           ↑                        │ credit: what it has, what it can take
 *                                           └────────────────────────┘
 *
 * Everything waits for the window: without credit nothing is read from the engine any more, and after a minute without a word
 * the stream ends. It logs nothing of what it sends: the log could be that of the agent.
 */
import { type LogCredit, mostWindow, silenceMs, wordEveryMs } from '../../src/protocol/log.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { LongshoreError, type Reason, reasonOf } from '../../src/protocol/reason.ts'
import type { Answer } from '../commands/verb.ts'
import { createCollector } from './chunk-entries.ts'
import type { Interleaver } from './interleave.ts'
import type { LineFilter } from './line-filter.ts'
import { createLogWindow } from './log-window.ts'

export type LogStreamInput = {
  /** of the command, and of the stream */
  readonly id: string
  readonly lines: Interleaver
  readonly filter: LineFilter | undefined
  readonly hasTimes: boolean
  readonly firstWindow: number
  /** bytes that may be on their way to this reader, whatever it says: there may be many */
  readonly windowLimit: () => number
  /** of text in a chunk */
  readonly chunkBytes: number
  /** Resolves when the socket has taken it; rejects with link-down. */
  readonly publish: (payload: Buffer) => Promise<void>
  /** @throws LongshoreError where it must not be sent */
  readonly spend: (bytes: number) => void
  readonly nowMs: () => number
  readonly monotonicMs: () => number
}

export type LogStream = {
  /** Resolves with the answer to the command when all was sent and acknowledged, or it ended otherwise. */
  readonly run: () => Promise<Answer>
  readonly credit: (credit: LogCredit) => void
  readonly end: (reason: Reason) => void
}

/** Lines that come one by one are sent together: each chunk costs its envelope. */
const gatherMs = 100

/** How soon a reader that may have missed the last chunk is told its number, and how often resending is worth it. */
const beatMs = 4_000
const resendPauseMs = 500

const tickMs = 1_000

export const createLogStream = (input: LogStreamInput): LogStream => {
  const { id, lines, filter, publish, spend, nowMs, monotonicMs } = input
  /** Whatever the reader says, it is kept in memory until it is acknowledged. */
  const allowed = (asked: number): number => Math.min(asked, mostWindow, input.windowLimit())
  const window = createLogWindow(allowed(input.firstWindow))
  const collector = createCollector(input.hasTimes)
  let n = 0
  let bytes = 0
  const sources = new Set<string>()
  const faults = new Map<string, Reason>()
  let lastWordAt = monotonicMs()
  let lastSentAt = monotonicMs()
  let lastResentAt = Number.NEGATIVE_INFINITY
  let answer: Answer | undefined
  let wake: () => void = () => undefined

  const finish = (how: Answer): void => {
    answer ??= how
    lines.stop()
    wake()
  }

  const done = (): Answer => ({ outcome: 'done', result: { chunks: n, bytes, unreadable: [...faults.keys()] } })

  const transmit = async (payload: Buffer): Promise<void> => {
    spend(payload.length)
    lastSentAt = monotonicMs()
    bytes += payload.length
    try {
      await publish(payload)
    } catch (error) {
      // It stays in the window; the reader asks for it when the link is back.
      if (!(error instanceof LongshoreError && error.code === 'link-down')) throw error
    }
  }

  const send = async (isEnd: boolean): Promise<void> => {
    while (!window.hasRoom() && answer === undefined)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    if (answer !== undefined) return
    n += 1
    const entries = collector.take(input.chunkBytes)
    // What is left of it is the last chunk.
    const end = isEnd && collector.isEmpty()
    const reason = end ? allFailed() : undefined
    const payload = writePayload({
      schema: 1,
      at: nowMs(),
      id,
      n,
      entries,
      ...(end && { end }),
      ...(reason && { reason }),
    })
    window.add({ n, payload })
    await transmit(payload)
  }

  /** Why nothing could be read at all. */
  const allFailed = (): Reason | undefined => (faults.size === sources.size ? [...faults.values()][0] : undefined)

  const beat = (): void => {
    const payload = writePayload({ schema: 1, at: nowMs(), id, n, beat: true, entries: [] })
    transmit(payload).catch((error: unknown) => finish({ outcome: 'failed', reason: reasonOf(error) }))
  }

  const tick = (): void => {
    const now = monotonicMs()
    if (now - lastWordAt >= silenceMs) {
      const message = `the reader gave no word for ${silenceMs / 1000} s`
      finish({ outcome: 'failed', reason: { code: 'reader-too-slow', message } })
    } else if (now - lastSentAt >= (window.unacknowledged().length > 0 ? beatMs : wordEveryMs)) beat()
  }

  /** Everything that the sources say, until they end. */
  const pump = async (): Promise<void> => {
    let next = lines.next()
    let flushedAt = Number.NEGATIVE_INFINITY
    const flush = async (): Promise<void> => {
      await send(false)
      flushedAt = monotonicMs()
    }
    while (answer === undefined) {
      const item = collector.isEmpty()
        ? await next
        : await within(Math.max(2, flushedAt + gatherMs - monotonicMs()), next)
      if (item === undefined) break
      if (item === late) {
        await flush()
        continue
      }
      sources.add(item.source)
      if (item.kind === 'fault') {
        faults.set(item.source, reasonOf(item.error))
        collector.addFault(item.source, reasonOf(item.error))
      } else collector.add(item.source, filter === undefined ? item.frames : filter(item.source, item.frames))
      while (collector.bytes() >= input.chunkBytes && answer === undefined) await flush()
      next = lines.next()
    }
    do await send(true)
    while (!collector.isEmpty() && answer === undefined)
  }

  const acknowledged = async (): Promise<void> => {
    while (window.unacknowledged().length > 0 && answer === undefined)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }

  return {
    run: async () => {
      const timer = setInterval(tick, tickMs)
      try {
        await pump()
        await acknowledged()
        const reason = allFailed()
        if (reason !== undefined) finish({ outcome: 'failed', reason })
      } catch (error) {
        finish({ outcome: 'failed', reason: reasonOf(error) })
      } finally {
        clearInterval(timer)
      }
      finish(done())
      return answer as unknown as Answer
    },
    credit: ({ received, window: asked, again, stop }) => {
      lastWordAt = monotonicMs()
      window.acknowledge(received, allowed(asked))
      if (stop === true) finish(done())
      else if (again === true && lastWordAt - lastResentAt >= resendPauseMs) {
        lastResentAt = lastWordAt
        void resend()
      }
      wake()
    },
    end: (reason) => finish({ outcome: 'failed', reason }),
  }

  async function resend(): Promise<void> {
    try {
      for (const { payload } of window.unacknowledged()) await transmit(payload)
    } catch (error) {
      finish({ outcome: 'failed', reason: reasonOf(error) })
    }
  }
}

const late = Symbol('late')

const within = async <T>(ms: number, promise: Promise<T>): Promise<T | typeof late> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), ms)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
