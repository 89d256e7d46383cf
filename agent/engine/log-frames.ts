/**
 * Bytes of the log endpoint of the Docker Engine API to lines with their times. Pure. Without a terminal each message has 8
 * bytes before it: the stream, three zeros, the length of what follows; with one, nothing tells messages apart but line ends.
 * Both begin with their time, as it was asked for.
 */
import type { LogFrame } from './engine.ts'
import { toLogTime } from './log-time.ts'

export type FrameReader = {
  readonly read: (bytes: Buffer) => readonly LogFrame[]
  /** What is left at the end of the stream. */
  readonly rest: () => readonly LogFrame[]
}

const headerBytes = 8

/** The longest time, and the space behind it. */
const timeBytes = 40

/** What is longer goes on in pieces, so that one message does not fill the memory. */
const longestFrame = 64 * 1024

/** @param joins neighbouring messages of a stream become one frame with the time of the last: half a million lines cost little then */
export const createFrameReader = (isTerminal: boolean, joins: boolean): FrameReader => {
  const split = isTerminal ? splitLines : splitMessages()
  let held: Buffer = Buffer.alloc(0)
  return {
    read: (bytes) => {
      const all = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      const frames = joins ? createJoined(all.length) : createFrames()
      held = all.subarray(split(all, frames.add))
      return frames.all()
    },
    rest: () => {
      const frames = createFrames()
      const from = isTerminal ? 0 : headerBytes
      // A message that broke off in the middle: what is there of it was said.
      if (held.length > from) frames.add('stdout', held, from, held.length, true)
      return frames.all()
    },
  }
}

/** A message, or with `isStart` false a further piece of one, stands in `all` from one place to another. */
type Add = (stream: LogFrame['stream'], all: Buffer, from: number, to: number, isStart: boolean) => void

/** Returns up to where all was taken. */
type Split = (all: Buffer, add: Add) => number

const splitMessages = (): Split => {
  /** of a message that has begun and is longer than what came of it */
  let open: { readonly stream: LogFrame['stream']; left: number } | undefined
  return (all, add) => {
    let at = 0
    while (at < all.length) {
      if (open !== undefined) {
        const end = Math.min(all.length, at + open.left)
        add(open.stream, all, at, end, false)
        open.left -= end - at
        if (open.left === 0) open = undefined
        at = end
        continue
      }
      if (all.length - at < headerBytes) break
      const length = all.readUInt32BE(at + 4)
      const end = at + headerBytes + length
      const isLong = length > longestFrame && all.length - at >= headerBytes + timeBytes
      if (end > all.length && !isLong) break
      const stream = all[at] === 2 ? 'stderr' : 'stdout'
      const to = Math.min(end, all.length)
      add(stream, all, at + headerBytes, to, true)
      if (end > to) open = { stream, left: end - to }
      at = to
    }
    return at
  }
}

const splitLines: Split = (all, add) => {
  let at = 0
  for (let end = all.indexOf(newLine, at); end >= 0; end = all.indexOf(newLine, at)) {
    add('stdout', all, at, end + 1, true)
    at = end + 1
  }
  if (all.length - at <= longestFrame) return at
  add('stdout', all, at, all.length, true)
  return all.length
}

const createFrames = () => {
  const frames: LogFrame[] = []
  let time = ''
  const add: Add = (stream, all, from, to, isStart) => {
    const start = isStart ? behindTime(all, from, to) : from
    if (start > from) time = timeIn(all, from, start)
    frames.push({ stream, time, bytes: all.subarray(start, to) })
  }
  return { add, all: (): readonly LogFrame[] => frames }
}

/** @param mostBytes of all that will be added */
const createJoined = (mostBytes: number) => {
  const frames: LogFrame[] = []
  const said = Buffer.allocUnsafe(mostBytes)
  let [from, to, time] = [0, 0, '']
  let speaker: LogFrame['stream'] = 'stdout'
  let [lastAll, lastFrom, lastStart]: [Buffer, number, number] = [said, 0, 0]
  const flush = (): void => {
    if (lastStart > lastFrom) time = timeIn(lastAll, lastFrom, lastStart)
    if (to > from) frames.push({ stream: speaker, time, bytes: said.subarray(from, to) })
    from = to
  }
  const add: Add = (stream, all, at, end, isStart) => {
    if (stream !== speaker) flush()
    speaker = stream
    const start = isStart ? behindTime(all, at, end) : at
    if (start > at) [lastAll, lastFrom, lastStart] = [all, at, start]
    to += all.copy(said, to, start, end)
  }
  return {
    add,
    all: (): readonly LogFrame[] => {
      flush()
      return frames
    },
  }
}

const newLine = 10
const space = 32
const letterZ = 90

/** Where the text begins behind the time, which Docker writes with 30 characters; `from` where there is none. */
const behindTime = (all: Buffer, from: number, to: number): number => {
  if (to - from > 30 && all[from + 30] === space && all[from + 29] === letterZ) return from + 31
  const at = all.subarray(from, Math.min(to, from + timeBytes)).indexOf(space)
  return at >= 0 && toLogTime(all.toString('latin1', from, from + at)) !== undefined ? from + at + 1 : from
}

const timeIn = (all: Buffer, from: number, start: number): string => {
  const text = all.toString('latin1', from, start - 1)
  return toLogTime(text) ?? text
}
