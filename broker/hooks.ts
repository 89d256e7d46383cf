/** What aedes asks before it does anything for a client, answered by the rules and limits of the broker. */
import type { AedesOptions, AedesPublishPacket, Client } from 'aedes'
import { LongshoreError } from '../src/protocol/reason.ts'
import type { Access } from './access/access.ts'
import type { ClientStream } from './client-stream.ts'
import type { OrderedAedes } from './ordered-aedes.ts'
import type { QualityOfService } from './persistence/operation.ts'
import type { Store } from './persistence/store.ts'
import type { Refusals } from './refusals.ts'
import { judgePublish, judgeRetained, judgeSubscribe, type Verdict } from './rules.ts'
import type { BrokerSettings } from './settings.ts'

export type HooksInput = {
  readonly settings: BrokerSettings
  readonly aedes: () => OrderedAedes
  readonly store: Store
  readonly streamOf: (client: Client) => ClientStream | undefined
  readonly access: Access
  readonly refusals: Refusals
}

export const createHooks = ({ settings, aedes, store, streamOf, access, refusals }: HooksInput) => {
  const filtersOf = new WeakMap<Client, Map<string, QualityOfService>>()
  const granted = new WeakSet<object>()
  /** Without a client id, and with a session. */
  const nameless = new WeakSet<Client>()
  const willTopics = new WeakMap<Client, string>()

  const refuse = (verdict: NonNullable<Verdict>, client: Client | null): LongshoreError => {
    refusals.note(verdict.refusal, { client: client?.id }, verdict.message)
    return new LongshoreError(
      verdict.refusal === 'reservedTopic' || verdict.refusal === 'notAllowed' ? 'publish-refused' : 'limit-exceeded',
      verdict.message,
    )
  }

  const preConnect: AedesOptions['preConnect'] = (client, packet, done) => {
    if (packet.clientId === '' && packet.clean === false) nameless.add(client)
    if (packet.will !== undefined) willTopics.set(client, packet.will.topic)
    done(null, true)
  }

  /** CONNACK 2, identifier rejected. */
  const judgeId = (client: Client): string | undefined => {
    // [MQTT-3.1.3-8]: aedes would make up an id, which nobody could come back with.
    if (nameless.has(client)) return 'a session needs a client id'
    if (Buffer.byteLength(client.id) <= settings.maxClientIdBytes) return undefined
    return refuse({ refusal: 'maxClientIdBytes', message: 'the client id is too long' }, null).message
  }

  const authenticate: AedesOptions['authenticate'] = (client, user, password, done) => {
    const deny = (returnCode: number, message: string): void =>
      done(Object.assign(new Error(message), { returnCode }), null)
    const fault = judgeId(client)
    if (fault !== undefined) return deny(2, fault)
    access.admit(client, { user, password, willTopic: willTopics.get(client) }).then(
      (denied) => (denied === undefined ? done(null, true) : deny(denied.returnCode, denied.message)),
      (error: Error) => deny(3, error.message),
    )
  }

  const notAllowed = (client: Client, what: string): Verdict => ({
    refusal: 'notAllowed',
    message: `${access.userOf(client) ?? 'a client without a name'} may not ${what}`,
  })

  // An error closes the connection, which is one of the two answers that [MQTT-3.3.5-2] allows.
  const authorizePublish: AedesOptions['authorizePublish'] = (client, packet, done) => {
    if (aedes().closed) return done(new Error('the broker stops'))
    // Without a client it is a will that was allowed when its client connected, before the broker was killed.
    const isAllowed = client === null || access[packet.retain ? 'mayRetain' : 'mayPublish'](client, packet.topic)
    const verdict =
      judgePublish(packet.topic, settings) ??
      (isAllowed
        ? judgeRetained(packet, store.state.retained, settings)
        : notAllowed(client, `publish to ${packet.topic.slice(0, 100)}`))
    if (verdict !== undefined) return done(refuse(verdict, client))
    // A will has nobody who could send it again: it is handed on, and stored when the disk takes it.
    const isWill = client === null || client.closed
    const fault = !isWill && (packet.qos > 0 || packet.retain) ? store.fault() : undefined
    if (fault !== undefined) {
      refusals.note(
        'diskFull',
        { client: client?.id, code: fault.code },
        'publishing is refused: it could not be stored',
      )
      return done(fault)
    }
    if (packet.qos === 1) aedes().publishFirst(packet, client, done)
    else done(null)
  }

  // No subscription is SUBACK 0x80; an error would close the connection.
  const authorizeSubscribe: AedesOptions['authorizeSubscribe'] = (client, subscription, done) => {
    const filters = filtersOf.get(client) ?? new Map<string, QualityOfService>()
    filtersOf.set(client, filters)
    const { topic, qos } = subscription
    const verdict =
      judgeSubscribe(topic, filters.size - (filters.has(topic) ? 1 : 0), settings) ??
      (access.maySubscribe(client, topic) ? undefined : notAllowed(client, `subscribe to ${topic.slice(0, 100)}`))
    if (verdict !== undefined) {
      refusals.note(verdict.refusal, { client: client.id, filter: topic.slice(0, 100) }, verdict.message)
      return done(null, null)
    }
    filters.set(topic, qos as QualityOfService)
    granted.add(subscription)
    done(null, subscription)
  }

  const authorizeForward: AedesOptions['authorizeForward'] = (client, packet) => {
    if (aedes().isQueuedFor(client, packet.brokerCounter)) return null
    // [MQTT-3.2.0-1]: CONNACK comes first. What must not be lost is in the queue.
    if (!client.connected || !access.mayRead(client, packet.topic)) return null
    // What is retained comes as fast as it is read; see pace.ts.
    if (packet.retain || !isDroppable(client, packet) || !streamOf(client)?.isBehind()) return packet
    refusals.note('qos0Dropped', { client: client.id }, 'messages of QoS 0 are left out: the client reads too slowly')
    return null
  }

  /** Of QoS 0 to this client: as it was published, or as it was subscribed to. */
  const isDroppable = (client: Client, { qos }: AedesPublishPacket): boolean => {
    if (qos === 0 || !client.clean) return true
    for (const subscribed of filtersOf.get(client)?.values() ?? []) if (subscribed > 0) return false
    return true
  }

  return {
    options: {
      preConnect,
      authenticate,
      authorizePublish,
      authorizeSubscribe,
      authorizeForward,
    } satisfies AedesOptions,
    isGranted: (subscription: object): boolean => granted.has(subscription),
    unsubscribed: (filters: readonly string[], client: Client): void => {
      for (const filter of filters) filtersOf.get(client)?.delete(filter)
    },
    /** Of a filter that it subscribed to. */
    grantedQos: (client: Client, filter: string): QualityOfService | undefined => filtersOf.get(client)?.get(filter),
  }
}
