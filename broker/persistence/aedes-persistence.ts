/**
 * The store as aedes asks for it: of the interface of aedes-persistence 11 what aedes still calls. It does not store what is
 * published (ordered-aedes.ts does), and never sees the queues of sessions (delivery.ts sends them).
 */
import { Readable } from 'node:stream'
import type { QualityOfService, StoredSubscription, StoredWill } from './operation.ts'
import type { RetainedMessage } from './retained-index.ts'
import type { Session, State } from './state.ts'
import type { Store } from './store.ts'

type ClientLike = { readonly id: string; readonly clean?: boolean }

type BrokerLike = { readonly id: string; readonly closed?: boolean }

type SubscriptionLike = StoredSubscription

type PacketLike = { readonly messageId?: number; readonly cmd?: string }

type WillPacket = {
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  brokerId?: string
  clientId?: string
}

export type RetainedPacket = RetainedMessage & { readonly cmd: 'publish'; readonly retain: true }

export type AedesPersistenceInput = {
  readonly store: Store
  /** aedes stores all filters of a SUBSCRIBE as soon as one is granted. */
  readonly isGranted: (subscription: SubscriptionLike) => boolean
  /** PUBACK and PUBCOMP of a persistent session: what it was of. */
  readonly acknowledged: (client: ClientLike, messageId: number) => unknown
  /** PUBREC of one. */
  readonly received: (client: ClientLike, messageId: number) => void
  /** The user that is connected under a client id. */
  readonly ownerOf: (clientId: string) => string | undefined
  /** What whoever subscribed last was granted on that filter; 2 where nobody knows. */
  readonly grantedQos: (filter: string) => QualityOfService
  /** What is retained, on its way to whoever subscribed last. */
  readonly pace: (matches: Iterable<RetainedPacket>) => Iterable<RetainedPacket> | AsyncIterable<RetainedPacket>
}

export const createAedesPersistence = (input: AedesPersistenceInput) => {
  const { store } = input
  const { state } = store
  /** Of clients without a session; those of the others are in it. */
  const incoming = new Map<string, Set<number>>()
  let broker: BrokerLike = { id: '' }

  const written = (): Promise<void> =>
    new Promise((resolve, reject) => {
      store.whenWritten((error) => (error === null ? resolve() : reject(error)))
    })
  const sessionOf = ({ id }: ClientLike): Session | undefined => state.sessions.get(id)
  const incomingOf = ({ id, clean }: ClientLike): ReadonlySet<number> | undefined =>
    clean === true ? incoming.get(id) : state.sessions.get(id)?.incoming

  return {
    setup: async (to: BrokerLike) => {
      broker = to
    },
    destroy: async () => {},

    createRetainedStreamCombi: (filters: readonly string[]) => {
      // Read later, but for who subscribed now.
      const asked = filters.map((filter) => ({ filter, qos: input.grantedQos(filter) }))
      return Readable.from(input.pace(retained(state, asked)))
    },

    addSubscriptions: async (client: ClientLike, subscriptions: readonly SubscriptionLike[]) => {
      const session = sessionOf(client)
      // aedes asks once for each filter of a SUBSCRIBE, with all of them; and a client asks again for what it has.
      const news = subscriptions
        .filter((subscription) => input.isGranted(subscription))
        .map(({ topic, qos, rh, rap, nl }) => definedOnly({ topic, qos, rh, rap, nl }))
        .filter((one) => !isSame(session?.subscriptions.get(one.topic), one))
      if (news.length === 0) return
      const { number } = session ?? store.newSession(client.id, input.ownerOf(client.id))
      store.change({ kind: 'subscribe', session: number, subscriptions: news })
      await written()
    },
    removeSubscriptions: async (client: ClientLike, filters: readonly string[]) => {
      const session = sessionOf(client)
      const known = filters.filter((filter) => session?.subscriptions.has(filter))
      if (session === undefined || known.length === 0) return
      store.change({ kind: 'unsubscribe', session: session.number, filters: known })
      await written()
    },
    subscriptionsByClient: async (client: ClientLike) => [...(sessionOf(client)?.subscriptions.values() ?? [])],
    /** [MQTT-3.1.2-6]: with CleanSession 1 everything of an earlier session goes. */
    cleanSubscriptions: async (client: ClientLike) => {
      const session = sessionOf(client)
      if (session === undefined) return
      store.change({ kind: 'forget', session: session.number })
      await written()
    },

    outgoingStream: () => Readable.from([]),
    outgoingUpdate: async (client: ClientLike, { cmd, messageId = 0 }: PacketLike) => {
      if (cmd === 'pubrel') {
        input.received(client, messageId)
        await written()
      }
    },
    outgoingClearMessageId: async (client: ClientLike, { messageId }: PacketLike) =>
      messageId === undefined ? undefined : input.acknowledged(client, messageId),

    /** In memory only: it is stored together with what was published, see ordered-aedes.ts. */
    incomingStorePacket: async (client: ClientLike, { messageId = 0 }: PacketLike) => {
      if (client.clean === true) {
        const known = incoming.get(client.id) ?? new Set()
        incoming.set(client.id, known.add(messageId))
      } else (sessionOf(client) ?? store.newSession(client.id, input.ownerOf(client.id))).incoming.add(messageId)
    },
    incomingGetPacket: async (client: ClientLike, packet: PacketLike) => {
      if (!incomingOf(client)?.has(packet.messageId ?? 0)) throw new Error('no such packet')
      return packet
    },
    incomingDelPacket: async (client: ClientLike, { messageId = 0 }: PacketLike) => {
      if (!incomingOf(client)?.has(messageId)) throw new Error('no such packet')
      const session = sessionOf(client)
      if (client.clean === true) incoming.get(client.id)?.delete(messageId)
      else if (session !== undefined) {
        store.change({ kind: 'incoming', session: session.number, messageId, isKnown: false })
        // The identifier may be used again once PUBCOMP is out: a restart must not take that for the same message.
        await written()
      }
    },
    cleanIncoming: async ({ id }: ClientLike) => {
      incoming.delete(id)
    },

    putWill: async ({ id }: ClientLike, packet: WillPacket) => {
      packet.brokerId = broker.id
      packet.clientId = id
      const payload = Buffer.from(packet.payload).toString('base64')
      const { topic, qos, retain } = packet
      store.change({ kind: 'will', clientId: id, will: { topic, payload, qos, retain, brokerId: broker.id } })
    },
    getWill: async ({ id }: ClientLike) => willPacket(id, state.wills.get(id)),
    delWill: async ({ id }: ClientLike) => {
      // A broker that is stopped on purpose says nothing of its clients; the next one asks who came back.
      if (broker.closed === true) return undefined
      const will = willPacket(id, state.wills.get(id))
      if (will !== undefined) store.change({ kind: 'will', clientId: id, will: null })
      return will
    },
    /** Of brokers that are no more: of this one before it was killed. */
    streamWill: (brokers: Readonly<Record<string, unknown>> = {}) =>
      Readable.from(
        [...state.wills].flatMap(([id, will]) => (brokers[will.brokerId] === undefined ? [willPacket(id, will)] : [])),
      ),
  }
}

/** [MQTT-3.8.4-6]: at the quality of service that was granted, or less. */
function* retained(
  state: State,
  asked: readonly { readonly filter: string; readonly qos: QualityOfService }[],
): Iterable<RetainedPacket> {
  for (const { filter, qos: granted } of asked)
    for (const { topic, payload, qos } of state.retained.match(filter))
      yield { cmd: 'publish', topic, payload, qos: granted < qos ? granted : qos, retain: true }
}

const willPacket = (clientId: string, will: StoredWill | undefined) =>
  will && { ...will, cmd: 'publish', clientId, payload: Buffer.from(will.payload, 'base64') }

const isSame = (a: StoredSubscription | undefined, b: StoredSubscription): boolean =>
  a !== undefined && a.qos === b.qos && a.rh === b.rh && a.rap === b.rap && a.nl === b.nl

const definedOnly = (value: Record<string, unknown>): StoredSubscription =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as StoredSubscription
