/**
 * What the broker keeps, in memory and on disk. Each change is applied and appended in one step, so that the order in
 * memory is that of the journal; who acknowledges anything waits for `whenWritten` first.
 */
import type { Logger } from 'pino'
import type { OutboxFiles } from '../../src/outbox/files.ts'
import type { LongshoreError } from '../../src/protocol/reason.ts'
import {
  type Drop,
  type DropReason,
  dropsByAge,
  dropsOfAll,
  dropsOfClient,
  type QueueBounds,
  staleSessions,
} from './bounds.ts'
import { type FsyncPolicy, openJournal } from './journal.ts'
import { type Operation, type QualityOfService, type Recipient, sessionOperation } from './operation.ts'
import { recover } from './recover.ts'
import { writeSnapshot } from './snapshot.ts'
import { applyOperation, createState, type Session, type State } from './state.ts'

export type StoreInput = {
  /** undefined: nothing is kept over a restart */
  readonly files: OutboxFiles | undefined
  readonly fsync: FsyncPolicy
  /** A journal shorter than this is left as it is. */
  readonly longJournalBytes?: number
  readonly bounds: QueueBounds
  /** epoch ms; 0 while the clock is not to be believed */
  readonly nowMs: () => number
  /** A few letters that no other file has. */
  readonly salt: () => string
  readonly isConnected: (session: Session) => boolean
  readonly log: Logger
}

export type Message = {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QualityOfService
  readonly retain: boolean
}

export type DropCounts = Record<DropReason, number>

export type Store = {
  /** To be read only. */
  readonly state: State
  readonly change: (operation: Operation) => void
  /** Retains and queues it, and hands back in whose queues it now waits. */
  readonly publish: (message: Message) => ReadonlyMap<Session, number>
  readonly whenWritten: (done: (error: LongshoreError | null) => void) => void
  readonly fault: () => LongshoreError | undefined
  /** Drops what is too old, and forgets whose client does not come. To be called now and then. */
  readonly sweep: () => void
  /** Writes a snapshot when what is on disk has become long. To be called often. */
  readonly shorten: () => Promise<void>
  /** A number for a new session. @param owner its user; undefined: one without a name */
  readonly newSession: (clientId: string, owner?: string) => Session
  readonly drops: () => Readonly<DropCounts>
  readonly bytesOnDisk: () => number
  readonly close: () => Promise<void>
}

/** Each start begins one. */
const manyJournals = 16

const nobody: ReadonlyMap<Session, number> = new Map()

/** What a restart reads in some tens of milliseconds. */
const longJournalBytes = 8 * 1024 * 1024

/** @throws LongshoreError state-unusable, disk-full */
export const openStore = async (input: StoreInput): Promise<Store> => {
  const { files, bounds, log } = input
  const long = input.longJournalBytes ?? longJournalBytes
  const recovered = files === undefined ? undefined : await recover(files, log)
  const state = recovered?.state ?? createState()
  const journal =
    files === undefined || recovered === undefined
      ? undefined
      : await openJournal({ files, number: recovered.nextNumber, policy: input.fsync, salt: input.salt, log })
  const drops: DropCounts = { 'client-full': 0, 'all-full': 0, 'too-old': 0 }
  let nextNumber = (recovered?.nextNumber ?? 0) + 1
  let oldBytes = recovered?.journalBytes ?? 0
  let oldJournals = recovered?.journals ?? 0
  let againFrom = 0
  let snapshotBytes = recovered?.snapshotBytes ?? 0
  let snapshotting: Promise<void> | undefined

  const change = (operation: Operation): void => {
    applyOperation(state, operation)
    journal?.append(operation)
  }

  /** Of whom the log has to hear: at the bound there is a drop with every message. */
  const untold = new Map<Session, number>()

  const drop = (dropped: readonly Drop[]): void => {
    for (const { session, entry, why } of dropped) {
      change({ kind: 'settle', session: session.number, seq: entry.message.seq })
      drops[why] += 1
      session.dropped += 1
      untold.set(session, (untold.get(session) ?? 0) + 1)
    }
  }

  const tellDrops = (): void => {
    for (const [{ clientId, dropped }, count] of untold)
      log.warn({ client: clientId, count, inAll: dropped }, 'queued messages dropped')
    untold.clear()
  }

  const publish = ({ topic, payload, qos, retain }: Message): ReadonlyMap<Session, number> => {
    const sessions: ReadonlyMap<Session, number> = qos > 0 ? state.filters.match(topic) : nobody
    const to: Recipient[] = []
    for (const [session, granted] of sessions)
      to.push({ session: session.number, qos: Math.min(qos, granted) as QualityOfService })
    const isNews = retain && !isRetained(state, topic, payload, qos)
    if (!isNews && to.length === 0) return sessions
    const seq = state.lastSeq + 1
    // A copy: what comes from a socket is a part of a much larger piece of memory.
    change({ kind: 'publish', seq, atMs: input.nowMs(), topic, payload: Buffer.from(payload), qos, retain: isNews, to })
    for (const session of sessions.keys())
      if (session.queuedBytes > bounds.maxQueuedBytesPerClient) drop(dropsOfClient(session, bounds))
    drop(dropsOfAll(state, bounds))
    return sessions
  }

  const writeIfLong = async (): Promise<void> => {
    if (files === undefined || journal === undefined) return
    const bytes = oldBytes + journal.bytes()
    const isShort = bytes < Math.max(long, 2 * snapshotBytes)
    if (bytes < againFrom || (isShort && oldJournals < manyJournals)) return
    // Should it fail, it is tried again when it has become longer still.
    againFrom = bytes + long
    const number = nextNumber++
    const before = journal.bytes()
    await journal.moveOn(number)
    oldBytes += before
    oldJournals += 1
    snapshotBytes = await writeSnapshot(files, state, number, input.salt())
    oldBytes = 0
    oldJournals = 0
    againFrom = 0
  }

  return {
    state,
    change,
    publish,
    whenWritten: (done) => (journal === undefined ? done(null) : journal.whenWritten(done)),
    fault: () => journal?.fault(),
    sweep: () => {
      const nowMs = input.nowMs()
      for (const session of staleSessions(state, input.isConnected, nowMs, bounds)) {
        log.warn(
          { client: session.clientId, waiting: session.waiting.count() },
          'session forgotten: its client did not come',
        )
        change({ kind: 'forget', session: session.number })
      }
      for (const session of state.byNumber.values()) drop(dropsByAge(session, nowMs, bounds))
      tellDrops()
    },
    shorten: async () => {
      if (journal?.fault() !== undefined) return
      snapshotting ??= writeIfLong()
        .catch((error: unknown) => log.error({ err: error }, 'what is on disk could not be shortened'))
        .finally(() => {
          snapshotting = undefined
        })
      await snapshotting
    },
    newSession: (clientId, owner) => {
      const session = state.lastSession + 1
      change(sessionOperation(session, clientId, owner))
      return state.byNumber.get(session) as Session
    },
    drops: () => drops,
    bytesOnDisk: () => oldBytes + snapshotBytes + (journal?.bytes() ?? 0),
    close: async () => {
      await snapshotting
      await journal?.close()
    },
  }
}

/** Flash is spared: what is retained already is not written again. */
const isRetained = (state: State, topic: string, payload: Buffer, qos: QualityOfService): boolean => {
  const before = state.retained.get(topic)
  if (before === undefined) return payload.length === 0
  return before.qos === qos && before.payload.equals(payload)
}
