/**
 * What the broker keeps: retained messages, sessions with what they subscribe to and what waits for them, wills. It changes
 * by operations only, in the same way at run time as when they are read from disk, and nothing in it is random or timed.
 * Operations that do not fit (of a session that is gone, of a message that is there) change nothing: after a crash a
 * snapshot and the journal beside it tell of some things twice.
 */
import { createFilterTree, type FilterTree } from './filter-tree.ts'
import {
  type Operation,
  type PublishOperation,
  type QualityOfService,
  type StoredSubscription,
  type StoredWill,
  sessionOperation,
} from './operation.ts'
import { createRetainedIndex, type RetainedIndex } from './retained-index.ts'
import { createWaitingList, type WaitingList } from './waiting-list.ts'

/** One for all who get it. */
export type StoredMessage = {
  readonly seq: number
  atMs: number
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QualityOfService
  readonly holders: { readonly session: Session; readonly qos: QualityOfService }[]
}

export type Entry = {
  readonly message: StoredMessage
  readonly qos: QualityOfService
  /** 0: not sent yet */
  messageId: number
  /** QoS 2: the client has it, only the release is missing. */
  isReleased: boolean
}

export type Session = {
  readonly number: number
  readonly clientId: string
  /** The user that left it; undefined: one without a name. */
  owner: string | undefined
  readonly subscriptions: Map<string, StoredSubscription>
  readonly waiting: WaitingList<Entry>
  /** Sent and not acknowledged, by packet identifier, in the order in which they were sent. */
  readonly inFlight: Map<number, Entry>
  /** Packet identifiers of QoS 2 that were taken and not released. */
  readonly incoming: Set<number>
  queuedBytes: number
  /** Messages that it did not get because there was no room, or no time, since the broker started. */
  dropped: number
  /** epoch ms; 0: connected, or nobody knows */
  seenMs: number
}

export type State = {
  readonly retained: RetainedIndex
  readonly sessions: Map<string, Session>
  readonly byNumber: Map<number, Session>
  readonly filters: FilterTree<Session>
  /** in somebody's queue, by `seq` */
  readonly messages: Map<number, StoredMessage>
  readonly wills: Map<string, StoredWill>
  queuedBytes: number
  lastSeq: number
  lastSession: number
}

export const createState = (): State => ({
  retained: createRetainedIndex(),
  sessions: new Map(),
  byNumber: new Map(),
  filters: createFilterTree(),
  messages: new Map(),
  wills: new Map(),
  queuedBytes: 0,
  lastSeq: 0,
  lastSession: 0,
})

/** What a message takes in memory beside its bytes, about. */
const overheadBytes = 200

export const bytesOf = ({ topic, payload }: { topic: string; payload: Buffer }): number =>
  topic.length + payload.length + overheadBytes

export const applyOperation = (state: State, operation: Operation): void => {
  switch (operation.kind) {
    case 'publish':
      applyPublish(state, operation)
      break
    case 'session':
      addSession(state, operation.session, operation.clientId, operation.owner)
      break
    case 'will':
      if (operation.will === null) state.wills.delete(operation.clientId)
      else state.wills.set(operation.clientId, operation.will)
      break
    case 'end':
      state.lastSeq = Math.max(state.lastSeq, operation.seq)
      break
    default: {
      const session = state.byNumber.get(operation.session)
      if (session !== undefined) changeSession(state, session, operation)
    }
  }
}

type SessionOperation = Exclude<Operation, { kind: 'publish' | 'session' | 'will' | 'end' }>

const changeSession = (state: State, session: Session, operation: SessionOperation): void => {
  switch (operation.kind) {
    case 'settle':
      settle(state, session, operation.seq)
      break
    case 'forget':
      forget(state, session)
      break
    case 'seen':
      session.seenMs = operation.atMs
      break
    case 'subscribe':
      for (const subscription of operation.subscriptions) subscribe(state, session, subscription)
      break
    case 'unsubscribe':
      for (const filter of operation.filters) {
        session.subscriptions.delete(filter)
        state.filters.remove(filter, session)
      }
      break
    case 'sent':
      markSent(session, operation)
      break
    case 'incoming':
      if (operation.isKnown) session.incoming.add(operation.messageId)
      else session.incoming.delete(operation.messageId)
  }
}

const applyPublish = (state: State, { seq, atMs, topic, payload, qos, retain, to }: PublishOperation): void => {
  state.lastSeq = Math.max(state.lastSeq, seq)
  if (retain && payload.length === 0) state.retained.remove(topic)
  else if (retain) state.retained.set({ topic, payload, qos })
  if (to.length === 0) return
  const known = state.messages.get(seq)
  const message: StoredMessage = known ?? { seq, atMs, topic, payload, qos, holders: [] }
  for (const recipient of to) {
    const session = state.byNumber.get(recipient.session)
    if (session === undefined || known?.holders.some((holder) => holder.session === session)) continue
    message.holders.push({ session, qos: recipient.qos })
    session.waiting.push({ message, qos: recipient.qos, messageId: 0, isReleased: false })
    session.queuedBytes += bytesOf(message)
    state.queuedBytes += bytesOf(message)
  }
  if (message.holders.length > 0) state.messages.set(seq, message)
}

const settle = (state: State, session: Session, seq: number): void => {
  const entry = session.waiting.remove(seq) ?? takeInFlight(session, seq)
  if (entry !== undefined) release(state, session, entry.message)
}

/** There are few, and mostly it is the first. */
const takeInFlight = (session: Session, seq: number): Entry | undefined => {
  for (const [messageId, entry] of session.inFlight) {
    if (entry.message.seq !== seq) continue
    session.inFlight.delete(messageId)
    return entry
  }
  return undefined
}

const release = (state: State, session: Session, message: StoredMessage): void => {
  session.queuedBytes -= bytesOf(message)
  state.queuedBytes -= bytesOf(message)
  message.holders.splice(
    message.holders.findIndex((holder) => holder.session === session),
    1,
  )
  if (message.holders.length === 0) state.messages.delete(message.seq)
}

const addSession = (state: State, number: number, clientId: string, owner: string | undefined): void => {
  state.lastSession = Math.max(state.lastSession, number)
  const known = state.byNumber.get(number)
  if (known !== undefined) {
    known.owner = owner
    return
  }
  const session: Session = {
    number,
    clientId,
    owner,
    subscriptions: new Map(),
    waiting: createWaitingList(),
    inFlight: new Map(),
    incoming: new Set(),
    queuedBytes: 0,
    dropped: 0,
    seenMs: 0,
  }
  state.byNumber.set(number, session)
  state.sessions.set(clientId, session)
}

const forget = (state: State, session: Session): void => {
  for (const filter of session.subscriptions.keys()) state.filters.remove(filter, session)
  for (const { message } of [...session.inFlight.values(), ...session.waiting.items()]) release(state, session, message)
  state.byNumber.delete(session.number)
  if (state.sessions.get(session.clientId) === session) state.sessions.delete(session.clientId)
}

const subscribe = (state: State, session: Session, subscription: StoredSubscription): void => {
  session.subscriptions.set(subscription.topic, subscription)
  // What is of QoS 0 does not wait for anybody.
  if (subscription.qos > 0) state.filters.set(subscription.topic, session, subscription.qos)
  else state.filters.remove(subscription.topic, session)
}

const markSent = (session: Session, sent: { seq: number; messageId: number; isReleased: boolean }): void => {
  const entry = session.inFlight.get(sent.messageId) ?? session.waiting.remove(sent.seq)
  if (entry === undefined || entry.message.seq !== sent.seq) return
  entry.messageId = sent.messageId
  entry.isReleased = sent.isReleased
  session.inFlight.set(sent.messageId, entry)
}

/** The whole state as operations; what changes while it is read may be in it or not. */
export function* stateOperations(state: State): Iterable<Operation> {
  for (const session of state.byNumber.values()) {
    const { number, clientId, owner, seenMs } = session
    yield sessionOperation(number, clientId, owner)
    if (session.subscriptions.size > 0)
      yield { kind: 'subscribe', session: number, subscriptions: [...session.subscriptions.values()] }
    if (seenMs !== 0) yield { kind: 'seen', session: number, atMs: seenMs }
    for (const messageId of session.incoming) yield { kind: 'incoming', session: number, messageId, isKnown: true }
  }
  for (const [clientId, will] of state.wills) yield { kind: 'will', clientId, will }
  // What the broker says of itself is of this run.
  for (const { topic, payload, qos } of state.retained.all())
    if (!topic.startsWith('$SYS/'))
      yield { kind: 'publish', seq: 0, atMs: 0, topic, payload, qos, retain: true, to: [] }
  for (const { seq, atMs, topic, payload, qos, holders } of state.messages.values()) {
    const to = holders.map((holder) => ({ session: holder.session.number, qos: holder.qos }))
    yield { kind: 'publish', seq, atMs, topic, payload, qos, retain: false, to }
    if (qos < 2) continue
    for (const { session } of holders)
      for (const [messageId, entry] of session.inFlight)
        if (entry.message.seq === seq && entry.qos === 2)
          yield { kind: 'sent', session: session.number, seq, messageId, isReleased: entry.isReleased }
  }
  yield { kind: 'end', seq: state.lastSeq }
}
