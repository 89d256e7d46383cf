/**
 * The reader's side of a log stream: chunks in order without gaps, and how much may be on its way. Pure.
 *
 * The window is what came in the last second, as it was measured: a thin link has little queued in front of what matters more,
 * a fast one is not waited for.
 */
import { type LogChunk, leastWindow, mostWindow } from '../protocol/log.ts'

export type LogOrder = {
  /** Takes a chunk in. @returns whether something before it is missing */
  readonly take: (chunk: LogChunk, bytes: number) => boolean
  /** The next chunk, when it is there. */
  readonly next: () => { readonly chunk: LogChunk; readonly bytes: number } | undefined
}

/** A device that keeps to the window never comes near it. */
const mostWaiting = 4096

export const createLogOrder = (): LogOrder => {
  const waiting = new Map<number, { readonly chunk: LogChunk; readonly bytes: number }>()
  let wanted = 1
  return {
    take: (chunk, bytes) => {
      if (chunk.beat === true) return chunk.n >= wanted && !waiting.has(wanted)
      if (chunk.n >= wanted && waiting.size < mostWaiting) waiting.set(chunk.n, { chunk, bytes })
      return chunk.n > wanted && !waiting.has(wanted)
    },
    next: () => {
      const found = waiting.get(wanted)
      if (found !== undefined) {
        waiting.delete(wanted)
        wanted += 1
      }
      return found
    },
  }
}

/** @param bytes that came within `elapsedMs` */
export const nextWindow = (bytes: number, elapsedMs: number): number =>
  Math.round(Math.min(mostWindow, Math.max(leastWindow, (bytes * 1000) / Math.max(1, elapsedMs))))
