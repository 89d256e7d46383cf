/** Reads a log of a device: asks for it, takes it in order, and says what it can take. A lost link does not end it. */
import { randomBytes } from 'node:crypto'
import type { Code } from '../protocol/codes.ts'
import { replySchema } from '../protocol/command.ts'
import {
  creditEveryBytes,
  firstWindow,
  type LogArgs,
  type LogEntry,
  logChunkSchema,
  silenceMs,
  wordEveryMs,
} from '../protocol/log.ts'
import { readPayload, writePayload } from '../protocol/payload.ts'
import { LongshoreError, type WireReason } from '../protocol/reason.ts'
import type { Fleet } from './fleet.ts'
import { createLogOrder, nextWindow } from './log-order.ts'
import { noAnswer } from './no-answer.ts'

export type LogRequest = Pick<LogArgs, 'app' | 'agent' | 'service' | 'since' | 'until' | 'tail' | 'grep'> & {
  readonly follow?: boolean
  readonly timestamps?: boolean
}

export type ReadLogInput = {
  readonly device: string
  readonly request: LogRequest
  /** until the device says anything */
  readonly timeoutMs: number
  readonly nowMs: () => number
  /** The next entries are read when it resolves. */
  readonly onEntries: (entries: readonly LogEntry[]) => void | Promise<void>
  /** the reader has seen enough */
  readonly signal?: AbortSignal
}

const goodbyeMs = 1_000

/** The device is not asked for what is missing more often than so. */
const askAgainMs = 1_000

/**
 * Resolves when all was read, or the signal fired.
 * @throws LongshoreError no-answer where the device is silent; with the reason of the device where it refused or gave up
 */
export const readLog = async (fleet: Fleet, input: ReadLogInput): Promise<void> => {
  const { device, request, timeoutMs, nowMs, onEntries, signal } = input
  const id = randomBytes(9).toString('hex')
  const order = createLogOrder()
  let received = 0
  let window = firstWindow
  let bytesSince = 0
  let markedAt = performance.now()
  let heardAt = performance.now()
  let hasHeard = false
  let isAnswered = false
  let spokeAt = performance.now()
  let askedAgainAt = Number.NEGATIVE_INFINITY
  let reading = Promise.resolve()
  let settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  const over = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  over.catch(() => undefined) // it may fail before anybody waits for it

  const speak = (more: { readonly again?: true; readonly stop?: true } = {}): Promise<void> => {
    spokeAt = performance.now()
    const credit = { schema: 1, at: nowMs(), received, window, ...more }
    return fleet.publish(fleet.topics.logCredit(device, id), writePayload(credit), { retain: false })
  }
  /** What does not get through is said again sooner or later. */
  const mention = (more?: { readonly again: true }): void => void speak(more).catch(() => undefined)

  const drain = async (): Promise<void> => {
    for (let found = order.next(); found !== undefined; found = order.next()) {
      const { chunk, bytes } = found
      if (chunk.entries.length > 0) await onEntries(chunk.entries)
      received = chunk.n
      bytesSince += bytes
      if (chunk.reason !== undefined) settle?.reject(failure(device, chunk.reason))
      else if (chunk.end === true) settle?.resolve()
      else if (bytesSince >= Math.min(window / 2, creditEveryBytes)) {
        const now = performance.now()
        window = nextWindow(bytesSince, now - markedAt)
        bytesSince = 0
        markedAt = now
        mention()
      }
    }
  }

  const onChunk = (payload: Buffer): void => {
    const read = readPayload(logChunkSchema, payload, Number.POSITIVE_INFINITY)
    if (!read.ok) {
      settle?.reject(new LongshoreError(read.reason.code, `a log of ${device}: ${read.reason.message}`))
      return
    }
    hasHeard = true
    heardAt = performance.now()
    const isMissing = order.take(read.value, payload.byteLength)
    if (isMissing && heardAt - askedAgainAt >= askAgainMs) {
      askedAgainAt = heardAt
      mention({ again: true })
    } else if (read.value.beat === true) mention() // what was said before may have been lost
    reading = reading.then(drain).catch((error: unknown) => settle?.reject(error))
  }

  const onReply = (payload: Buffer): void => {
    const read = readPayload(replySchema, payload, Number.POSITIVE_INFINITY)
    if (!read.ok || !read.value.final) return
    const { outcome, reason } = read.value
    isAnswered = true
    // What came before it is shown first.
    reading = reading.then(() => {
      if (outcome === 'done') settle?.resolve()
      else settle?.reject(failure(`${device}: ${outcome}`, reason))
    })
  }

  const tick = (): void => {
    const now = performance.now()
    const patience = hasHeard ? silenceMs : timeoutMs
    if (now - heardAt >= patience) {
      const said = hasHeard ? `said nothing for ${patience / 1000} s` : `did not answer within ${patience / 1000} s`
      clearInterval(timer)
      void noAnswer(fleet, device, `${device} ${said}`).then(settle?.reject)
    } else if (hasHeard && now - spokeAt >= wordEveryMs) mention()
  }

  const onEnough = (): void => settle?.resolve()
  const unwatch = await fleet.watch([fleet.topics.log(device, id), fleet.topics.reply(device, id)], (message) =>
    message.topic === fleet.topics.log(device, id) ? onChunk(message.payload) : onReply(message.payload),
  )
  // A cluster may have taken seconds over the subscription, which are not the device's.
  heardAt = performance.now()
  const timer = setInterval(tick, 250)
  try {
    signal?.addEventListener('abort', onEnough)
    if (signal?.aborted === true) return
    const now = nowMs()
    const command = { schema: 1, at: now, verb: 'logs', args: { ...request, window }, expiresAt: now + timeoutMs }
    await fleet.publish(fleet.topics.command(device, id), writePayload(command), { retain: false })
    await over
    await reading
  } finally {
    clearInterval(timer)
    signal?.removeEventListener('abort', onEnough)
    // A device that does not hear it ends the stream by itself.
    if (!isAnswered) await Promise.race([speak({ stop: true }), pause(goodbyeMs)]).catch(() => undefined)
    await unwatch()
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })

/** Of a newer agent, the code may be one that is not known here. */
const failure = (what: string, reason?: WireReason): LongshoreError =>
  new LongshoreError((reason?.code ?? 'internal-error') as Code, `${what}: ${reason?.message ?? 'no reason given'}`)
