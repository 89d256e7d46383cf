/**
 * Sends what waits in the queues of persistent sessions, instead of aedes: in the order in which it came, a bounded number
 * at a time, no faster than the client reads, and after CONNACK only. aedes sends what is new before what waited, without
 * a bound, and passes over what comes to it out of order.
 *
 *   waiting ──sent──▶ in flight ──PUBACK or PUBCOMP──▶ gone        (PUBREC: released, the packet itself is not sent again)
 *
 * When the connection ends, what was in flight stays so, and is sent again, first, on the next.
 */
import type { Client } from 'aedes'
import type { ClientStream } from './client-stream.ts'
import type { Entry, Session } from './persistence/state.ts'
import type { Store } from './persistence/store.ts'
import { publishPacket, releasePacket } from './publish-packet.ts'

export type Delivery = ReturnType<typeof createDelivery>

export const createDelivery = (input: {
  readonly store: Store
  readonly maxInFlight: number
  readonly streamOf: (client: Client) => ClientStream | undefined
  readonly mayRead: (client: Client, topic: string) => boolean
  readonly nowMs: () => number
}) => {
  const { store } = input
  const clients = new Map<string, Client>()
  const waitingForRoom = new WeakSet<ClientStream>()

  const sessionOf = ({ id }: Pick<Client, 'id'>): Session | undefined => store.state.sessions.get(id)

  const pump = (session: Session): void => {
    const client = clients.get(session.clientId)
    const stream = client && input.streamOf(client)
    if (client === undefined || stream === undefined || stream.destroyed) return
    while (session.inFlight.size < input.maxInFlight) {
      const entry = session.waiting.first()
      if (entry === undefined) return
      if (!input.mayRead(client, entry.message.topic)) {
        leaveOut(session, entry)
        continue
      }
      if (stream.isBehind()) {
        pumpWhenRoom(session, stream)
        return
      }
      send(client, stream, session, entry)
    }
  }

  const pumpWhenRoom = (session: Session, stream: ClientStream): void => {
    if (waitingForRoom.has(stream)) return
    waitingForRoom.add(stream)
    stream.onRoom(() => {
      waitingForRoom.delete(stream)
      pump(session)
    })
  }

  const send = (client: Client, stream: ClientStream, session: Session, entry: Entry): void => {
    session.waiting.shift()
    entry.messageId = takeMessageId(client, session)
    session.inFlight.set(entry.messageId, entry)
    // A restart must not give it another identifier: the client would take it for another message.
    if (entry.qos === 2) note(session, entry)
    stream.write(bytesOf(entry, false))
  }

  const leaveOut = (session: Session, { message }: Entry): void =>
    store.change({ kind: 'settle', session: session.number, seq: message.seq })

  const note = (session: Session, { message, messageId, isReleased }: Entry): void =>
    store.change({ kind: 'sent', session: session.number, seq: message.seq, messageId, isReleased })

  return {
    /** Its CONNACK has gone out. */
    attach: (client: Client): void => {
      const session = sessionOf(client)
      const stream = input.streamOf(client)
      if (client.clean || stream === undefined) return
      clients.set(client.id, client)
      if (session === undefined) return
      store.change({ kind: 'seen', session: session.number, atMs: 0 })
      // [MQTT-4.4.0-1], [MQTT-4.6.0-1]: what was not acknowledged, again and in order.
      for (const entry of session.inFlight.values()) {
        if (!input.mayRead(client, entry.message.topic)) leaveOut(session, entry)
        else stream.write(entry.isReleased ? releasePacket(entry.messageId) : bytesOf(entry, true))
      }
      pump(session)
    },
    detach: (client: Client): void => {
      if (clients.get(client.id) !== client) return
      clients.delete(client.id)
      const session = sessionOf(client)
      if (session !== undefined) store.change({ kind: 'seen', session: session.number, atMs: input.nowMs() })
    },
    isConnected: (session: Session): boolean => clients.has(session.clientId),
    pump,
    /** PUBACK or PUBCOMP: undefined where nothing of ours had that identifier. */
    acknowledged: (client: Pick<Client, 'id'>, messageId: number): Entry | undefined => {
      const session = sessionOf(client)
      const entry = session?.inFlight.get(messageId)
      if (session === undefined || entry === undefined) return undefined
      store.change({ kind: 'settle', session: session.number, seq: entry.message.seq })
      pump(session)
      return entry
    },
    /** PUBREC */
    received: (client: Pick<Client, 'id'>, messageId: number): void => {
      const session = sessionOf(client)
      const entry = session?.inFlight.get(messageId)
      if (session === undefined || entry === undefined || entry.isReleased) return
      entry.isReleased = true
      note(session, entry)
    },
  }
}

const bytesOf = ({ message: { topic, payload }, qos, messageId }: Entry, isAgain: boolean): Buffer =>
  publishPacket({ topic, payload, qos: qos === 2 ? 2 : 1, messageId, isAgain })

/** aedes numbers what it sends of retained messages itself: both take the next of the same numbers. */
const takeMessageId = (client: Client, { inFlight }: Session): number => {
  const numbered = client as Client & { _nextId: number }
  let messageId: number
  do {
    messageId = numbered._nextId
    numbered._nextId = messageId >= 65_535 ? 1 : messageId + 1
  } while (inFlight.has(messageId))
  return messageId
}
