/**
 * One message as bytes in a segment file, and back. Pure.
 *
 *   0x1e | length 3 | crc 4 | seq 6 | atMs 6 | monotonicMs 6 | topic length 2 | topic | JSON text
 *
 * Big-endian; `length` counts what follows the checksum. The checksum goes on from that of the file's first line, so bytes
 * of another file never pass. 0x1e and 0x00 cannot stand in JSON text, so that after damage the next record is found for
 * certain and nothing inside a message is ever taken for one.
 */
import { crc32 } from 'node:zlib'

export type StoredRecord = {
  readonly seq: number
  /** epoch ms, as the clock said then */
  readonly atMs: number
  /** of a clock that never jumps, which the first line of the segment names */
  readonly monotonicMs: number
  readonly topic: string
  /** JSON text of an object */
  readonly text: string
}

const marker = 0x1e
const openingBrace = 0x7b
const prefixBytes = 8
const fixedBytes = 20

/** Far above what any broker takes; keeps damage from being read as a length. */
export const mostRecordBytes = 4 * 1024 * 1024

export const recordBytes = (record: StoredRecord): number =>
  prefixBytes + fixedBytes + Buffer.byteLength(record.topic) + Buffer.byteLength(record.text)

/** Writes it at `start` of `bytes`, where it has room, and hands back where it ends. @param seed checksum of the segment's first line */
export const encodeRecord = (bytes: Buffer, start: number, record: StoredRecord, seed: number): number => {
  const topicEnd = start + 28 + bytes.write(record.topic, start + 28)
  const end = topicEnd + bytes.write(record.text, topicEnd)
  bytes[start] = marker
  bytes.writeUIntBE(end - start - prefixBytes, start + 1, 3)
  bytes.writeUIntBE(record.seq, start + 8, 6)
  bytes.writeUIntBE(wholeMs(record.atMs), start + 14, 6)
  bytes.writeUIntBE(wholeMs(record.monotonicMs), start + 20, 6)
  bytes.writeUInt16BE(topicEnd - start - 28, start + 26)
  bytes.writeUInt32BE(checksum(bytes, seed, start, end), start + 4)
  return end
}

export type FoundRecord = {
  readonly record: StoredRecord
  readonly start: number
  /** of the byte behind it */
  readonly end: number
}

/** The next whole record at or behind `from`; what lies between is damage, or the tail of a write that was cut off. */
export const findRecord = (bytes: Buffer, from: number, seed: number): FoundRecord | undefined => {
  for (let start = from; ; start += 1) {
    start = bytes.indexOf(marker, start)
    if (start < 0) return undefined
    const end = endOf(bytes, start, seed)
    if (end !== undefined) return { record: decode(bytes, start, end), start, end }
  }
}

const endOf = (bytes: Buffer, start: number, seed: number): number | undefined => {
  if (start + prefixBytes + fixedBytes > bytes.length) return undefined
  const length = bytes.readUIntBE(start + 1, 3)
  const end = start + prefixBytes + length
  if (length < fixedBytes || length > mostRecordBytes || end > bytes.length) return undefined
  const topicBytes = bytes.readUInt16BE(start + 26)
  if (topicBytes > length - fixedBytes) return undefined
  // Before the checksum: in megabytes of garbage that would take minutes.
  if (bytes[start + prefixBytes + fixedBytes + topicBytes] !== openingBrace) return undefined
  return bytes.readUInt32BE(start + 4) === checksum(bytes, seed, start, end) ? end : undefined
}

const checksum = (bytes: Buffer, seed: number, start: number, end: number): number =>
  crc32(bytes.subarray(start + prefixBytes, end), crc32(bytes.subarray(start, start + 4), seed))

const decode = (bytes: Buffer, start: number, end: number): StoredRecord => {
  const topicEnd = start + 28 + bytes.readUInt16BE(start + 26)
  return {
    seq: bytes.readUIntBE(start + 8, 6),
    atMs: bytes.readUIntBE(start + 14, 6),
    monotonicMs: bytes.readUIntBE(start + 20, 6),
    topic: bytes.toString('utf8', start + 28, topicEnd),
    text: bytes.toString('utf8', topicEnd, end),
  }
}

/** A clock before 1970 or with fractions has no place in six bytes. */
const wholeMs = (ms: number): number => Math.min(Math.max(0, Math.round(ms)), 2 ** 48 - 1)
