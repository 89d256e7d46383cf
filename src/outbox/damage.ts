/** Which messages are gone with a file, or a part of one. Pure. */
import type { MessageClass } from '../protocol/queued.ts'
import { findRecord } from './record.ts'
import { comparePositions, decodeHead, type Position, type SegmentId } from './segment.ts'

/** Records that are gone. `count` 0: nobody knows how many. */
export type Damage = {
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly count: number
}

/** What was read last of a class, before the damage. */
export type LastRead = { readonly epoch: number; readonly seq: number } | undefined

export const unknownDamage = ({ epoch }: SegmentId): Damage => ({ epoch, from: 0, to: 0, count: 0 })

/** Of a whole file that is given up. @param isKept of which records nothing is lost, because they are in memory */
export const damageOfFile = (
  bytes: Buffer,
  id: SegmentId,
  settled: Position,
  isKept: (epoch: number, seq: number) => boolean,
): Damage => {
  const head = decodeHead(bytes)
  let { epoch, from, to, count } = unknownDamage(id)
  if (!head.ok) return { epoch, from, to, count }
  let found = findRecord(bytes, head.length, head.seed)
  while (found !== undefined) {
    const { seq } = found.record
    if (comparePositions({ ...id, offset: found.end }, settled) > 0 && !isKept(epoch, seq)) {
      from ||= seq
      to = seq
      count += 1
    }
    found = findRecord(bytes, found.end, head.seed)
  }
  return { epoch, from, to, count }
}

/** Of bytes before the record `seq` that are none; undefined where no number is missing. */
export const damageOfHole = (
  messageClass: MessageClass,
  { epoch }: SegmentId,
  lastRead: LastRead,
  seq: number,
): Damage | undefined => {
  const from = lastRead?.epoch === epoch ? lastRead.seq + 1 : seq
  // Of telemetry not every number was written.
  const count = messageClass === 'telemetry' ? 0 : seq - from
  return from < seq ? { epoch, from, to: seq - 1, count } : undefined
}

/** Of the end of a file that has others behind it. */
export const damageOfTail = ({ epoch }: SegmentId, lastRead: LastRead): Damage => {
  const from = (lastRead?.epoch === epoch ? lastRead.seq : 0) + 1
  return { epoch, from, to: from, count: 0 }
}
