/**
 * Group commit: what several appends brought is written and flushed at once, and while that goes on the next group
 * gathers. Before a group is written, room is made for it within the cap.
 */
import type { Logger } from 'pino'
import { type MessageClass, messageClasses } from '../protocol/queued.ts'
import type { LongshoreError } from '../protocol/reason.ts'
import { chooseVictim } from './choose.ts'
import type { ClassQueue } from './class-queue.ts'
import type { Damage } from './damage.ts'
import { diskFault } from './disk-fault.ts'
import type { Entry } from './entry.ts'
import type { OutboxFiles } from './files.ts'
import { isDurable, type OutboxLimits } from './limits.ts'

export type CommitsInput = {
  /** most important first */
  readonly queues: readonly ClassQueue[]
  readonly limits: OutboxLimits
  readonly files: OutboxFiles
  readonly monotonicMs: () => number
  /** Called before anything is written until it resolves once. */
  readonly storeEpoch: () => Promise<void>
  readonly onFull: (queue: ClassQueue, damage: Damage) => void
  /** Called before each group: what has to be told comes into the queue of the top class. */
  readonly addReports: () => void
  readonly onWritten: (entries: readonly Entry[]) => void
  /** Durable ones only: the others wait on. */
  readonly onFailed: (entry: Entry, error: LongshoreError) => void
  readonly log: Logger
}

/** A disk that has just refused is not asked with every append. */
const faultPauseMs = 1_000

/** The first line of a file. */
const headRoom = 512

/** What a record takes beside its topic and text. */
const recordRoom = 28

export type Commits = ReturnType<typeof createCommits>

export const createCommits = (input: CommitsInput) => {
  const { queues, limits, files, log } = input
  let running: Promise<void> | undefined
  let isFlushAsked = false
  let isEpochStored = false
  let fault: { readonly error: LongshoreError; readonly untilMs: number } | undefined

  const loop = async (): Promise<void> => {
    // Appends of the same moment come along.
    await undefined
    try {
      while (dueQueues().length > 0) await commitGroup()
    } finally {
      isFlushAsked = false
      running = undefined
    }
  }

  const dueQueues = (): ClassQueue[] =>
    queues.filter((queue) =>
      isDurable(queue.messageClass) ? queue.pending().length > 0 : isFlushAsked && queue.hasMemoryOnly(),
    )

  const commitGroup = async (): Promise<void> => {
    let stale: string[] = []
    try {
      if (!isEpochStored) await input.storeEpoch()
      isEpochStored = true
      stale = await makeRoom()
    } catch (error) {
      fail(error)
    }
    input.addReports()
    await Promise.all(dueQueues().map(writeBatch))
    // Only now: what is said of them is on disk.
    for (const name of stale)
      await files.remove(name).catch((error: unknown) => log.warn({ err: error, name }, 'deleting a dropped file'))
  }

  const writeBatch = async (queue: ClassQueue): Promise<void> => {
    const batch = queue.takeBatch(limits.segmentBytes)
    try {
      if (!isEpochStored && fault !== undefined) throw fault.error
      const { commit } = await queue.store.write(batch.records)
      batch.written(commit)
      fault = undefined
      input.onWritten(batch.entries)
      await queue.store.roll()
    } catch (error) {
      const { error: reason } = fail(error)
      // Telemetry waits for the next flush.
      if (!isDurable(queue.messageClass)) isFlushAsked = false
      for (const entry of batch.failed()) input.onFailed(entry, reason)
    }
  }

  const fail = (error: unknown): NonNullable<typeof fault> => {
    const reason = diskFault(error, 'writing to the outbox')
    if (fault === undefined) log.error({ code: reason.code, err: reason }, `${reason.message}; trying again`)
    fault = { error: reason, untilMs: input.monotonicMs() + faultPauseMs }
    return fault
  }

  /** Takes the oldest of the least important out of the queue until what comes fits; the files' names are handed back. */
  const makeRoom = async (): Promise<string[]> => {
    const coming = new Map(dueQueues().map((queue) => [queue.messageClass, comingBytes(queue)]))
    const names: string[] = []
    for (;;) {
      const bytes = Object.fromEntries(
        queues.map(({ messageClass, store }) => [messageClass, store.bytes() + (coming.get(messageClass) ?? 0)]),
      ) as Record<MessageClass, number>
      const victim = chooseVictim(bytes, limits)
      const queue = queues.find(({ messageClass }) => messageClass === victim)
      const dropped = await queue?.dropOldest()
      if (queue === undefined || dropped === undefined) return names
      names.push(dropped.name)
      input.onFull(queue, dropped.damage)
    }
  }

  const comingBytes = (queue: ClassQueue): number => {
    const waiting = Math.min(queue.pendingBytes(), limits.segmentBytes + limits.maxMessageBytes)
    const count = queue.pending().length + queue.entries.length
    return waiting + queue.memoryOnlyBytes() + recordRoom * count + headRoom
  }

  const run = (): Promise<void> => {
    running ??= loop().catch((error: unknown) => log.error({ err: error }, 'the outbox itself is at fault'))
    return running
  }

  return {
    /** Writes what has to be on disk. */
    commit: (): void => void run(),
    /** Writes telemetry too. Resolves also when the disk did not take it: that stays where it was. */
    flush: (): Promise<void> => {
      isFlushAsked = true
      return run()
    },
    /** Why the disk refuses now. */
    fault: (): LongshoreError | undefined =>
      fault !== undefined && fault.untilMs > input.monotonicMs() ? fault.error : undefined,
  }
}

export const topClass = messageClasses[0]
