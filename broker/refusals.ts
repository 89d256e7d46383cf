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

export type LastRefusal = { readonly at: number; readonly limit: Refusal; readonly message: string }

const mostLast = 20

/** @param nowMs epoch ms, for people to read */
export const createRefusals = (log: Logger, monotonicMs: () => number, nowMs: () => number = Date.now) => {
  const lastOnes: LastRefusal[] = []
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
      const who = facts.user ?? facts.client ?? facts.address
      lastOnes.push({ at: nowMs(), limit: refusal, message: who === undefined ? message : `${who}: ${message}` })
      if (lastOnes.length > mostLast) lastOnes.shift()
      const kind = `${refusal} ${why}`
      const last = told.get(kind)
      const atMs = monotonicMs()
      if (last !== undefined && atMs - last.atMs < quietMs) return
      told.set(kind, { atMs, count: total })
      const before = total - (last?.count ?? 0) - 1
      log.warn({ ...facts, limit: refusal, count: total, ...(before > 0 ? { sinceLast: before } : {}) }, message)
    },
    counts: (): RefusalCounts => ({ ...counts }),
    /** The oldest first. */
    last: (): readonly LastRefusal[] => [...lastOnes],
  }
}

export type Refusals = ReturnType<typeof createRefusals>
