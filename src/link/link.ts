/**
 * One MQTT session, kept up: the only part that knows MQTT.js. Every attempt to connect is a client of its own, because
 * MQTT.js reconnects at a fixed pace, gives up on a refused CONNACK and queues without bound while offline.
 * It never queues: what cannot be sent now is rejected with `link-down`, and whoever knows what is newest sends again.
 */
import { setMaxListeners } from 'node:events'
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { LongshoreError } from '../protocol/reason.ts'
import { addressesOf, addressIndex, afterFailure, afterLoss, noAttempts, pauseMs, shownAddress } from './addresses.ts'
import { type BackOff, backOffDelayMs } from './back-off.ts'
import { clientOptions } from './client-options.ts'
import { connectionFailure, disconnectFailure } from './connection-failure.ts'
import type { Credentials, Link, LinkInput, Will } from './contract.ts'
import { createSendQuota, type SendQuota } from './send-quota.ts'

export type { Broker, Link, LinkInput, Will } from './contract.ts'

/** Brokers send only so many that are not acknowledged, Mosquitto 20: with more of them nothing would come any more. */
const mostUnacknowledged = 10

/** A broker that says no will not say yes in a second. */
const refusedBackOff: BackOff = { baseMs: 5_000, capMs: 300_000 }

/** Where a broker says nothing else; a packet id has no more. */
const mostInFlight = 65_535

/** A cluster that lost a server refuses subscriptions for some seconds, in the same words as one that never allows them. */
const mostSubscribes = 6

/** What a packet has beside topic and payload, at most: header, length, packet id, length of the topic, properties. */
const packetBytes = 12

/** How long Node tries one address of a name before the next. It has 250 ms, less than a satellite takes to answer. */
const addressTimeoutMs = 2_000

/** A connection that did not stand this long was none: a broker that takes and drops us is not met at full speed. */
const stableMs = 10_000

type Connection = {
  readonly client: MqttClient
  /** as it is shown */
  readonly address: string
  unacknowledged: number
  /** of what was sent, and is on its way before whatever comes next */
  unansweredBytes: number
  isUp: boolean
  upAtMs: number
  /** of a whole packet; brokers say it in MQTT 5 alone (3.2.2.3.6) */
  maxPacketBytes: number
  quota: SendQuota
  readonly closed: AbortController
  failure?: LongshoreError
}

export const createLink = (input: LinkInput): Link => {
  const { broker, log, random, acknowledgeMs = 60_000, connectTimeoutMs = 15_000 } = input
  let current: Connection | undefined
  let isStopped = true
  let attempts = noAttempts
  const addresses = addressesOf(broker.url)
  setDefaultAutoSelectFamilyAttemptTimeout(addressTimeoutMs)
  let timer: NodeJS.Timeout | undefined

  const connect = async (): Promise<void> => {
    let will: Will | undefined
    let credentials: Credentials | undefined
    try {
      credentials = await input.credentials?.()
      will = await input.beforeConnect?.()
    } catch (error) {
      retry(new LongshoreError('internal-error', `preparing to connect: ${(error as Error).message}`, { cause: error }))
      return
    }
    if (isStopped) return
    const target = addresses[addressIndex(attempts, addresses.length)] ?? broker.url
    const address = shownAddress(target)
    let client: MqttClient
    try {
      client = mqtt.connect(
        clientOptions({ ...input, broker: { ...broker, ...credentials }, url: target, connectTimeoutMs, will }),
      )
    } catch (error) {
      // As of a key that is none.
      retry(connectionFailure(address, error as Error))
      return
    }
    // Handlers stand before the first byte arrives: messages of a stored session come right behind the CONNACK.
    const connection: Connection = {
      client,
      address,
      unacknowledged: 0,
      unansweredBytes: 0,
      isUp: false,
      upAtMs: 0,
      maxPacketBytes: Number.POSITIVE_INFINITY,
      quota: createSendQuota(mostInFlight),
      closed: new AbortController(),
    }
    current = connection
    // Whatever waits for an acknowledgement listens; the outbox alone has dozens in flight.
    setMaxListeners(0, connection.closed.signal)
    // MQTT.js acknowledges when this callback is called: persisted first, then acknowledged.
    client.handleMessage = (packet, callback) => {
      input.onMessage(packet.topic, Buffer.from(packet.payload), { retain: packet.retain }).then(
        () => callback(),
        (error: unknown) => {
          log.error({ err: error, topic: packet.topic }, 'a message could not be taken in and stays with the broker')
          callback(error as Error)
          connection.unacknowledged += 1
          if (isDiskFault(error) && connection.unacknowledged < mostUnacknowledged) return
          // Only a new connection makes a broker send it again, and the back-off keeps that from being a storm.
          connection.failure = asLinkError(error)
          hangUp(connection)
        },
      )
    }
    client.on('error', (error) => {
      connection.failure ??= connectionFailure(address, error)
      // Behind bytes that are no packet MQTT.js reads nothing any more, but keeps the connection.
      hangUp(connection)
    })
    client.on('disconnect', ({ reasonCode }) => {
      connection.failure ??= disconnectFailure(address, reasonCode ?? 0)
      hangUp(connection)
    })
    client.once('connect', ({ sessionPresent, properties }) => {
      connection.maxPacketBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
      connection.quota = createSendQuota(properties?.receiveMaximum ?? mostInFlight)
      connection.isUp = true
      connection.upAtMs = performance.now()
      log.info({ broker: address, sessionPresent }, 'connected')
      input.onConnect({ sessionPresent }).catch((error: unknown) => {
        if (connection.closed.signal.aborted) return
        connection.failure = asLinkError(error)
        hangUp(connection)
      })
    })
    client.once('close', () => end(connection))
  }

  /** `end` follows. */
  const hangUp = ({ client }: Connection): void => void client.end(true)

  const end = (connection: Connection): void => {
    if (connection.closed.signal.aborted) return
    const { client, address, failure, isUp } = connection
    connection.isUp = false
    connection.closed.abort()
    client.end(true)
    if (current === connection) current = undefined
    const reason =
      failure ??
      new LongshoreError(
        'broker-unreachable',
        isUp
          ? `the connection to ${address} was lost`
          : `${address} closed the connection before it answered${broker.cert === undefined ? '' : '; perhaps it does not accept the own certificate'}`,
      )
    if (isUp) input.onDisconnect?.(reason)
    retry(reason, isUp && performance.now() - connection.upAtMs >= stableMs)
  }

  const retry = (reason: LongshoreError, wasStable = false): void => {
    if (isStopped) return
    // A certificate is tried again at the usual pace: it may only be the own clock that is not set yet.
    const isRefused = reason.code === 'broker-refused' || reason.code === 'subscription-refused'
    const isContested = input.isContested?.() === true
    const count = addresses.length
    attempts = wasStable && !isContested ? afterLoss(count) : afterFailure(attempts, count, isRefused || isContested)
    const delayMs = pauseMs(attempts, count, { backOff: input.backOff, refusedBackOff }, random())
    log.warn({ code: reason.code, delayMs, attempts: attempts.failed }, `${reason.message}; trying again`)
    timer = setTimeout(() => void connect(), delayMs)
    input.onFailure?.(reason)
  }

  const up = (doing: string): Connection => {
    if (current?.isUp === true) return current
    throw new LongshoreError('link-down', `${doing}: there is no connection to ${shownAddress(broker.url)}`)
  }

  /**
   * A call on the connection, ended by the end of that connection: MQTT.js may never call back then. A broker that takes
   * everything and acknowledges nothing is as good as none: its connection is ended.
   */
  const during = (
    doing: string,
    bytes: number,
    call: (client: MqttClient, done: (error?: Error | null) => void) => void,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const connection = up(doing)
      const { client, address, closed } = connection
      connection.unansweredBytes += bytes
      const waitMs = acknowledgeMs + connection.unansweredBytes
      const settle = (finish: () => void): void => {
        connection.unansweredBytes -= bytes
        clearTimeout(patience)
        closed.signal.removeEventListener('abort', onClosed)
        finish()
      }
      const down = (cause?: unknown): void =>
        settle(() => reject(new LongshoreError('link-down', `${doing}: the connection was lost`, { cause })))
      const onClosed = (): void => down()
      const patience = setTimeout(() => {
        const said = `${address} did not acknowledge within ${Math.round(waitMs / 1000)} s`
        connection.failure ??= new LongshoreError('broker-unreachable', said)
        hangUp(connection)
      }, waitMs)
      closed.signal.addEventListener('abort', onClosed, { once: true })
      call(client, (error) => {
        if (error == null) settle(resolve)
        else if (isRefusal(error))
          settle(() =>
            reject(new LongshoreError('subscription-refused', `${doing}: ${error.message}`, { cause: error })),
          )
        else {
          const code = publishRefusal(error)
          if (code === undefined) down(error)
          else settle(() => reject(new LongshoreError(code, `${doing}: ${error.message}`, { cause: error })))
        }
      })
    })

  return {
    start: () => {
      if (!isStopped) return
      isStopped = false
      void connect()
    },
    stop: async () => {
      isStopped = true
      clearTimeout(timer)
      const connection = current
      current = undefined
      if (connection === undefined) return
      connection.isUp = false
      // A peer that does not answer must not keep us: the tidy end has half a second.
      await Promise.race([connection.client.endAsync(), new Promise((resolve) => setTimeout(resolve, 500).unref())])
      connection.closed.abort()
      // MQTT.js ignores a second end, also a forced one: on a dead link it would wait for the keepalive.
      connection.client.stream?.destroy()
    },
    isConnected: () => current?.isUp === true,
    publish: async (topic, payload, options) => {
      const doing = `publishing to ${topic}`
      const connection = up(doing)
      const { quota, maxPacketBytes: most } = connection
      // MQTT.js would send it, and the broker end the connection.
      if (payload.byteLength + Buffer.byteLength(topic) + packetBytes > most) {
        const said = `${doing}: ${payload.byteLength} bytes are too many, the broker takes packets of ${most}`
        throw new LongshoreError('payload-too-large', said)
      }
      const publish = (): Promise<void> =>
        during(doing, payload.byteLength, (client, done) => client.publish(topic, payload, options, done))
      if (options.qos === 0) return await publish()
      const turn = quota.take()
      try {
        if (turn !== undefined) await turn
        if (connection !== current) throw new LongshoreError('link-down', `${doing}: the connection was lost`)
        await publish()
      } finally {
        quota.give()
      }
    },
    subscribe: async (filters, qos) => {
      const connection = up('subscribing')
      let wanted = filters
      for (let asked = 1; ; asked += 1) {
        try {
          return await during(`subscribing to ${wanted.join(', ')}`, 0, (client, done) =>
            client.subscribe([...wanted], { qos }, done),
          )
        } catch (error) {
          const { cause } = error as Error
          if (asked === mostSubscribes || !isRefusal(cause)) throw error
          wanted = wanted.filter((_, index) => (cause.packet.granted[index] ?? 0) >= 0x80)
          await delay(backOffDelayMs(input.backOff, 1, random()), undefined, { ref: false })
          // The next connection asks for what it needs itself.
          if (connection !== current) throw new LongshoreError('link-down', 'subscribing: the connection was lost')
        }
      }
    },
    unsubscribe: async (filters) =>
      during(`unsubscribing from ${filters.join(', ')}`, 0, (client, done) =>
        client.unsubscribe([...filters], {}, done),
      ),
  }
}

/** MQTT.js hands the SUBACK over with its error; 0x80 and above are refusals. MQTT 3.1.1, 3.9.3. */
const isRefusal = (error: unknown): error is { readonly packet: { readonly granted: readonly number[] } } =>
  (error as { packet?: { granted?: readonly number[] } } | undefined)?.packet?.granted?.some(
    (granted) => granted >= 0x80,
  ) === true

/** MQTT 5 alone can say no to a message: a reason code from 0x80 in the PUBACK (3.4.2.1), of which 0x97 is a quota. */
const publishRefusal = (error: Error): 'broker-busy' | 'publish-refused' | undefined => {
  const { code } = error as Error & { code?: unknown }
  if (typeof code !== 'number' || code < 0x80) return undefined
  return code === 0x97 ? 'broker-busy' : 'publish-refused'
}

const isDiskFault = (error: unknown): boolean =>
  error instanceof LongshoreError && (error.code === 'disk-full' || error.code === 'state-unusable')

const asLinkError = (error: unknown): LongshoreError =>
  error instanceof LongshoreError
    ? error
    : new LongshoreError('internal-error', (error as Error).message, { cause: error })
