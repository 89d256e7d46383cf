/** How much the outbox may hold, for how long, and how fast it is sent; with the defaults. */
import type { MessageClass } from '../protocol/queued.ts'

export type ClassLimits = {
  /** older ones are not sent any more */
  readonly ttlMs: number
  /** Of `capBytes`, what others cannot take away. The four together are 1. */
  readonly share: number
}

export type OutboxLimits = {
  /** for all files together */
  readonly capBytes: number
  readonly classes: Readonly<Record<MessageClass, ClassLimits>>
  /** One file; what is dropped at once. */
  readonly segmentBytes: number
  /** Topic and message as they go to the broker. */
  readonly maxMessageBytes: number
  /** What waits for the disk in memory, of each class. */
  readonly maxPendingBytes: number
  /** How long telemetry may wait for the disk: what a kill may cost of it. Each flush wears the flash. */
  readonly flushIntervalMs: number
  /** Sent and not acknowledged yet. Far less than the 1,024 that consumers look back. */
  readonly maxInFlight: number
  readonly recordsPerSecond: number
  /** Refusals after which a message is set aside… */
  readonly maxTries: number
  /** …and the pause after the first of them, doubled with each. */
  readonly retryMs: number
  /** Drops within this time are told in one message. */
  readonly reportDropsMs: number
}

const dayMs = 86_400_000

export const defaultLimits: OutboxLimits = {
  capBytes: 64 * 1024 * 1024,
  classes: {
    alarm: { ttlMs: 30 * dayMs, share: 0.1 },
    reply: { ttlMs: 7 * dayMs, share: 0.1 },
    event: { ttlMs: 30 * dayMs, share: 0.3 },
    telemetry: { ttlMs: 7 * dayMs, share: 0.5 },
  },
  segmentBytes: 256 * 1024,
  maxMessageBytes: 256 * 1024,
  maxPendingBytes: 1024 * 1024,
  flushIntervalMs: 60_000,
  maxInFlight: 64,
  recordsPerSecond: 1_000,
  maxTries: 5,
  retryMs: 1_000,
  reportDropsMs: 10_000,
}

/** Classes that are on disk before they are sent, and before `append` resolves. */
export const isDurable = (messageClass: MessageClass): boolean => messageClass !== 'telemetry'
