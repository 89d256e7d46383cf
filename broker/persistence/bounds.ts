/** What must go so that the queues stay within their bounds: the oldest first, never what is on its way. Pure. */
import { bytesOf, type Entry, type Session, type State } from './state.ts'

export type QueueBounds = {
  /** of all sessions together */
  readonly maxQueuedBytes: number
  readonly maxQueuedBytesPerClient: number
  readonly maxQueuedAgeMs: number
  /** How long a session is kept whose client does not come. */
  readonly sessionExpiryMs: number
  readonly maxSessions: number
}

export type Drop = { readonly session: Session; readonly entry: Entry; readonly why: DropReason }

export type DropReason = 'client-full' | 'all-full' | 'too-old'

/** Of one session, which just got something. */
export const dropsOfClient = (session: Session, bounds: QueueBounds): Drop[] =>
  oldest(session, session.queuedBytes - bounds.maxQueuedBytesPerClient, 'client-full')

/** The fullest queue gives way, by enough that this is not asked again with the next message. */
export const dropsOfAll = (state: State, bounds: QueueBounds): Drop[] => {
  if (state.queuedBytes <= bounds.maxQueuedBytes) return []
  let fullest: Session | undefined
  for (const session of state.byNumber.values())
    if (fullest === undefined || session.queuedBytes > fullest.queuedBytes) fullest = session
  const overBytes = state.queuedBytes - 0.99 * bounds.maxQueuedBytes
  return fullest === undefined ? [] : oldest(fullest, overBytes, 'all-full')
}

const oldest = (session: Session, overBytes: number, why: DropReason): Drop[] => {
  const drops: Drop[] = []
  if (overBytes <= 0) return drops
  let left = overBytes
  for (const entry of session.waiting.items()) {
    if (left <= 0) break
    drops.push({ session, entry, why })
    left -= bytesOf(entry.message)
  }
  return drops
}

/** What has waited too long. @param nowMs 0 while the clock is not to be believed: nothing is old then */
export const dropsByAge = (session: Session, nowMs: number, bounds: QueueBounds): Drop[] => {
  if (nowMs === 0) return []
  const drops: Drop[] = []
  for (const entry of session.waiting.items()) {
    const { message } = entry
    // Written while the clock was wrong: from now on it ages.
    if (message.atMs === 0 || message.atMs > nowMs) message.atMs = nowMs
    if (nowMs - message.atMs <= bounds.maxQueuedAgeMs) break
    drops.push({ session, entry, why: 'too-old' })
  }
  return drops
}

/** Sessions whose clients have not come for too long, and the longest away of those that are too many. */
export const staleSessions = (
  state: State,
  isConnected: (session: Session) => boolean,
  nowMs: number,
  bounds: QueueBounds,
): Session[] => {
  if (nowMs === 0) return []
  const away: Session[] = []
  for (const session of state.byNumber.values()) {
    if (isConnected(session)) continue
    if (session.seenMs === 0 || session.seenMs > nowMs) session.seenMs = nowMs
    away.push(session)
  }
  away.sort((a, b) => a.seenMs - b.seenMs)
  const tooMany = Math.min(away.length, Math.max(0, state.byNumber.size - bounds.maxSessions))
  return away.filter(({ seenMs }, index) => index < tooMany || nowMs - seenMs > bounds.sessionExpiryMs)
}
