/** What was refused and left out, counted by limit; the log hears of each kind at once, and then now and then how many. */
import type { Logger } from 'pino'

/** The settings that they are limits of, and what has no setting. */
export type Refusal =
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'maxConnectRate'
  | 'maxClientIdBytes'
  | 'maxSubscriptions'
  | 'maxTopicBytes'
  | 'maxTopicLevels'
  | 'maxRetainedBytes'
  | 'maxPacketBytes'
  | 'sharedSubscription'
  | 'reservedTopic'
  | 'slowReader'
  | 'diskFull'
  | 'qos0Dropped'
  | 'badLogin'
  | 'maxFailedLogins'
  | 'foreignClientId'
  | 'notAllowed'
  | 'badTls'
  | 'badToken'
  | 'revokedCertificate'
  | 'badWebSocket'

export type RefusalCounts = Readonly<Partial<Record<Refusal, number>>>

/** How long the log hears no more of a kind than of its first. */
const quietMs = 10_000

export const createRefusals = (log: Logger, monotonicMs: () => number) => {
  const counts: Partial<Record<Refusal, number>> = {}
  /** by kind, and by what was wrong where one kind has several */
  const told = new Map<string, { atMs: number; count: number }>()
  const count = (refusal: Refusal): number => {
    const next = (counts[refusal] ?? 0) + 1
    counts[refusal] = next
    return next
  }
  return {
    /** Where the log says it otherwise. */
    count,
    /** @param why one of a few words: of each the log hears by itself */
    note: (refusal: Refusal, facts: Readonly<Record<string, unknown>>, message: string, why = ''): void => {
      const total = count(refusal)
      const kind = `${refusal} ${why}`
      const last = told.get(kind)
      const nowMs = monotonicMs()
      if (last !== undefined && nowMs - last.atMs < quietMs) return
      told.set(kind, { atMs: nowMs, count: total })
      const before = total - (last?.count ?? 0) - 1
      log.warn({ ...facts, limit: refusal, count: total, ...(before > 0 ? { sinceLast: before } : {}) }, message)
    },
    counts: (): RefusalCounts => ({ ...counts }),
  }
}

export type Refusals = ReturnType<typeof createRefusals>
