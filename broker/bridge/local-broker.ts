/** What a bridge needs of the broker that it is part of, and what it notes there: with its journal, over restarts. */
import { createHash } from 'node:crypto'

export type LocalBroker = {
  readonly retained: (topic: string) => Buffer | undefined
  /** Topics of what is retained. */
  readonly topics: (filter: string) => Iterable<string>
  /** Whether it keeps to the limits that every client has here; what does not is counted and logged. */
  readonly mayTake: (topic: string, payload: Buffer, options: { readonly retain: boolean }) => boolean
  /** Resolves when it is written. QoS 1. @throws LongshoreError disk-full, state-unusable */
  readonly publish: (topic: string, payload: Buffer, options: { readonly retain: boolean }) => Promise<void>
  /**
   * A note about a topic, which only the bridge sees: `up` is what the broker above has acknowledged there, `down` is what
   * came from above. null takes it away.
   */
  readonly note: (kind: NoteKind, topic: string, digest: Buffer | null) => void
  readonly noted: (kind: NoteKind, topic: string) => Buffer | undefined
  readonly notes: (kind: NoteKind) => Iterable<string>
}

export type NoteKind = 'up' | 'down'

/** Enough to tell what is retained from what was; nobody gains by a collision. */
export const digestOf = (payload: Buffer): Buffer => createHash('sha256').update(payload).digest().subarray(0, 12)
