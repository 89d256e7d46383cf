/**
 * The queue of one class, in the order of `seq`:
 *
 *   entries (in memory, being sent) → segments on disk, not read yet → pending (in memory, waiting for the disk)
 *
 * Only telemetry goes from `pending` to `entries` past the disk, and only while nothing lies between. Whatever of it is
 * written takes along all before it that is in memory only, so the order on disk is that of `seq` too.
 */
import type { MessageClass } from '../protocol/queued.ts'
import type { Entry } from './entry.ts'
import { isDurable } from './limits.ts'
import type { StoredRecord } from './record.ts'
import { compareIds, type Position } from './segment.ts'
import type { SegmentStore } from './segment-store.ts'

/** What is brought to memory to be sent: whichever comes first. */
const mostEntries = 256
const mostEntryBytes = 256 * 1024

export type ClassQueue = ReturnType<typeof createClassQueue>

export const createClassQueue = (messageClass: MessageClass, store: SegmentStore) => {
  const entries: Entry[] = []
  let entryBytes = 0
  let pending: Entry[] = []
  let pendingBytes = 0
  let lastSeq = 0
  let isWriting = false

  const hasRoom = (): boolean => entries.length < mostEntries && entryBytes < mostEntryBytes

  const push = (entry: Entry): void => {
    entries.push(entry)
    entryBytes += entry.bytes
  }

  /** Takes from the front what is settled, and says how far that is on disk. */
  const popSettled = (): Position | undefined => {
    let end: Position | undefined
    while (entries[0]?.state === 'settled') {
      const entry = entries.shift() as Entry
      entryBytes -= entry.bytes
      end = entry.end ?? end
    }
    return entries.length === 0 && !isWriting && !store.hasUnread() ? store.readPosition() : end
  }

  /** Settled ones at the front go; what they held on disk is free. */
  const settle = async (): Promise<void> => {
    const end = popSettled()
    if (end !== undefined) await store.settle(end)
  }

  const memoryOnly = (): Entry[] => entries.filter(({ end, state }) => end === undefined && state !== 'settled')

  return {
    messageClass,
    store,
    entries: entries as readonly Entry[],
    pending: (): readonly Entry[] => pending,
    pendingBytes: (): number => pendingBytes,
    takeSeq: (): number => ++lastSeq,

    add: (entry: Entry): void => {
      pending.push(entry)
      pendingBytes += entry.bytes
    },
    /** The oldest that waits for the disk, taken out. */
    takeOldestPending: (): Entry | undefined => {
      const entry = pending.shift()
      pendingBytes -= entry?.bytes ?? 0
      return entry
    },
    /** The first that would be lost with this process. */
    oldestInMemoryOnly: (): Entry | undefined => memoryOnly()[0] ?? pending[0],
    hasMemoryOnly: (): boolean => pending.length > 0 || memoryOnly().length > 0,
    /** of those that are being sent */
    memoryOnlyBytes: (): number => memoryOnly().reduce((sum, { bytes }) => sum + bytes, 0),

    isEmpty: (): boolean => entries.length === 0 && pending.length === 0 && !isWriting && !store.hasUnread(),
    hasRoom,
    /** Brings up what can be sent next, as far as it is in memory. */
    fill: (): void => {
      while (hasRoom()) {
        const found = store.next()
        if (found === undefined) break
        push(restore(messageClass, found))
      }
      if (isDurable(messageClass) || isWriting || store.hasUnread()) return
      while (hasRoom()) {
        const entry = pending.shift()
        if (entry === undefined) break
        pendingBytes -= entry.bytes
        push(entry)
      }
    },

    settle,

    /** Takes the oldest file out of the queue, and what was not sent yet of it out of memory. The caller deletes it. */
    dropOldest: async () => {
      const isKept = (epoch: number, seq: number): boolean =>
        entries.some((one) => one.epoch === epoch && one.seq === seq && one.state !== 'ready')
      const dropped = await store.dropOldest(isKept)
      if (dropped === undefined) return undefined
      for (const entry of entries)
        if (entry.state === 'ready' && entry.end !== undefined && compareIds(entry.end, dropped.end) === 0)
          entry.state = 'settled'
      await settle()
      return dropped
    },

    /**
     * What is written next, about `mostBytes` of it. Afterwards `written` with the places on disk, or `failed`, which
     * leaves in `pending` what may wait longer, and hands back the others.
     */
    takeBatch: (mostBytes: number) => {
      const inMemory = memoryOnly()
      let bytes = 0
      let count = 0
      for (const entry of pending) {
        if (count > 0 && bytes + entry.bytes > mostBytes) break
        bytes += entry.bytes
        count += 1
      }
      const taken = pending.slice(0, count)
      pending = pending.slice(count)
      pendingBytes -= bytes
      isWriting = true
      const batch = [...inMemory, ...taken]
      return {
        entries: batch as readonly Entry[],
        records: batch.map(toRecord),
        written: (commit: () => Position[]): void => {
          isWriting = false
          let isNext = !store.hasUnread()
          for (const [index, end] of commit().entries()) {
            const entry = batch[index] as Entry
            if (index >= inMemory.length) {
              isNext &&= hasRoom()
              if (!isNext) break
              push(entry)
            }
            entry.end = end
            store.skipTo(end)
          }
        },
        failed: (): Entry[] => {
          isWriting = false
          if (isDurable(messageClass)) return taken
          pending = [...taken, ...pending]
          pendingBytes += bytes
          return []
        },
      }
    },
  }
}

const restore = (messageClass: MessageClass, found: NonNullable<ReturnType<SegmentStore['next']>>): Entry => {
  const { record, epoch, boot, end } = found
  return {
    messageClass,
    epoch,
    seq: record.seq,
    topic: record.topic,
    text: record.text,
    bytes: Buffer.byteLength(record.topic) + Buffer.byteLength(record.text),
    stamp: { atMs: record.atMs, monotonicMs: record.monotonicMs, boot },
    end,
    state: 'ready',
    attempt: 0,
    refusals: 0,
    losses: 0,
  }
}

const toRecord = ({ seq, topic, text, stamp }: Entry): StoredRecord => ({
  seq,
  topic,
  text,
  atMs: stamp.atMs,
  monotonicMs: stamp.monotonicMs,
})
