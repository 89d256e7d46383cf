/** The agent's own log as a source: what the ring has, and on request what comes. Never a line for one that it sends. */
import type { LogFrame, LogQuery } from '../engine/engine.ts'
import { logTime } from '../engine/log-time.ts'
import type { LogRing, OwnLogLine } from '../log-ring.ts'
import type { LogSource } from './source.ts'

export const ownLogSource = (ring: LogRing, query: LogQuery, signal: AbortSignal): LogSource => ({
  name: 'agent',
  frames: framesOf(ring, query, signal),
})

async function* framesOf(ring: LogRing, query: LogQuery, signal: AbortSignal): AsyncGenerator<readonly LogFrame[]> {
  let [seen, wake] = [0, (): void => undefined]
  const leave = ring.onLine(() => wake())
  const onAbort = (): void => wake()
  signal.addEventListener('abort', onAbort)
  const isWithin = ({ time }: LogFrame): boolean =>
    (query.since === undefined || time >= query.since) && (query.until === undefined || time <= query.until)
  try {
    const kept = ring.lines()
    yield kept
      .slice(query.tail === undefined ? 0 : Math.max(0, kept.length - query.tail))
      .map(toFrame)
      .filter(isWithin)
    seen = kept.at(-1)?.n ?? 0
    while (query.follow && !signal.aborted) {
      const lines = ring.lines(seen)
      if (lines.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      const missing = (lines[0]?.n ?? 0) - seen - 1
      if (missing > 0) yield [toFrame({ n: 0, at: lines[0]?.at ?? 0, text: `(${missing} lines were not kept)` })]
      seen = lines.at(-1)?.n ?? seen
      yield lines.map(toFrame).filter(isWithin)
    }
  } finally {
    leave()
    signal.removeEventListener('abort', onAbort)
  }
}

const toFrame = ({ at, text }: OwnLogLine): LogFrame => ({
  stream: 'stdout',
  time: logTime(at),
  bytes: Buffer.from(`${text}\n`),
})
