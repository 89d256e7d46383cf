/** What was said, collected into the entries of chunks: neighbours of one source and stream become one. Pure. */
import { isUtf8 } from 'node:buffer'
import type { LogEntry } from '../../src/protocol/log.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { LogFrame } from '../engine/engine.ts'
import { endsLine } from './source.ts'

export type Collector = {
  readonly add: (source: string, frames: readonly LogFrame[]) => void
  readonly addFault: (source: string, reason: Reason) => void
  /** of what was added and not taken */
  readonly bytes: () => number
  readonly isEmpty: () => boolean
  /** The oldest, of so many bytes at most; as JSON they are twice as many at most. */
  readonly take: (mostBytes: number) => LogEntry[]
}

type Run =
  | { readonly source: string; readonly stream: LogFrame['stream']; readonly pieces: Buffer[] }
  | { readonly source: string; readonly fault: Reason }

/** An entry without its text, and the reason of a fault. */
const entryBytes = 128
const faultBytes = 512
/** Room for less is left: what is cut to it may be the time before a line. */
const leastPieceBytes = 128

/** @param hasTimes each line begins with its time */
export const createCollector = (hasTimes: boolean): Collector => {
  const runs: Run[] = []
  let bytes = 0
  const inLine = new Set<string>()

  const runFor = (source: string, stream: LogFrame['stream']) => {
    const last = runs.at(-1)
    if (last !== undefined && 'pieces' in last && last.source === source && last.stream === stream) return last
    const run = { source, stream, pieces: [] as Buffer[] }
    runs.push(run)
    bytes += entryBytes
    return run
  }

  return {
    add: (source, frames) => {
      for (const frame of frames) {
        const run = runFor(source, frame.stream)
        if (hasTimes) {
          const key = `${source} ${frame.stream}`
          if (!inLine.has(key)) {
            const time = Buffer.from(`${frame.time} `)
            run.pieces.push(time)
            bytes += time.length
          }
          if (endsLine(frame)) inLine.delete(key)
          else inLine.add(key)
        }
        run.pieces.push(frame.bytes)
        bytes += frame.bytes.length
      }
    },
    addFault: (source, fault) => {
      runs.push({ source, fault })
      bytes += entryBytes
    },
    bytes: () => bytes,
    isEmpty: () => runs.length === 0,
    take: (mostBytes) => {
      const entries: LogEntry[] = []
      let left = mostBytes
      while (runs.length > 0 && (left > entryBytes + leastPieceBytes || entries.length === 0)) {
        const run = runs[0] as Run
        left -= entryBytes
        if ('fault' in run) {
          entries.push(run)
          left -= faultBytes
        } else {
          const whole = run.pieces.length === 1 ? (run.pieces[0] as Buffer) : Buffer.concat(run.pieces)
          const piece = whole.subarray(0, cutAt(whole, Math.max(4, left)))
          entries.push(toEntry(run, piece))
          left -= piece.length
          bytes -= piece.length
          if (piece.length < whole.length) {
            // What does not fit comes first in the next chunk.
            run.pieces.splice(0, run.pieces.length, whole.subarray(piece.length))
            break
          }
        }
        bytes -= entryBytes
        runs.shift()
      }
      return entries
    },
  }
}

/** As text, unless it is none, or so full of control characters that JSON would more than double it. */
const toEntry = ({ source, stream }: { source: string; stream: LogFrame['stream'] }, piece: Buffer): LogEntry => {
  const text = isUtf8(piece) ? piece.toString('utf8') : undefined
  return text !== undefined && JSON.stringify(text).length <= 2 * piece.length + 2
    ? { source, stream, text }
    : { source, stream, base64: piece.toString('base64') }
}

/** Behind a line end where one is near, and not in the middle of a character. */
const cutAt = (bytes: Buffer, most: number): number => {
  if (bytes.length <= most) return bytes.length
  const lineEnd = bytes.lastIndexOf(10, most - 1) + 1
  if (lineEnd > most / 2) return lineEnd
  let end = most
  for (let back = 0; back < 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80; back += 1) end -= 1
  return end
}
