/**
 * The segment files of one class: appended to at one end, read at the other, and deleted when all in them is settled. A
 * process appends to files of its own only, so what an earlier one left is never changed, and is read when its turn comes.
 */
import { crc32 } from 'node:zlib'
import type { Logger } from 'pino'
import type { MessageClass } from '../protocol/queued.ts'
import { type Damage, damageOfFile, damageOfHole, damageOfTail, type LastRead, unknownDamage } from './damage.ts'
import type { AppendFile, OutboxFiles } from './files.ts'
import { encodeRecord, findRecord, recordBytes, type StoredRecord } from './record.ts'
import {
  compareIds,
  comparePositions,
  decodeHead,
  encodeHead,
  mostHeadBytes,
  mostSegmentBytes,
  type Position,
  type SegmentId,
  segmentName,
} from './segment.ts'

type Segment = {
  readonly id: SegmentId
  /** What is known to be on disk; of a file of an earlier process its length, as far as that can be. */
  bytes: number
  head?: { readonly boot: string; readonly length: number; readonly seed: number }
}

export type ReadRecord = {
  readonly record: StoredRecord
  readonly epoch: number
  readonly boot: string
  readonly end: Position
}

export type SegmentStoreInput = {
  readonly files: OutboxFiles
  readonly messageClass: MessageClass
  readonly epoch: number
  readonly boot: string
  readonly segmentBytes: number
  /** of earlier processes */
  readonly found: readonly { readonly id: SegmentId; readonly bytes: number }[]
  readonly settled: Position | undefined
  readonly log: Logger
  readonly onDamage: (damage: Damage) => void
  readonly setAside: (name: string) => Promise<void>
}

export type SegmentStore = ReturnType<typeof createSegmentStore>

export const createSegmentStore = (input: SegmentStoreInput) => {
  const { files, messageClass, epoch, boot, log } = input
  const segments: Segment[] = input.found
    .map(({ id, bytes }) => ({ id, bytes: Math.min(bytes, mostSegmentBytes) }))
    .sort((a, b) => compareIds(a.id, b.id))
  let settled: Position = input.settled ?? { epoch: 0, number: 0, offset: 0 }
  let read: Position = settled
  let reader:
    | { readonly segment: Segment; readonly bytes: Buffer; readonly base: number; readonly until: number; at: number }
    | undefined
  let lastRead: LastRead
  let active: { readonly segment: Segment; readonly file: AppendFile } | undefined
  let nextNumber = 1
  // One each for good: what lies outside of V8's heap is freed late.
  let writeBuffer = Buffer.alloc(0)
  let readBuffer = Buffer.alloc(0)

  const nameOf = ({ id }: Segment): string => segmentName(messageClass, id)
  const endOf = ({ id, bytes }: Segment): Position => ({ ...id, offset: bytes })

  const openNext = async (): Promise<NonNullable<typeof active>> => {
    for (;;) {
      const id = { epoch, number: nextNumber++ }
      try {
        return { segment: { id, bytes: 0 }, file: await files.create(segmentName(messageClass, id)) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  /** After a failed write nobody knows what the file holds: what is known stays, and the next write begins another one. */
  const abandon = async (): Promise<void> => {
    if (active === undefined) return
    const { segment, file } = active
    active = undefined
    await (segment.bytes > 0 ? file.truncate(segment.bytes) : files.remove(nameOf(segment))).catch(() => undefined)
    await file.close().catch(() => undefined)
  }

  const seal = async (): Promise<void> => {
    const file = active?.file
    active = undefined
    await file?.close().catch(() => undefined)
  }

  /** The first line, read by itself where reading begins behind it. */
  const headOf = async (segment: Segment, start: Buffer | undefined): Promise<Segment['head']> => {
    if (segment.head !== undefined) return segment.head
    const found = decodeHead(start ?? (await files.read(nameOf(segment), 0, mostHeadBytes)))
    if (found.ok) {
      const { epoch: ofEpoch, number } = found.head
      if (found.head.class === messageClass && compareIds({ epoch: ofEpoch, number }, segment.id) === 0)
        return { boot: found.head.boot, length: found.length, seed: found.seed }
    }
    const name = nameOf(segment)
    if (!found.ok && found.fault === 'future')
      log.warn({ name }, 'a file of a newer version of the outbox is left as it is')
    else if (!found.ok && found.fault === 'torn') await files.remove(name)
    else {
      log.warn({ name }, 'a file of the outbox that is none is set aside')
      await input.setAside(name)
      input.onDamage(unknownDamage(segment.id))
    }
    return undefined
  }

  const forget = (segment: Segment): void => {
    const index = segments.indexOf(segment)
    if (index >= 0) segments.splice(index, 1)
    if (reader?.segment === segment) reader = undefined
    if (compareIds(read, segment.id) <= 0) read = endOf(segment)
  }

  const nextUnread = (): Segment | undefined => segments.find((one) => comparePositions(endOf(one), read) > 0)

  const store = {
    bytes: (): number => segments.reduce((sum, { bytes }) => sum + bytes, 0),
    settled: (): Position => settled,
    hasUnread: (): boolean => reader !== undefined || nextUnread() !== undefined,

    /** Appended and on disk when it resolves; then `commit` makes it known, and says where each record ends. */
    write: async (records: readonly StoredRecord[]): Promise<{ readonly commit: () => Position[] }> => {
      // In a folder that somebody took away nothing is found again.
      if (active !== undefined && !(await active.file.isThere())) await seal()
      active ??= await openNext()
      const writing = active
      const { segment, file } = writing
      const head = segment.bytes === 0 ? encodeHead({ class: messageClass, ...segment.id, boot }) : undefined
      if (head !== undefined) segment.head = { boot, length: head.length, seed: crc32(head) }
      const seed = segment.head?.seed ?? 0
      const length = records.reduce((sum, record) => sum + recordBytes(record), head?.length ?? 0)
      if (writeBuffer.length < length) writeBuffer = Buffer.allocUnsafe(length)
      let end = head?.copy(writeBuffer) ?? 0
      const ends = records.map((record) => {
        end = encodeRecord(writeBuffer, end, record, seed)
        return { ...segment.id, offset: segment.bytes + end }
      })
      try {
        await file.append(writeBuffer.subarray(0, length))
        await file.sync()
      } catch (error) {
        await abandon()
        throw error
      }
      return {
        commit: () => {
          if (head !== undefined) segments.push(segment)
          segment.bytes += length
          return ends
        },
      }
    },
    /** Ends the file that is being written where it is large enough. Between two writes. */
    roll: async (): Promise<void> => {
      if (active !== undefined && active.segment.bytes >= input.segmentBytes) await seal()
    },

    /** Brings the next file to memory. Where it cannot be read it is left out. */
    load: async (): Promise<void> => {
      const segment = reader === undefined ? nextUnread() : undefined
      if (segment === undefined) return
      const base = compareIds(read, segment.id) === 0 ? read.offset : 0
      const until = segment.bytes
      try {
        if (readBuffer.length < until - base) readBuffer = Buffer.allocUnsafe(until - base)
        const bytes = await files.read(nameOf(segment), base, until - base, readBuffer)
        const head = await headOf(segment, base === 0 ? bytes : undefined)
        // It may have been dropped meanwhile.
        if (!segments.includes(segment) || reader !== undefined) return
        if (head === undefined) return forget(segment)
        segment.head = head
        reader = { segment, bytes, base, until, at: base === 0 ? head.length : 0 }
        if (reader.at >= bytes.length) finish()
      } catch (error) {
        if (!segments.includes(segment)) return
        log.warn({ name: nameOf(segment), err: error }, 'a file of the outbox cannot be read and is left out')
        forget(segment)
        input.onDamage(unknownDamage(segment.id))
      }
    },
    /** The next record of what was loaded. */
    next: (): ReadRecord | undefined => {
      if (reader === undefined || reader.segment.head === undefined) return undefined
      const { segment, bytes, base, at } = reader
      const { seed, boot: ofBoot } = reader.segment.head
      const found = findRecord(bytes, at, seed)
      if (found === undefined) {
        tellTail(segment, bytes.length - at)
        finish()
        return undefined
      }
      if (found.start > at) tellHole(segment, found.record.seq, found.start - at)
      reader.at = found.end
      read = { ...segment.id, offset: base + found.end }
      lastRead = { epoch: segment.id.epoch, seq: found.record.seq }
      if (found.end >= bytes.length) finish()
      return {
        record: found.record,
        epoch: segment.id.epoch,
        boot: ofBoot,
        end: { ...segment.id, offset: base + found.end },
      }
    },
    /** What was just written need not be read: it is in memory. */
    skipTo: (position: Position): void => {
      if (comparePositions(position, read) > 0) read = position
    },
    readPosition: (): Position => read,

    /** Everything before is settled. Files that hold nothing else are deleted. */
    settle: async (position: Position): Promise<void> => {
      if (comparePositions(position, settled) > 0) settled = position
      for (;;) {
        const [segment] = segments
        if (segment === undefined || segment === active?.segment || comparePositions(endOf(segment), settled) > 0)
          return
        forget(segment)
        await files
          .remove(nameOf(segment))
          .catch((error: unknown) => log.warn({ err: error }, 'deleting a settled file'))
      }
    },

    /**
     * Takes the oldest file out of the queue; the caller deletes it. `isKept` says of which records nothing is lost.
     * undefined: there is none.
     */
    dropOldest: async (
      isKept: (epoch: number, seq: number) => boolean,
    ): Promise<{ readonly name: string; readonly end: Position; readonly damage: Damage } | undefined> => {
      const segment = segments[0]
      if (segment === undefined) return undefined
      if (segment === active?.segment) await seal()
      let damage = unknownDamage(segment.id)
      try {
        damage = damageOfFile(await files.read(nameOf(segment), 0, segment.bytes), segment.id, settled, isKept)
      } catch (error) {
        log.warn({ name: nameOf(segment), err: error }, 'a file of the outbox is dropped that cannot be read')
      }
      forget(segment)
      return { name: nameOf(segment), end: endOf(segment), damage }
    },
    close: seal,
  }

  const finish = (): void => {
    if (reader === undefined) return
    // Fewer bytes than its length promised: somebody cut it, and there is no more to wait for.
    read = { ...reader.segment.id, offset: reader.until }
    reader = undefined
  }

  const tellHole = ({ id }: Segment, seq: number, bytes: number): void => {
    log.warn({ messageClass, ...id, bytes }, 'damage in a file of the outbox')
    const damage = damageOfHole(messageClass, id, lastRead, seq)
    if (damage !== undefined) input.onDamage(damage)
  }

  const tellTail = ({ id }: Segment, bytes: number): void => {
    log.warn({ messageClass, ...id, bytes }, 'the end of a file of the outbox is cut off or damaged')
    const isTorn = !segments.some((one) => one.id.epoch === id.epoch && one.id.number > id.number)
    if (!isTorn) input.onDamage(damageOfTail(id, lastRead))
  }

  return store
}
