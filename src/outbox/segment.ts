/** What a segment file is called, and its first line, which says what wrote it. Pure. */
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { type MessageClass, messageClasses, messageClassSchema } from '../protocol/queued.ts'

/** Files of a class follow each other by epoch, then number. */
export type SegmentId = { readonly epoch: number; readonly number: number }

/** A place in the queue of a class: everything before it lies in earlier segments, or before `offset` in this one. */
export type Position = SegmentId & { readonly offset: number }

export const comparePositions = (a: Position, b: Position): number => compareIds(a, b) || a.offset - b.offset

export const compareIds = (a: SegmentId, b: SegmentId): number => a.epoch - b.epoch || a.number - b.number

/** What a clock in 2106 gives. One that says more is wrong, and must leave room for the starts after it. */
export const mostClockEpoch = 2 ** 32

/** A greater one is damage. */
export const mostEpoch = 2 * mostClockEpoch

export const segmentName = (messageClass: MessageClass, { epoch, number }: SegmentId): string =>
  `${messageClass}-${String(epoch).padStart(12, '0')}-${String(number).padStart(6, '0')}.segment`

export const parseSegmentName = (name: string): { messageClass: MessageClass; id: SegmentId } | undefined => {
  const [, messageClass, epoch, number] = /^([a-z]+)-(\d{12})-(\d{6,12})\.segment$/.exec(name) ?? []
  const found = messageClasses.find((one) => one === messageClass)
  if (found === undefined || Number(epoch) > mostEpoch) return undefined
  return { messageClass: found, id: { epoch: Number(epoch), number: Number(number) } }
}

/** No process writes so much into one file: a longer one has a damaged length, and its end is nothing. */
export const mostSegmentBytes = 16 * 1024 * 1024

const mark = 'longshore-outbox '
const version = 1

const headSchema = z.object({
  class: messageClassSchema,
  epoch: z.int().nonnegative(),
  number: z.int().nonnegative(),
  boot: z.string().max(128),
})

/** `boot` names the run of the clock that never jumps: two stamps can be compared only within one. */
export type SegmentHead = z.infer<typeof headSchema>

export const encodeHead = (head: SegmentHead): Buffer => Buffer.from(`${mark}${version} ${JSON.stringify(head)}\n`)

/** The first line is shorter than this. */
export const mostHeadBytes = 512

/** `torn`: cut off while it was made, nothing was in it yet. `future`: of a version that this one cannot read. */
export type ReadHead =
  | { readonly ok: true; readonly head: SegmentHead; readonly length: number; readonly seed: number }
  | { readonly ok: false; readonly fault: 'torn' | 'future' | 'garbage' }

export const decodeHead = (bytes: Buffer): ReadHead => {
  const length = bytes.subarray(0, mostHeadBytes).indexOf('\n') + 1
  const text = bytes.toString('latin1', 0, length === 0 ? Math.min(bytes.length, mostHeadBytes) : length)
  // Sizes can reach the disk before the bytes do: what was never written is zeros.
  if (length === 0 && (mark.startsWith(text.slice(0, mark.length)) || isZeros(bytes)) && bytes.length < mostHeadBytes)
    return { ok: false, fault: 'torn' }
  const [, found, json] = /^longshore-outbox (\d{1,6}) (.*)\n$/.exec(text) ?? []
  if (found === undefined || json === undefined) return { ok: false, fault: 'garbage' }
  if (Number(found) > version) return { ok: false, fault: 'future' }
  try {
    const head = headSchema.parse(JSON.parse(json))
    return { ok: true, head, length, seed: crc32(bytes.subarray(0, length)) }
  } catch {
    return { ok: false, fault: 'garbage' }
  }
}

const isZeros = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)
