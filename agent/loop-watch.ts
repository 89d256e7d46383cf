/** Notices when this process did nothing else for a while: then messages, timers and the keepalive of the link were late. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Logger } from 'pino'

export type LoopWatchInput = {
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  /** The longest stall since the last reading, in ms; of perf_hooks by default. */
  readonly readStallMs?: () => number
  readonly log: Logger
}

export type LoopWatch = {
  /** ms of the longest stall since the start */
  readonly longestMs: () => number
  /** The same since this was asked last. */
  readonly takeStallMs: () => number
  readonly stop: () => void
}

const lookEveryMs = 10_000
const longMs = 250
const tellEveryMs = 60_000
/** Each reading wakes the machine. */
const resolutionMs = 100

export const watchLoop = ({ monotonicMs, readStallMs, log }: LoopWatchInput): LoopWatch => {
  const gauge = readStallMs === undefined ? openGauge() : { read: readStallMs, close: () => undefined }
  let [longestMs, untakenMs] = [0, 0]
  let toldMs = Number.NEGATIVE_INFINITY
  const look = (): void => {
    const stallMs = Math.round(gauge.read())
    longestMs = Math.max(longestMs, stallMs)
    untakenMs = Math.max(untakenMs, stallMs)
    if (stallMs <= longMs || monotonicMs() - toldMs < tellEveryMs) return
    toldMs = monotonicMs()
    log.warn({ stallMs, longestMs }, 'the agent was busy for so long that everything else waited')
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  return {
    longestMs: () => longestMs,
    takeStallMs: () => {
      look()
      const taken = untakenMs
      untakenMs = 0
      return taken
    },
    stop: () => {
      clearInterval(timer)
      gauge.close()
    },
  }
}

const openGauge = (): { readonly read: () => number; readonly close: () => void } => {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  return {
    read: () => {
      // What Node measures is from one look to the next, the pause between them included.
      const stallMs = Math.max(0, delays.max / 1e6 - resolutionMs)
      delays.reset()
      return stallMs
    },
    close: () => void delays.disable(),
  }
}
