/** The longest that a timer can count, 24 days; one that is asked for more fires at once. */
const longestMs = 2 ** 31 - 1

/** Waits, but not longer than until the signal fires. */
export const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(delayMs, longestMs))
    signal.addEventListener('abort', done, { once: true })
  })
