/** What an earlier process left in the folder, and the epoch of this one. */
import type { Logger } from 'pino'
import { type MessageClass, messageClasses } from '../protocol/queued.ts'
import type { OutboxFiles } from './files.ts'
import {
  comparePositions,
  decodeHead,
  mostClockEpoch,
  mostHeadBytes,
  type Position,
  parseSegmentName,
  type SegmentId,
} from './segment.ts'
import { type Cursor, readCursor, readEpoch } from './state-files.ts'

export type Found = {
  /** not stored yet */
  readonly epoch: number
  readonly cursor: Cursor
  readonly segments: Readonly<Record<MessageClass, readonly { readonly id: SegmentId; readonly bytes: number }[]>>
}

/** Never rejects: an outbox whose disk is broken must still tell of it. Reads no segment, however many there are. */
export const openFolder = async (files: OutboxFiles, nowMs: number, log: Logger): Promise<Found> => {
  const listed = await files.list().catch((error: unknown) => {
    log.error({ err: error }, 'the folder of the outbox cannot be read: what is in it stays there')
    return []
  })
  const [stored, cursor] = await Promise.all([readEpoch(files), readCursor(files)])
  const segments = Object.fromEntries(
    messageClasses.map((one) => [one, [] as { id: SegmentId; bytes: number }[]]),
  ) as Record<MessageClass, { id: SegmentId; bytes: number }[]>
  let highest = Math.max(stored ?? 0, ...Object.values(cursor.settled).map(({ epoch }) => epoch))
  for (const { name, bytes } of listed) {
    const parsed = parseSegmentName(name)
    if (parsed === undefined) {
      if (name.endsWith('.new')) await files.remove(name).catch(() => undefined)
      continue
    }
    const { messageClass, id } = parsed
    // The file with the number may be lost; segments tell it as well.
    highest = Math.max(highest, id.epoch)
    if (isSettled({ ...id, offset: bytes }, cursor.settled[messageClass])) {
      // What was passed over because it could not be read is not what was sent.
      if (await isReadable(files, name))
        await files.remove(name).catch((error: unknown) => log.warn({ err: error, name }, 'deleting a settled file'))
    } else segments[messageClass].push({ id, bytes })
  }
  const clockEpoch = Math.min(Math.floor(nowMs / 1_000), mostClockEpoch)
  return { epoch: Math.max(highest + 1, clockEpoch), cursor, segments }
}

const isSettled = (end: Position, settled: Position | undefined): boolean =>
  settled !== undefined && comparePositions(end, settled) <= 0

/** false for a file of another user, or of a newer version. */
const isReadable = async (files: OutboxFiles, name: string): Promise<boolean> => {
  try {
    const head = decodeHead(await files.read(name, 0, mostHeadBytes))
    return head.ok || head.fault !== 'future'
  } catch {
    return false
  }
}
