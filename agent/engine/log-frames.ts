/**
 * Bytes of the log endpoint of the Docker Engine API to lines with their times. Pure. Without a terminal each message has 8
 * bytes before it: the stream, three zeros, the length of what follows; with one, nothing tells messages apart but line ends.
 * Both begin with their time, as it was asked for.
 */
import type { LogFrame } from './engine.ts'
import { toLogTime } from './log-time.ts'

export type FrameReader = {
  readonly read: (bytes: Buffer) => LogFrame[]
  /** What is left at the end of the stream. */
  readonly rest: () => LogFrame[]
}

const headerBytes = 8

/** The longest time, and the space behind it. */
const timeBytes = 40

/** What is longer goes on in pieces, so that one message does not fill the memory. */
const longestFrame = 64 * 1024

export const createFrameReader = (isTerminal: boolean): FrameReader =>
  isTerminal ? terminalReader() : multiplexedReader()

const multiplexedReader = (): FrameReader => {
  let held: Buffer = Buffer.alloc(0)
  /** of a message that has begun and is longer than what came of it */
  let open: { readonly stream: LogFrame['stream']; readonly time: string; left: number } | undefined
  return {
    read: (bytes) => {
      const frames: LogFrame[] = []
      const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      let at = 0
      while (at < all.length) {
        if (open !== undefined) {
          const piece = all.subarray(at, at + open.left)
          frames.push({ stream: open.stream, time: open.time, bytes: piece })
          at += piece.length
          open.left -= piece.length
          if (open.left === 0) open = undefined
          continue
        }
        if (all.length - at < headerBytes) break
        const length = all.readUInt32BE(at + 4)
        const end = at + headerBytes + length
        const isLong = length > longestFrame && all.length - at >= headerBytes + timeBytes
        if (end > all.length && !isLong) break
        const stream = all[at] === 2 ? 'stderr' : 'stdout'
        const frame = withoutTime(stream, all.subarray(at + headerBytes, Math.min(end, all.length)))
        if (end > all.length) open = { stream, time: frame.time, left: end - all.length }
        frames.push(frame)
        at = Math.min(end, all.length)
      }
      held = all.subarray(at)
      return frames
    },
    // A message that broke off in the middle: what is there of it was said.
    rest: () => (held.length > headerBytes ? [withoutTime('stdout', held.subarray(headerBytes))] : []),
  }
}

const terminalReader = (): FrameReader => {
  let held: Buffer = Buffer.alloc(0)
  return {
    read: (bytes) => {
      const frames: LogFrame[] = []
      const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      let at = 0
      for (let end = all.indexOf(10, at); end >= 0; end = all.indexOf(10, at)) {
        frames.push(withoutTime('stdout', all.subarray(at, end + 1)))
        at = end + 1
      }
      if (all.length - at > longestFrame) {
        frames.push(withoutTime('stdout', all.subarray(at)))
        at = all.length
      }
      held = all.subarray(at)
      return frames
    },
    rest: () => (held.length > 0 ? [withoutTime('stdout', held)] : []),
  }
}

const withoutTime = (stream: LogFrame['stream'], bytes: Buffer): LogFrame => {
  const space = bytes.subarray(0, timeBytes).indexOf(32)
  const time = space < 0 ? undefined : toLogTime(bytes.toString('latin1', 0, space))
  return time === undefined ? { stream, time: '', bytes } : { stream, time, bytes: bytes.subarray(space + 1) }
}
