/** What came of the messages of each class, and the drops that were not told of yet. */
import type { Dropped, DropReason, MessageClass } from '../protocol/queued.ts'
import { addDrop } from './drops.ts'

export type Tally = {
  readonly appended: number
  readonly sent: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
}

export const createTally = () => {
  const empty = () => ({ appended: 0, sent: 0, dropped: {} as Partial<Record<DropReason, number>> })
  const tallies = { alarm: empty(), reply: empty(), event: empty(), telemetry: empty() }
  let untold: readonly Dropped[] = []

  const countDrop = (messageClass: MessageClass, reason: DropReason, count: number): void => {
    const { dropped } = tallies[messageClass]
    dropped[reason] = (dropped[reason] ?? 0) + count
  }

  return {
    of: (messageClass: MessageClass): Tally => {
      const { appended, sent, dropped } = tallies[messageClass]
      return { appended, sent, dropped: { ...dropped } }
    },
    appended: (messageClass: MessageClass): void => {
      tallies[messageClass].appended += 1
    },
    sent: (messageClass: MessageClass): void => {
      tallies[messageClass].sent += 1
    },
    /** Of a message that never got a number: its producer is told, and nobody misses it. */
    refused: (messageClass: MessageClass, reason: DropReason): void => countDrop(messageClass, reason, 1),
    dropped: (dropped: Dropped): void => {
      countDrop(dropped.class, dropped.reason, dropped.count)
      untold = addDrop(untold, dropped)
    },
    /** What was taken to be told, and could not be. */
    untold: (dropped: Dropped): void => {
      untold = addDrop(untold, dropped)
    },
    takeUntold: (): readonly Dropped[] => {
      const taken = untold
      untold = []
      return taken
    },
    hasUntold: (): boolean => untold.length > 0,
  }
}
