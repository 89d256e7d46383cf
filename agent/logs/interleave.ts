/**
 * Several logs as one, in order of time. Of each at most one portion is read ahead. A source that has nothing to say is not
 * waited for longer than the patience; then its next line may come late, as in any log that is followed.
 */
import type { LogFrame } from '../engine/engine.ts'
import { endsLine, type LogSource } from './source.ts'

export type LogItem =
  | { readonly kind: 'frames'; readonly source: string; readonly frames: readonly LogFrame[] }
  | { readonly kind: 'fault'; readonly source: string; readonly error: unknown }

export type Interleaver = {
  readonly add: (source: LogSource) => void
  /** No more sources will be added: with the last of them it ends. */
  readonly close: () => void
  /** What comes next, all of one source; undefined at the end. One call at a time. */
  readonly next: () => Promise<LogItem | undefined>
  readonly stop: () => void
}

type Feed = {
  readonly name: string
  readonly iterator: AsyncIterator<readonly LogFrame[]>
  frames: readonly LogFrame[]
  at: number
  /** since when its next portion has been waited for */
  askedAtMs: number | undefined
  fault?: { readonly error: unknown }
  hasEnded: boolean
}

/** @param patienceMs how long a source may be silent before the others go on without it */
export const createInterleaver = (patienceMs: number, monotonicMs: () => number): Interleaver => {
  const feeds = new Set<Feed>()
  let isClosed = false
  /** in the middle of a line, which it may end before others go on */
  let speaker: Feed | undefined
  let wake: () => void = () => undefined

  const ask = (feed: Feed): void => {
    feed.askedAtMs = monotonicMs()
    feed.iterator
      .next()
      .then(
        ({ done, value }) => {
          if (done === true) feed.hasEnded = true
          else [feed.frames, feed.at] = [value, 0]
        },
        (error: unknown) => {
          feed.fault = { error }
        },
      )
      .finally(() => {
        feed.askedAtMs = undefined
        wake()
      })
  }

  const hasFrames = (feed: Feed): boolean => feed.at < feed.frames.length

  /** Asks whoever has nothing left, and forgets who has ended. Returns who may still say something earlier than the rest. */
  const awaited = (): Feed[] => {
    for (const feed of feeds) {
      if (feed.hasEnded) feeds.delete(feed)
      else if (!hasFrames(feed) && feed.askedAtMs === undefined && feed.fault === undefined) ask(feed)
    }
    const now = monotonicMs()
    return [...feeds].filter(({ askedAtMs }) => askedAtMs !== undefined && now - askedAtMs < patienceMs)
  }

  const woken = async (afterMs: number): Promise<void> => {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      wake = resolve
      if (Number.isFinite(afterMs)) timer = setTimeout(resolve, afterMs)
    })
    clearTimeout(timer)
  }

  const take = (feed: Feed, others: readonly Feed[]): LogItem => {
    const limit = others.map(headTime).reduce((a, b) => (a < b ? a : b), afterAll)
    const from = feed.at
    // A line that was begun is ended first, whatever its pieces are dated.
    do feed.at += 1
    while (hasFrames(feed) && (headTime(feed) <= limit || !endsLine(feed.frames[feed.at - 1] as LogFrame)))
    const frames = feed.frames.slice(from, feed.at)
    speaker = endsLine(frames.at(-1) as LogFrame) ? undefined : feed
    return { kind: 'frames', source: feed.name, frames }
  }

  return {
    add: ({ name, frames }) => {
      const iterator = frames[Symbol.asyncIterator]()
      feeds.add({ name, iterator, frames: [], at: 0, askedAtMs: undefined, hasEnded: false })
      wake()
    },
    close: () => {
      isClosed = true
      wake()
    },
    next: async () => {
      for (;;) {
        const waited = awaited()
        for (const feed of feeds) {
          if (feed.fault === undefined) continue
          feeds.delete(feed)
          return { kind: 'fault', source: feed.name, error: feed.fault.error }
        }
        const ready = [...feeds].filter(hasFrames)
        if (ready.length > 0 && waited.length === 0) {
          const first =
            ready.find((feed) => feed === speaker) ?? ready.reduce((a, b) => (headTime(b) < headTime(a) ? b : a))
          return take(
            first,
            ready.filter((feed) => feed !== first),
          )
        }
        if (feeds.size === 0 && isClosed) return undefined
        const now = monotonicMs()
        const least = Math.min(...waited.map(({ askedAtMs = now }) => askedAtMs + patienceMs - now))
        await woken(ready.length > 0 ? Math.max(1, least) : Number.POSITIVE_INFINITY)
      }
    },
    stop: () => {
      isClosed = true
      for (const { iterator } of feeds) void iterator.return?.().catch(() => undefined) // it is not wanted any more
      feeds.clear()
      wake()
    },
  }
}

/** Sorts behind every time. */
const afterAll = '~'

const headTime = ({ frames, at }: Feed): string => frames[at]?.time ?? afterAll
