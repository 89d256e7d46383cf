/** Since when the link has been up or down, and why it is down. */
import type { AgentStatus } from '../src/protocol/local.ts'
import type { Reason } from '../src/protocol/reason.ts'

export type LinkHistory = {
  /** @returns ms for which it was down; undefined: it is the first connection */
  readonly up: () => number | undefined
  /** Attempts that fail while it is down do not count as new. */
  readonly down: (reason: Pick<Reason, 'code' | 'message'>) => void
  readonly downForMs: () => number | undefined
  /** epoch ms since when it is as it is, and why where it is down; absent: it was never up */
  readonly change: () => Pick<AgentStatus['link'], 'since' | 'reason'>
  /** The clock on the wall was set, forward by so many ms. */
  readonly shiftClock: (byMs: number) => void
}

export const createLinkHistory = (nowMs: () => number, monotonicMs: () => number): LinkHistory => {
  let downSinceMs: number | undefined
  let change: Pick<AgentStatus['link'], 'since' | 'reason'> = {}
  const downForMs = (): number | undefined => (downSinceMs === undefined ? undefined : monotonicMs() - downSinceMs)
  return {
    up: () => {
      const durationMs = downForMs()
      downSinceMs = undefined
      change = { since: nowMs() }
      return durationMs
    },
    down: ({ code, message }) => {
      const since = downSinceMs === undefined ? nowMs() : (change.since ?? nowMs())
      downSinceMs ??= monotonicMs()
      change = { since, reason: { code, message } }
    },
    downForMs,
    change: () => change,
    shiftClock: (byMs) => {
      if (change.since !== undefined) change = { ...change, since: Math.max(0, change.since + byMs) }
    },
  }
}
