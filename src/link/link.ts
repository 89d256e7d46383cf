/**
 * One MQTT session, kept up: the only part that knows MQTT.js. Every attempt to connect is a client of its own, because
 * MQTT.js reconnects at a fixed pace, gives up on a refused CONNACK and queues without bound while offline.
 * It never queues: what cannot be sent now is rejected with `link-down`, and whoever knows what is newest sends again.
 */
import { setMaxListeners } from 'node:events'
import mqtt, { type MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import { LongshoreError } from '../protocol/reason.ts'
import { addressesOf, addressIndex, afterFailure, afterLoss, noAttempts, pauseMs, shownAddress } from './addresses.ts'
import type { BackOff } from './back-off.ts'
import { clientOptions } from './client-options.ts'
import { connectionFailure, disconnectFailure } from './connection-failure.ts'

/** Where and as whom to connect. `ca`, `cert` and `key` are PEM text. */
export type Broker = {
  /** one address, or several of one logical broker in order of preference, with commas between */
  readonly url: string
  /** default: 3.1.1, which every broker speaks */
  readonly mqttVersion?: '3.1.1' | '5'
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export type Will = { readonly topic: string; readonly payload: Buffer }

export type LinkInput = {
  readonly broker: Broker
  readonly clientId: string
  /** true: the broker forgets subscriptions and queued messages at the end of the connection */
  readonly clean: boolean
  readonly keepaliveS: number
  /** how long the TCP and TLS connection and the CONNACK may take; default: 15 s */
  readonly connectTimeoutMs?: number
  /**
   * What the broker has not acknowledged by then never will be on this connection; one ms a byte comes to it, for thin
   * links. Default: 60 s.
   */
  readonly acknowledgeMs?: number
  readonly backOff: BackOff
  readonly random: () => number
  readonly log: Logger
  /** Called before each attempt; what it returns is the will of that connection. */
  readonly beforeConnect?: () => Promise<Will | undefined>
  /** Called once a connection stands. A rejection closes it, and the next attempt follows. */
  readonly onConnect: (connection: { readonly sessionPresent: boolean }) => Promise<void>
  /**
   * A message. Its PUBACK goes out after this resolves; after a rejection it stays with the broker, and comes again on
   * the next connection. That follows at once, unless the code is disk-full or state-unusable: a new connection would
   * change nothing then. Nothing else is read from the socket meanwhile, so it must never wait for an answer of the broker.
   */
  readonly onMessage: (topic: string, payload: Buffer, flags: { readonly retain: boolean }) => Promise<void>
  readonly onDisconnect?: (reason: LongshoreError) => void
  /** An attempt failed, or a connection that stood was lost; the next attempt follows by itself. */
  readonly onFailure?: (reason: LongshoreError) => void
  /** Another client has the same id, and each of the two throws the other out: do not join in at full speed. */
  readonly isContested?: () => boolean
}

export type Link = {
  readonly start: () => void
  /** Lets the session go tidily: no will is sent. Idempotent. */
  readonly stop: () => Promise<void>
  readonly isConnected: () => boolean
  /** Resolves when the broker has acknowledged (QoS 1) or the socket has taken it (QoS 0). Rejects with `link-down`, in MQTT 5 with `publish-refused` or `payload-too-large`. */
  readonly publish: (
    topic: string,
    payload: Buffer,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ) => Promise<void>
  /** Rejects with `subscription-refused` or `link-down`. Retained messages come again with each call. */
  readonly subscribe: (filters: readonly string[], qos: 0 | 1) => Promise<void>
  readonly unsubscribe: (filters: readonly string[]) => Promise<void>
}

/** Brokers send only so many that are not acknowledged, Mosquitto 20: with more of them nothing would come any more. */
const mostUnacknowledged = 10

/** A broker that says no will not say yes in a second. */
const refusedBackOff: BackOff = { baseMs: 5_000, capMs: 300_000 }

/** What a packet has beside topic and payload, at most: header, length, packet id, length of the topic, properties. */
const packetBytes = 12

/** A connection that did not stand this long was none: a broker that takes and drops us is not met at full speed. */
const stableMs = 10_000

type Connection = {
  readonly client: MqttClient
  /** as it is shown */
  readonly address: string
  unacknowledged: number
  isUp: boolean
  upAtMs: number
  /** of a whole packet; brokers say it in MQTT 5 alone (3.2.2.3.6) */
  maxPacketBytes: number
  readonly closed: AbortController
  failure?: LongshoreError
}

export const createLink = (input: LinkInput): Link => {
  const { broker, log, random, acknowledgeMs = 60_000, connectTimeoutMs = 15_000 } = input
  let current: Connection | undefined
  let isStopped = true
  let attempts = noAttempts
  const addresses = addressesOf(broker.url)
  let timer: NodeJS.Timeout | undefined

  const connect = async (): Promise<void> => {
    let will: Will | undefined
    try {
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
      client = mqtt.connect(target, clientOptions({ ...input, connectTimeoutMs, will }))
    } catch (error) {
      retry(
        new LongshoreError('broker-unreachable', `connecting to ${address}: ${(error as Error).message}`, {
          cause: error,
        }),
      )
      return
    }
    // Handlers stand before the first byte arrives: messages of a stored session come right behind the CONNACK.
    const connection: Connection = {
      client,
      address,
      unacknowledged: 0,
      isUp: false,
      upAtMs: 0,
      maxPacketBytes: Number.POSITIVE_INFINITY,
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
          client.end(true)
        },
      )
    }
    client.on('error', (error) => {
      connection.failure ??= connectionFailure(address, error)
    })
    client.on('disconnect', ({ reasonCode }) => {
      connection.failure ??= disconnectFailure(address, reasonCode ?? 0)
    })
    client.once('connect', ({ sessionPresent, properties }) => {
      connection.maxPacketBytes = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY
      connection.isUp = true
      connection.upAtMs = performance.now()
      log.info({ broker: address, sessionPresent }, 'connected')
      input.onConnect({ sessionPresent }).catch((error: unknown) => {
        if (connection.closed.signal.aborted) return
        connection.failure = asLinkError(error)
        client.end(true)
      })
    })
    client.once('close', () => end(connection))
  }

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
    if (!isStopped) retry(reason, isUp && performance.now() - connection.upAtMs >= stableMs)
  }

  const retry = (reason: LongshoreError, wasStable = false): void => {
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
      const waitMs = acknowledgeMs + bytes
      const settle = (finish: () => void): void => {
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
        client.end(true)
      }, waitMs)
      closed.signal.addEventListener('abort', onClosed, { once: true })
      call(client, (error) => {
        if (error == null) settle(resolve)
        else if (isRefusal(error))
          settle(() =>
            reject(new LongshoreError('subscription-refused', `${doing}: ${error.message}`, { cause: error })),
          )
        else if (isPublishRefusal(error))
          settle(() => reject(new LongshoreError('publish-refused', `${doing}: ${error.message}`, { cause: error })))
        else down(error)
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
      const most = current?.maxPacketBytes ?? Number.POSITIVE_INFINITY
      // MQTT.js would send it, and the broker end the connection.
      if (payload.byteLength + Buffer.byteLength(topic) + packetBytes > most) {
        const said = `publishing to ${topic}: ${payload.byteLength} bytes are too many, the broker takes packets of ${most}`
        throw new LongshoreError('payload-too-large', said)
      }
      return during(`publishing to ${topic}`, payload.byteLength, (client, done) =>
        client.publish(topic, payload, options, done),
      )
    },
    subscribe: async (filters, qos) =>
      during(`subscribing to ${filters.join(', ')}`, 0, (client, done) =>
        client.subscribe([...filters], { qos }, done),
      ),
    unsubscribe: async (filters) =>
      during(`unsubscribing from ${filters.join(', ')}`, 0, (client, done) =>
        client.unsubscribe([...filters], {}, done),
      ),
  }
}

/** MQTT.js hands the SUBACK over with its error; 0x80 and above are refusals. MQTT 3.1.1, 3.9.3. */
const isRefusal = (error: Error): boolean => {
  const { packet } = error as Error & { packet?: { granted?: readonly number[] } }
  return packet?.granted?.some((granted) => granted >= 0x80) === true
}

/** MQTT 5 alone can say no to a message: a reason code from 0x80 in the PUBACK (3.4.2.1). */
const isPublishRefusal = (error: Error): boolean => {
  const { code } = error as Error & { code?: unknown }
  return typeof code === 'number' && code >= 0x80
}

const isDiskFault = (error: unknown): boolean =>
  error instanceof LongshoreError && (error.code === 'disk-full' || error.code === 'state-unusable')

const asLinkError = (error: unknown): LongshoreError =>
  error instanceof LongshoreError
    ? error
    : new LongshoreError('internal-error', (error as Error).message, { cause: error })
