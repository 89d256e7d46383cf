/**
 * aedes with a `publish` that is one step: number, store, queue and hand on, with nothing in between that waits. In aedes
 * these are four turns of promises, and what is overtaken in them is taken for a duplicate and dropped by every
 * subscriber that got the other first.
 *
 * It also acknowledges QoS 1 before it publishes. Here what is acknowledged is stored: `publishFirst`.
 */
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes'
import type { Session } from './persistence/state.ts'
import type { Store } from './persistence/store.ts'

/** Hears of each message right after it was stored. What it returns is waited for before the message is acknowledged. */
export type Tap = (message: {
  readonly topic: string
  readonly payload: Buffer
  readonly retain: boolean
}) => Promise<void> | undefined

type Emitted = PublishPacket & { readonly brokerId: string; readonly brokerCounter: number; clientId?: string }

export class OrderedAedes extends Aedes {
  // What aedes has and its types leave out.
  declare counter: number
  declare maxTopicLevels: number
  declare clients: Readonly<Record<string, Client>>
  declare mq: { readonly emit: (packet: Emitted, done: (error?: Error) => void) => void }

  readonly #store: Store
  readonly #pump: (session: Session) => void
  readonly #tap: Tap
  readonly #published = new WeakSet<PublishPacket>()
  /** By number of a message that is being handed on: whose queue has it already. */
  readonly #queued = new Map<number, ReadonlyMap<Session, number>>()

  constructor(options: AedesOptions, store: Store, pump: (session: Session) => void, tap: Tap = () => undefined) {
    super(options)
    this.#store = store
    this.#pump = pump
    this.#tap = tap
  }

  /** Before aedes does, which then has nothing left to do but to acknowledge. */
  publishFirst(packet: PublishPacket, client: Client | null, done: (error?: Error | null) => void): void {
    this.publish(packet, client, (error) => {
      if (!error) this.#published.add(packet)
      done(error ?? null)
    })
  }

  /** By client id. */
  connectedIds(): Map<string, Client> {
    return new Map(Object.entries(this.clients))
  }

  /** What the broker says of itself: retained, but nothing that is written. What it says already is not said again. */
  announce(topic: string, text: string): void {
    const { retained } = this.#store.state
    const payload = Buffer.from(text)
    if (retained.get(topic)?.payload.equals(payload) === true) return
    retained.set({ topic, payload, qos: 0 })
    this.mq.emit(this.#emitted({ cmd: 'publish', dup: false, topic, payload, qos: 0, retain: false }, null), () => {})
  }

  /** Whether that client gets it from its session's queue. */
  isQueuedFor(client: Client, brokerCounter: number): boolean {
    const sessions = this.#queued.get(brokerCounter)
    const session = sessions && this.#store.state.sessions.get(client.id)
    return session !== undefined && !client.clean && sessions?.has(session) === true
  }

  override publish(
    packet: PublishPacket,
    from: Client | null | ((error?: Error) => void),
    then?: (error?: Error) => void,
  ): void {
    const client = typeof from === 'function' ? null : from
    const done = (typeof from === 'function' ? from : then) ?? (() => {})
    if (this.#published.delete(packet)) {
      done()
      return
    }
    if (packet.topic.split('/').length > this.maxTopicLevels) {
      done(new Error('topic has too many levels'))
      return
    }
    const emitted = this.#emitted(packet, client)
    const sessions = this.#keep(emitted, packet.messageId, client)
    if (sessions !== undefined && sessions.size > 0) this.#queued.set(emitted.brokerCounter, sessions)
    const tapped = this.#tap({ topic: emitted.topic, payload: emitted.payload as Buffer, retain: emitted.retain })
    // Of QoS 0 nobody waits for it; what waits hears of a failure below.
    tapped?.catch(() => undefined)
    this.mq.emit(emitted, (error) => {
      this.#queued.delete(emitted.brokerCounter)
      this.emit('publish', emitted, client)
      if (error || packet.qos === 0) done(error)
      else
        this.#store.whenWritten((fault) => {
          if (fault !== null) done(fault)
          else if (tapped === undefined) done()
          else tapped.then(() => done(), done)
        })
    })
    for (const session of sessions?.keys() ?? []) this.#pump(session)
  }

  #emitted({ topic, payload, qos, retain }: PublishPacket, client: Client | null): Emitted {
    this.counter += 1
    return {
      cmd: 'publish',
      brokerId: this.id,
      brokerCounter: this.counter,
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : (payload ?? Buffer.alloc(0)),
      qos: qos ?? 0,
      retain: retain ?? false,
      dup: false,
      ...(client === null ? {} : { clientId: client.id }),
    }
  }

  #keep(emitted: Emitted, messageId: number | undefined, client: Client | null) {
    const { topic, payload, qos, retain } = emitted
    if (qos === 0 && !retain) return undefined
    const store = this.#store
    const sessions = store.publish({ topic, payload: payload as Buffer, qos, retain })
    // Behind the message: a cut between the two sends it again, the other way round would lose it.
    const session = client === null || client.clean ? undefined : store.state.sessions.get(client.id)
    if (qos === 2 && messageId !== undefined && session !== undefined)
      store.change({ kind: 'incoming', session: session.number, messageId, isKnown: true })
    return sessions
  }
}
