/**
 * The embedded broker, for one site: aedes behind a TCP and a WebSocket listener, with a store and limits of our own.
 * Whatever one client sends, or does not read, no other client may notice.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { builtAt } from '../src/built-at.ts'
import { diskOutboxFiles } from '../src/outbox/disk-files.ts'
import { ClientStream } from './client-stream.ts'
import { type BrokerCounts, countBroker } from './counts.ts'
import { createDelivery } from './delivery.ts'
import { createDoor } from './door.ts'
import { createHooks } from './hooks.ts'
import { type Listener, listenTcp, listenWebSocket } from './listeners.ts'
import { OrderedAedes } from './ordered-aedes.ts'
import { pace } from './pace.ts'
import { createAedesPersistence } from './persistence/aedes-persistence.ts'
import { claimFolder } from './persistence/claim-folder.ts'
import { openStore, type Store } from './persistence/store.ts'
import { createRefusals } from './refusals.ts'
import { reportErrors } from './report-errors.ts'
import { isLoopback } from './rules.ts'
import { type BrokerSettings, defaultSettings } from './settings.ts'

export type BrokerOptions = Partial<BrokerSettings> & { readonly log: Logger }

export type BrokerAddress = { readonly port: number; readonly wsPort?: number }

export type Broker = {
  readonly start: () => Promise<BrokerAddress>
  readonly stop: () => Promise<void>
  /** undefined before it started. */
  readonly counts: () => BrokerCounts | undefined
}

const tickMs = 1_000
const sweepMs = 15_000

export const createBroker = ({ log, ...options }: BrokerOptions): Broker => {
  const settings: BrokerSettings = { ...defaultSettings, ...options }
  const streams = new Map<ClientStream, string>()
  const listeners: Listener[] = []
  const timers: NodeJS.Timeout[] = []
  const refusals = createRefusals(log, () => performance.now())
  const door = createDoor(settings)
  let giveUpFolder: (() => Promise<void>) | undefined
  let opened: { readonly store: Store; readonly aedes: OrderedAedes } | undefined
  let starting: Promise<BrokerAddress> | undefined
  let stopping: Promise<void> | undefined

  const streamOf = ({ conn }: Client): ClientStream | undefined => (conn instanceof ClientStream ? conn : undefined)
  // A clock that nobody has set says nothing of how old a message is.
  const nowMs = (): number => (Date.now() < builtAt ? 0 : Date.now())

  const accept = (socket: Duplex, request?: IncomingMessage): void => {
    const { remoteAddress = 'unknown', remotePort = 'unknown' } = request?.socket ?? (socket as Socket)
    const admission = door.enter(remoteAddress, performance.now())
    if (!admission.ok || opened === undefined) {
      if (!admission.ok)
        refusals.note(admission.limit, { address: remoteAddress }, `connection refused: ${admission.message}`)
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const stream = new ClientStream(socket, settings)
    streams.set(stream, `${remoteAddress} port ${remotePort}`)
    stream.on('close', () => {
      streams.delete(stream)
      door.leave(remoteAddress)
    })
    opened.aedes.handle(stream, request)
  }

  const openAedes = async () => {
    if (settings.state !== undefined) giveUpFolder = await claimFolder(settings.state)
    const store = await openStore({
      files: settings.state === undefined ? undefined : diskOutboxFiles(settings.state),
      fsync: settings.fsync,
      bounds: {
        maxQueuedBytes: settings.maxQueuedBytes,
        maxQueuedBytesPerClient: settings.maxQueuedBytesPerClient,
        maxQueuedAgeMs: settings.maxQueuedAgeS * 1_000,
        maxSessions: settings.maxSessions,
        sessionExpiryMs: settings.sessionExpiryS * 1_000,
      },
      nowMs,
      salt: randomUUID,
      isConnected: (session) => delivery.isConnected(session),
      log,
    })
    const delivery = createDelivery({ store, maxInFlight: settings.maxInFlight, streamOf, nowMs })
    const hooks = createHooks({ settings, aedes: () => aedes, store, streamOf, refusals })
    let subscriber: Client | undefined
    const persistence = createAedesPersistence({
      store,
      isGranted: hooks.isGranted,
      acknowledged: delivery.acknowledged,
      received: delivery.received,
      grantedQos: (filter) => (subscriber && hooks.grantedQos(subscriber, filter)) ?? 2,
      pace: (matches) => {
        const stream = subscriber && streamOf(subscriber)
        return stream === undefined ? matches : pace(matches, stream)
      },
    })
    // Each connection has bounds of its own; to aedes none is ever full.
    const aedes: OrderedAedes = new OrderedAedes(
      {
        ...hooks.options,
        persistence,
        drainTimeout: 0,
        // Wills of a broker that was killed are published after four of these.
        heartbeatInterval: settings.willDelayS * 250,
        maxClientsIdLength: settings.maxClientIdBytes,
      },
      store,
      delivery.pump,
    )
    // It says who subscribed right before it asks for what is retained.
    aedes.on('subscribe', (_subscriptions, client) => {
      subscriber = client
    })
    aedes.on('unsubscribe', hooks.unsubscribed)
    aedes.on('clientReady', (client) => {
      delivery.attach(client)
      log.debug({ client: client.id }, 'client connected')
    })
    aedes.on('clientDisconnect', (client) => {
      delivery.detach(client)
      log.debug({ client: client.id }, 'client disconnected')
    })
    reportErrors(aedes, { log, refusals, addressOf: ({ conn }) => streams.get(conn as ClientStream) })
    await aedes.listen()
    return { store, aedes }
  }

  const open = async (): Promise<BrokerAddress> => {
    if (!isLoopback(settings.host))
      log.warn(
        { host: settings.host },
        'anyone who reaches this address can read and command the fleet: no authentication',
      )
    opened = await openAedes()
    watch(opened.store)
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

  const watch = (store: Store): void => {
    const ticks = setInterval(() => {
      for (const stream of streams.keys()) stream.tick(settings.maxStillS)
      void store.shorten()
    }, tickMs)
    const sweeps = setInterval(store.sweep, sweepMs)
    timers.push(ticks, sweeps)
  }

  const counts = (): BrokerCounts | undefined =>
    opened && countBroker(opened.store, door.connections(), refusals.counts())

  const announce = (address: BrokerAddress): BrokerAddress => {
    const { sessions, retained, queued } = counts() ?? {}
    log.info({ host: settings.host, ...address, sessions, retained, queued }, 'broker listens')
    return address
  }

  const close = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer)
    // A server that closes waits for its connections: end those first, with and without CONNECT.
    const closed = listeners.map((listener) => listener.close())
    await new Promise<void>((resolve) => (opened === undefined ? resolve() : opened.aedes.close(resolve)))
    for (const stream of streams.keys()) stream.destroy()
    await Promise.all(closed)
    await opened?.store.close()
    await giveUpFolder?.()
    if (listeners.length > 0) log.info({ counts: counts() }, 'broker stopped')
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
    counts,
  }
}
