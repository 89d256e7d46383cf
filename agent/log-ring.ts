/** The last lines of the agent's own log, in memory: for `longshore logs --agent` and for diagnoses. It never logs itself. */

/** `at` is epoch ms, `text` a line of JSON without its end. `n` rises by one a line, so that a gap can be told. */
export type OwnLogLine = { readonly n: number; readonly at: number; readonly text: string }

export type LogRing = {
  /** A line as pino writes it, with its end. What is too long is cut. */
  readonly write: (line: string) => void
  /** What is kept, oldest first. @param after only lines with a higher `n` */
  readonly lines: (after?: number) => readonly OwnLogLine[]
  /** Calls back after each line, until the function that it returns is called. */
  readonly onLine: (listener: () => void) => () => void
}

/** Of one line, in characters: a stack trace fits. */
const longestLine = 8 * 1024

/** @param mostLength of all lines together, in characters */
export const createLogRing = (nowMs: () => number, mostLength = 256 * 1024): LogRing => {
  let kept: OwnLogLine[] = []
  let length = 0
  let n = 0
  const listeners = new Set<() => void>()

  const dropOldest = (): void => {
    // In strides: to take away one for each line that comes would copy them all each time.
    let dropped = 0
    while (length > mostLength * 0.75 && dropped < kept.length - 1) {
      length -= kept[dropped]?.text.length ?? 0
      dropped += 1
    }
    kept = kept.slice(dropped)
  }

  return {
    write: (line) => {
      const text = line.trimEnd().slice(0, longestLine)
      n += 1
      kept.push({ n, at: nowMs(), text })
      length += text.length
      if (length > mostLength) dropOldest()
      for (const listener of listeners) listener()
    },
    lines: (after = 0) => {
      const first = kept[0]?.n ?? 0
      return kept.slice(Math.max(0, after + 1 - first))
    },
    onLine: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
