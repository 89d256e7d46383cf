/**
 * One MQTT session, kept up: the only part that knows MQTT.js. Every attempt to connect is a client of its own, because
 * MQTT.js reconnects at a fixed pace, gives up on a refused CONNACK and queues without bound while offline.
 * It never queues: what cannot be sent now is rejected with `link-down`, and whoever knows what is newest sends again.
 */
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import type { Code } from '../protocol/codes.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type BackOff, backOffDelayMs } from './back-off.ts'

/** Where and as whom to connect. `ca`, `cert` and `key` are PEM text. */
export type Broker = {
  readonly url: string
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
}

export type Link = {
  readonly start: () => void
  /** Lets the session go tidily: no will is sent. Idempotent. */
  readonly stop: () => Promise<void>
  readonly isConnected: () => boolean
  /** Resolves when the broker has acknowledged (QoS 1) or the socket has taken it (QoS 0). Rejects with `link-down`. */
  readonly publish: (
    topic: string,
    payload: Buffer,
    options: { readonly qos: 0 | 1; readonly retain: boolean },
  ) => Promise<void>
  /** Rejects with `subscription-refused` or `link-down`. Retained messages come again with each call. */
  readonly subscribe: (filters: readonly string[], qos: 0 | 1) => Promise<void>
  readonly unsubscribe: (filters: readonly string[]) => Promise<void>
}

const connectTimeoutMs = 15_000

/** Brokers send only so many that are not acknowledged, Mosquitto 20: with more of them nothing would come any more. */
const mostUnacknowledged = 10

/** A broker that says no will not say yes in a second. */
const refusedBackOff: BackOff = { baseMs: 5_000, capMs: 300_000 }

/** A connection that did not stand this long was none: a broker that takes and drops us is not met at full speed. */
const stableMs = 10_000

type Connection = {
  readonly client: MqttClient
  unacknowledged: number
  isUp: boolean
  upAtMs: number
  readonly closed: AbortController
  failure?: LongshoreError
}

export const createLink = (input: LinkInput): Link => {
  const { broker, log, random } = input
  let current: Connection | undefined
  let isStopped = true
  let attempts = 0
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
    let client: MqttClient
    try {
      client = mqtt.connect(broker.url, clientOptions(input, will))
    } catch (error) {
      retry(
        new LongshoreError('broker-unreachable', `connecting to ${broker.url}: ${(error as Error).message}`, {
          cause: error,
        }),
      )
      return
    }
    // Handlers stand before the first byte arrives: messages of a stored session come right behind the CONNACK.
    const connection: Connection = { client, unacknowledged: 0, isUp: false, upAtMs: 0, closed: new AbortController() }
    current = connection
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
      connection.failure = connectionFailure(broker.url, error)
    })
    client.once('connect', ({ sessionPresent }) => {
      connection.isUp = true
      connection.upAtMs = performance.now()
      log.info({ broker: broker.url, sessionPresent }, 'connected')
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
    const { client, failure, isUp } = connection
    connection.isUp = false
    if (isUp && performance.now() - connection.upAtMs >= stableMs) attempts = 0
    connection.closed.abort()
    client.end(true)
    if (current === connection) current = undefined
    const reason =
      failure ??
      new LongshoreError(
        'broker-unreachable',
        isUp ? `the connection to ${broker.url} was lost` : `${broker.url} closed the connection`,
      )
    if (isUp) input.onDisconnect?.(reason)
    if (!isStopped) retry(reason)
  }

  const retry = (reason: LongshoreError): void => {
    attempts += 1
    // A certificate is tried again at the usual pace: it may only be the own clock that is not set yet.
    const isRefused = reason.code === 'broker-refused' || reason.code === 'subscription-refused'
    const delayMs = backOffDelayMs(isRefused ? refusedBackOff : input.backOff, attempts, random())
    log.warn({ code: reason.code, delayMs, attempts }, `${reason.message}; trying again`)
    timer = setTimeout(() => void connect(), delayMs)
    input.onFailure?.(reason)
  }

  const up = (doing: string): Connection => {
    if (current?.isUp === true) return current
    throw new LongshoreError('link-down', `${doing}: there is no connection to ${broker.url}`)
  }

  /** A call on the connection, ended by the end of that connection: MQTT.js may never call back then. */
  const during = <T>(
    doing: string,
    call: (client: MqttClient, done: (error?: Error | null, result?: T) => void) => void,
  ): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      const connection = up(doing)
      const { signal } = connection.closed
      const down = (cause?: unknown): void =>
        reject(new LongshoreError('link-down', `${doing}: the connection was lost`, { cause }))
      const onClosed = (): void => down()
      signal.addEventListener('abort', onClosed, { once: true })
      call(connection.client, (error, result) => {
        signal.removeEventListener('abort', onClosed)
        if (error) down(error)
        else resolve(result)
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
      // A peer that does not answer must not keep us: the tidy end has a second.
      await Promise.race([connection.client.endAsync(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())])
      connection.closed.abort()
      connection.client.end(true)
    },
    isConnected: () => current?.isUp === true,
    publish: async (topic, payload, options) => {
      await during(`publishing to ${topic}`, (client, done) => client.publish(topic, payload, options, done))
    },
    subscribe: async (filters, qos) => {
      const doing = `subscribing to ${filters.join(', ')}`
      const connection = up(doing)
      await new Promise<void>((resolve, reject) => {
        const onClosed = (): void => reject(new LongshoreError('link-down', `${doing}: the connection was lost`))
        connection.closed.signal.addEventListener('abort', onClosed, { once: true })
        connection.client.subscribe([...filters], { qos }, (error) => {
          connection.closed.signal.removeEventListener('abort', onClosed)
          if (error)
            reject(
              new LongshoreError(
                isRefusal(error) ? 'subscription-refused' : 'link-down',
                `${doing}: ${error.message}`,
                { cause: error },
              ),
            )
          else resolve()
        })
      })
    },
    unsubscribe: async (filters) => {
      await during(`unsubscribing from ${filters.join(', ')}`, (client, done) =>
        client.unsubscribe([...filters], {}, done),
      )
    },
  }
}

const clientOptions = (input: LinkInput, will: Will | undefined): IClientOptions => {
  const { broker } = input
  return {
    protocolVersion: 4,
    clientId: input.clientId,
    clean: input.clean,
    keepalive: input.keepaliveS,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    ...(broker.username === undefined ? {} : { username: broker.username }),
    ...(broker.password === undefined ? {} : { password: broker.password }),
    ...(broker.ca === undefined ? {} : { ca: broker.ca }),
    ...(broker.cert === undefined ? {} : { cert: broker.cert }),
    ...(broker.key === undefined ? {} : { key: broker.key }),
    ...(will === undefined ? {} : { will: { ...will, qos: 1 as const, retain: true } }),
  }
}

/** CONNACK return codes 1 to 5 of MQTT 3.1.1 (3.2.2.3) come as a numeric `code`; all else is the network. */
const connectionFailure = (url: string, error: Error): LongshoreError => {
  const { code } = error as Error & { code?: unknown }
  const kind: Code =
    typeof code === 'number' ? 'broker-refused' : isTls(String(code)) ? 'broker-untrusted' : 'broker-unreachable'
  const said = error.message || (error as NodeJS.ErrnoException).code || 'no answer'
  return new LongshoreError(kind, `${url}: ${said}`, { cause: error })
}

/** Codes of Node (ERR_TLS_…, ERR_SSL_…), of OpenSSL's certificate check, and of PEM files that do not parse. */
const isTls = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|CRL_)/.test(
    code,
  )

/** MQTT.js hands the SUBACK over with its error; 0x80 and above are refusals. MQTT 3.1.1, 3.9.3. */
const isRefusal = (error: Error): boolean => {
  const { packet } = error as Error & { packet?: { granted?: readonly number[] } }
  return packet?.granted?.some((granted) => granted >= 0x80) === true
}

const isDiskFault = (error: unknown): boolean =>
  error instanceof LongshoreError && (error.code === 'disk-full' || error.code === 'state-unusable')

const asLinkError = (error: unknown): LongshoreError =>
  error instanceof LongshoreError
    ? error
    : new LongshoreError('internal-error', (error as Error).message, { cause: error })
