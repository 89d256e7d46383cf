/**
 * What lies between the bytes of two records in a file of the broker, and finds the next whole one after damage. Pure.
 *
 *   0x1e | length 4 | crc 4 | body
 *
 * Big-endian; `length` is that of the body. The checksum goes on from that of the file's first line, so that no bytes of
 * another file pass for a record, not even where somebody publishes a whole log as a message.
 */
import { crc32 } from 'node:zlib'

const marker = 0x1e

export const frameBytes = 9

/** Far above the longest packet; keeps damage from being read as a length. */
const mostBodyBytes = 512 * 1024 * 1024

/** Closes a frame whose body lies at `start + frameBytes`, up to `end`. @param seed checksum of the file's first line */
export const sealFrame = (bytes: Buffer, start: number, end: number, seed: number): void => {
  bytes[start] = marker
  bytes.writeUInt32BE(end - start - frameBytes, start + 1)
  bytes.writeUInt32BE(checksum(bytes, start, end, seed), start + 5)
}

export type FoundFrame = { readonly body: Buffer; readonly start: number; readonly end: number }

/** The next whole frame at or behind `from`; what lies between is damage, or the tail of a write that was cut off. */
export const findFrame = (bytes: Buffer, from: number, seed: number): FoundFrame | undefined => {
  for (let start = from; ; start += 1) {
    start = bytes.indexOf(marker, start)
    if (start < 0 || start + frameBytes > bytes.length) return undefined
    const length = bytes.readUInt32BE(start + 1)
    const end = start + frameBytes + length
    if (length > mostBodyBytes || end > bytes.length) continue
    if (bytes.readUInt32BE(start + 5) === checksum(bytes, start, end, seed))
      return { body: bytes.subarray(start + frameBytes, end), start, end }
  }
}

const checksum = (bytes: Buffer, start: number, end: number, seed: number): number =>
  crc32(bytes.subarray(start + frameBytes, end), crc32(bytes.subarray(start, start + 5), seed))

const mark = 'longshore-broker'
const version = 1

/** The first line of a file. The salt is what makes its checksums its own. */
export const encodeHead = (kind: FileKind, salt: string): Buffer =>
  Buffer.from(`${mark} ${version} ${kind} ${salt}\n`, 'latin1')

export type FileKind = 'journal' | 'snapshot'

/** `torn`: cut off while it was made, nothing was in it yet. `future`: of a version that this one cannot read. */
export type ReadHead =
  | { readonly ok: true; readonly length: number; readonly seed: number }
  | { readonly ok: false; readonly fault: 'torn' | 'future' | 'garbage' }

export const decodeHead = (bytes: Buffer, kind: FileKind): ReadHead => {
  const length = bytes.subarray(0, mostHeadBytes).indexOf('\n') + 1
  // A length can reach the disk before the bytes do: what was never written is zeros.
  if (length === 0) return { ok: false, fault: isBegun(bytes) ? 'torn' : 'garbage' }
  const [, found, what] = /^longshore-broker (\d{1,6}) (\w+) \S+\n$/.exec(bytes.toString('latin1', 0, length)) ?? []
  if (found !== undefined && Number(found) > version) return { ok: false, fault: 'future' }
  if (found === undefined || what !== kind) return { ok: false, fault: 'garbage' }
  return { ok: true, length, seed: crc32(bytes.subarray(0, length)) }
}

const mostHeadBytes = 128

const isBegun = (bytes: Buffer): boolean =>
  bytes.length < mostHeadBytes &&
  (mark.startsWith(bytes.toString('latin1', 0, mark.length)) || bytes.every((byte) => byte === 0))
