/** Notices that the clock on the wall was set, beside one that never jumps. */

export type ClockWatcherInput = {
  /** epoch ms; may jump */
  readonly nowMs: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  /** @param byMs forward; backward when negative */
  readonly onSet: (byMs: number) => void
}

const lookEveryMs = 10_000

/** A clock that is only slewed, or read a little late, was not set. */
const leastStepMs = 10_000

export const createClockWatcher = ({ nowMs, monotonicMs, onSet }: ClockWatcherInput) => {
  const zero = (): number => nowMs() - monotonicMs()
  let known = zero()
  let timer: NodeJS.Timeout | undefined
  const look = (): void => {
    const byMs = zero() - known
    known += byMs
    if (Math.abs(byMs) >= leastStepMs) onSet(Math.round(byMs))
  }
  return {
    start: () => {
      timer = setInterval(look, lookEveryMs)
      timer.unref()
    },
    stop: () => clearInterval(timer),
  }
}
