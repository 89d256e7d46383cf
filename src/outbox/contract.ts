/** What the outbox is given, and what it offers. */
import type { Logger } from 'pino'
import type { Dropped, MessageClass } from '../protocol/queued.ts'
import type { LongshoreError } from '../protocol/reason.ts'
import type { OutboxFiles } from './files.ts'
import type { OutboxLimits } from './limits.ts'
import type { Publish } from './sender.ts'
import type { Tally } from './tally.ts'

export type Message = {
  readonly topic: string
  /** Becomes JSON; `class`, `epoch`, `seq` and `at` are put before its own fields. */
  readonly body: Readonly<Record<string, unknown>> & {
    readonly class?: never
    readonly epoch?: never
    readonly seq?: never
    readonly at?: never
  }
}

export type OutboxInput = {
  readonly files: OutboxFiles
  readonly limits: OutboxLimits
  /** epoch ms; may jump */
  readonly nowMs: () => number
  /** epoch ms; a clock that says less is wrong, and nothing is corrected by it */
  readonly earliestMs?: number
  /** ms of a clock that never jumps… */
  readonly monotonicMs: () => number
  /** …and the name of its run: the boot of the machine, if the clock runs on from process to process */
  readonly boot: string
  /** The message, of the top class, that tells what was dropped. */
  readonly describeDrop: (dropped: Dropped) => Message
  readonly log: Logger
}

export type ClassCounts = Tally & {
  readonly bytesOnDisk: number
  /** of those waiting; the others lie on disk only */
  readonly inMemory: number
  /** Nothing waits, neither here nor there. */
  readonly isEmpty: boolean
}

export type OutboxCounts = {
  readonly epoch: number
  readonly classes: Readonly<Record<MessageClass, ClassCounts>>
  readonly inFlight: number
  /** ms; a broker that takes messages and acknowledges none lets this rise */
  readonly oldestInFlightMs: number
  /** Why the disk takes nothing now. */
  readonly fault?: LongshoreError
}

export type Outbox = {
  /**
   * Resolves when the message is safe: on disk, or for telemetry in the queue. Rejects with `disk-full` or
   * `state-unusable` where the disk does not take it, with `payload-too-large`; it is counted as dropped then.
   */
  readonly append: (messageClass: MessageClass, message: Message) => Promise<{ epoch: number; seq: number }>
  /** From whom on messages are sent, while connected. */
  readonly start: (publish: Publish) => void
  /** false: what has no answer yet is sent again on the next connection. */
  readonly setConnected: (isConnected: boolean) => void
  readonly counts: () => OutboxCounts
  /** Writes what is in memory. Idempotent. */
  readonly close: () => Promise<void>
}
