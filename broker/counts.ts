/** What the broker holds and what it refused, at a glance: for its log now, for `$SYS` and metrics later. */
import type { DropCounts, Store } from './persistence/store.ts'
import type { RefusalCounts } from './refusals.ts'

export type BrokerCounts = {
  readonly connections: number
  readonly sessions: number
  readonly retained: { readonly count: number; readonly bytes: number }
  /** For clients that are not there, or have not acknowledged yet. */
  readonly queued: { readonly count: number; readonly bytes: number }
  readonly dropped: DropCounts
  readonly refused: RefusalCounts
  /** Why the disk takes nothing now. */
  readonly fault?: string
}

export const countBroker = (store: Store, connections: number, refused: RefusalCounts): BrokerCounts => {
  const { retained, sessions, messages, queuedBytes } = store.state
  const fault = store.fault()
  return {
    connections,
    sessions: sessions.size,
    retained: { count: retained.count(), bytes: retained.bytes() },
    queued: { count: messages.size, bytes: queuedBytes },
    dropped: { ...store.drops() },
    refused,
    ...(fault === undefined ? {} : { fault: fault.code }),
  }
}
