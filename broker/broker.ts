/**
 * The embedded broker, for one site: aedes behind a TCP and a WebSocket listener, in memory.
 * Whatever one client sends, no other client may notice.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Aedes, type Client } from 'aedes'
import type { Logger } from 'pino'
import { LongshoreError } from '../src/protocol/reason.ts'
import { createClientStream } from './client-stream.ts'
import { type Listener, listenTcp, listenWebSocket } from './listeners.ts'
import { isLoopback, mayPublish, maySubscribe } from './rules.ts'

export type BrokerOptions = {
  readonly log: Logger
  readonly host?: string
  /** 0: any free port, which `start` names. */
  readonly port?: number
  /** No WebSocket listener without it. */
  readonly wsPort?: number
  /** Origins of web pages that may connect over WebSocket, as in `http://127.0.0.1:8080`. */
  readonly allowedOrigins?: readonly string[]
  readonly maxPacketBytes?: number
  /** What a client may be behind with reading before it holds others up… */
  readonly writeBufferBytes?: number
  /** …and for how long, before it is closed. */
  readonly drainTimeoutMs?: number
}

export type BrokerAddress = { readonly port: number; readonly wsPort?: number }

export type Broker = {
  readonly start: () => Promise<BrokerAddress>
  readonly stop: () => Promise<void>
}

const defaults = {
  host: '127.0.0.1',
  port: 1883,
  allowedOrigins: [] as readonly string[],
  maxPacketBytes: 1024 * 1024,
  writeBufferBytes: 1024 * 1024,
  drainTimeoutMs: 5_000,
}

export const createBroker = (options: BrokerOptions): Broker => {
  const settings = { ...defaults, ...options }
  const { log } = settings
  const streams = new Set<Duplex>()
  const listeners: Listener[] = []
  const addresses = new WeakMap<Duplex, string>()
  const aedes = createAedes(settings.drainTimeoutMs, (stream) => addresses.get(stream), log)
  let starting: Promise<BrokerAddress> | undefined
  let stopping: Promise<void> | undefined

  const accept = (socket: Duplex, request?: IncomingMessage) => {
    const stream = createClientStream(socket, settings)
    streams.add(stream)
    addresses.set(stream, addressOf(socket, request))
    stream.on('close', () => streams.delete(stream))
    aedes.handle(stream, request)
  }

  const open = async (): Promise<BrokerAddress> => {
    if (!isLoopback(settings.host))
      log.warn(
        { host: settings.host },
        'anyone who reaches this address can read and command the fleet: no authentication',
      )
    await aedes.listen()
    const tcp = await listenTcp(settings.host, settings.port, accept)
    listeners.push(tcp)
    if (settings.wsPort === undefined) return announce({ port: tcp.port })
    const webSocket = await listenWebSocket(
      settings.host,
      settings.wsPort,
      {
        allowedOrigins: settings.allowedOrigins,
        // A frame may hold several packets; what is in it is metered like any other bytes.
        maxFrameBytes: 2 * settings.maxPacketBytes,
        refused: (message) => log.warn(`WebSocket refused: ${message}`),
      },
      accept,
    )
    listeners.push(webSocket)
    return announce({ port: tcp.port, wsPort: webSocket.port })
  }

  const announce = (address: BrokerAddress): BrokerAddress => {
    log.info({ host: settings.host, ...address }, 'broker listens')
    return address
  }

  const close = async (): Promise<void> => {
    // A server that closes waits for its connections: end those first, with and without CONNECT.
    const closed = listeners.map((listener) => listener.close())
    await new Promise<void>((resolve) => aedes.close(resolve))
    for (const stream of streams) stream.destroy()
    await Promise.all(closed)
    if (listeners.length > 0) log.info('broker stopped')
  }

  return {
    start: () => {
      if (stopping !== undefined) return Promise.reject(new Error('a broker that was stopped does not start again'))
      starting ??= open().catch(async (error: unknown) => {
        stopping ??= close()
        await stopping
        throw error
      })
      return starting
    },
    stop: async () => {
      await starting?.catch(() => {})
      stopping ??= close()
      await stopping
    },
  }
}

const addressOf = (socket: Duplex, request: IncomingMessage | undefined): string => {
  const { remoteAddress, remotePort } = request?.socket ?? (socket as Socket)
  return `${remoteAddress ?? 'unknown'} port ${remotePort ?? 'unknown'}`
}

const createAedes = (
  drainTimeoutMs: number,
  addressBehind: (stream: Duplex) => string | undefined,
  log: Logger,
): Aedes => {
  const aedes = new Aedes({
    drainTimeout: drainTimeoutMs,
    // An error closes the connection, which is one of the two answers that [MQTT-3.3.5-2] allows.
    authorizePublish: (_client, packet, done) =>
      done(mayPublish(packet.topic) ? null : refused(`publishing to ${packet.topic} is for the broker only`)),
    // No subscription is SUBACK 0x80; an error would close the connection.
    authorizeSubscribe: (client, subscription, done) => {
      const granted = maySubscribe(subscription.topic)
      if (!granted)
        log.warn({ client: client.id, filter: subscription.topic }, 'shared subscriptions are not supported')
      done(null, granted ? subscription : null)
    },
  })
  aedes.on('clientReady', (client) => log.debug({ client: client.id }, 'client connected'))
  aedes.on('clientDisconnect', (client) => log.debug({ client: client.id }, 'client disconnected'))
  // aedes reports the same end more than once; the first time says why.
  const reported = new WeakSet<Client>()
  const report = (client: Client, error: Error) => {
    if (reported.has(client)) return
    reported.add(client)
    const facts = { client: client.id ?? undefined, address: addressBehind(client.conn), reason: error.message }
    if (error instanceof LongshoreError) log.warn({ ...facts, code: error.code }, 'client closed')
    else log.info(facts, 'client closed')
  }
  aedes.on('clientError', report)
  aedes.on('connectionError', report)
  // Without a listener an error of the persistence would end the process.
  aedes.addListener('error', (error: Error) => log.error({ reason: error.message }, 'broker error'))
  return aedes
}

const refused = (message: string) => new LongshoreError('broker-refused', message)
