/** The last lines of a log, in memory: bounded by count and length, so that a flood of them costs nothing. */
export type RecentLines = {
  readonly add: (line: string) => void
  /** oldest first */
  readonly lines: () => readonly string[]
}

const mostLines = 500
const longestLine = 2_000

export const createRecentLines = (): RecentLines => {
  const kept: string[] = []
  return {
    add: (line) => {
      kept.push(line.trimEnd().slice(0, longestLine))
      if (kept.length > 2 * mostLines) kept.splice(0, kept.length - mostLines)
    },
    lines: () => kept.slice(-mostLines),
  }
}
