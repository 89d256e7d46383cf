/**
 * The embedded broker, for one site: aedes behind listeners, rights, a store and limits of our own.
 * Whatever one client sends, or does not read, no other client may notice.
 */
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import type { Logger } from 'pino'
import { builtAt } from '../src/built-at.ts'
import { defined } from '../src/defined.ts'
import { diskOutboxFiles } from '../src/outbox/disk-files.ts'
import type { BrokerStatus } from '../src/protocol/broker-status.ts'
import { createAccess } from './access/access.ts'
import { type Accounts, type AccountsInput, openAccounts } from './access/accounts.ts'
import type { Bridge, BridgePace } from './bridge/bridge.ts'
import { ClientStream, countTraffic, noTraffic } from './client-stream.ts'
import { type BrokerConfig, settingsOf } from './config.ts'
import { type BrokerCounts, countBroker } from './counts.ts'
import { createDelivery } from './delivery.ts'
import { createDoor } from './door.ts'
import { attachCertifier } from './enrolment/attach-certifier.ts'
import { openSite, type Site } from './enrolment/open-site.ts'
import { siteFiles } from './enrolment/site-files.ts'
import { createHooks } from './hooks.ts'
import { type ResolvedListener, resolveListeners } from './listen/listener-settings.ts'
import type { Peer } from './listen/open-listener.ts'
import { type OpenListeners, openListeners } from './listen/open-listeners.ts'
import { loadBridge } from './load-bridge.ts'
import { createClientLog } from './log-clients.ts'
import { OrderedAedes } from './ordered-aedes.ts'
import { createStatusReader } from './outside/broker-status.ts'
import { type Outside, openOutside } from './outside/outside.ts'
import { pace } from './pace.ts'
import { createAedesPersistence } from './persistence/aedes-persistence.ts'
import { claimFolder } from './persistence/claim-folder.ts'
import { openStore, type Store } from './persistence/store.ts'
import { createRefusals } from './refusals.ts'
import { reportErrors } from './report-errors.ts'

export type BrokerOptions = BrokerConfig & { readonly log: Logger; readonly bridgePace?: BridgePace }

export type BrokerAddress = {
  /** Of the first listener that has one. */
  readonly port: number
  /** Of the first for WebSockets. */
  readonly wsPort?: number
  /** In the order of the listeners; undefined for a socket in the file system. */
  readonly ports: readonly (number | undefined)[]
  readonly metricsPort?: number
}

export type Broker = {
  readonly start: () => Promise<BrokerAddress>
  readonly stop: () => Promise<void>
  /** Reads certificates, users and access again. */
  readonly reload: () => Promise<void>
  /** undefined before it started. */
  readonly counts: () => BrokerCounts | undefined
  /** undefined before it started */
  readonly status: () => BrokerStatus | undefined
}

const tickMs = 1_000
const sweepMs = 15_000
/** A certificate, a password or a rule that was changed holds after so long. */
const rereadMs = 2_000

export const createBroker = ({ log, bridgePace, ...options }: BrokerOptions): Broker => {
  const settings = settingsOf(options)
  const streams = new Map<ClientStream, Peer>()
  const timers: NodeJS.Timeout[] = []
  const refusals = createRefusals(log, () => performance.now())
  const door = createDoor(settings)
  let giveUpFolder: (() => Promise<void>) | undefined
  let opened: Awaited<ReturnType<typeof openAedes>> | undefined
  let listeners: OpenListeners | undefined
  let bridge: Bridge | undefined
  let outside: Outside | undefined
  let status: (() => BrokerStatus) | undefined
  const traffic = noTraffic()
  const trafficCount = countTraffic(traffic)
  let starting: Promise<BrokerAddress> | undefined
  let stopping: Promise<void> | undefined

  const streamOf = ({ conn }: Client): ClientStream | undefined => (conn instanceof ClientStream ? conn : undefined)
  // A clock that nobody has set says nothing of how old a message is.
  const nowMs = (): number => (Date.now() < builtAt ? 0 : Date.now())

  /** What is issued by a clock that nobody has set must be good for its time all the same. */
  const certificateMs = (): number => Math.max(Date.now(), builtAt)

  const peerOf = ({ conn }: Client): Peer | undefined => streams.get(conn as ClientStream)

  const enter = (address: string): boolean => {
    const admission = door.enter(address, performance.now())
    if (!admission.ok) refusals.note(admission.limit, { address }, `connection refused: ${admission.message}`)
    return admission.ok
  }

  const accept = (socket: Duplex, peer: Peer): void => {
    const stream = new ClientStream(socket, settings, trafficCount)
    streams.set(stream, peer)
    stream.on('close', () => void streams.delete(stream))
    opened?.aedes.handle(stream)
  }

  const openAedes = async (accounts: Accounts, site: Site | undefined) => {
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
    const { maxInFlight, maxFailedLogins } = settings
    const monotonicMs = (): number => performance.now()
    const access = createAccess({ accounts, site, maxFailedLogins, store, peerOf, refusals, monotonicMs })
    const delivery = createDelivery({ store, maxInFlight, streamOf, mayRead: access.mayRead, nowMs })
    const hooks = createHooks({ settings, aedes: () => aedes, store, streamOf, access, refusals })
    let subscriber: Client | undefined
    const persistence = createAedesPersistence({
      store,
      isGranted: hooks.isGranted,
      ownerOf: access.ownerOf,
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
      (message) => bridge?.published(message),
    )
    const clientLog = createClientLog({ log, peerOf, userOf: access.userOf, monotonicMs })
    // It says who subscribed right before it asks for what is retained.
    aedes.on('subscribe', (_subscriptions, client) => {
      subscriber = client
    })
    aedes.on('unsubscribe', hooks.unsubscribed)
    aedes.on('clientReady', (client) => {
      delivery.attach(client)
      clientLog.came(client)
    })
    aedes.on('clientDisconnect', (client) => {
      delivery.detach(client)
      clientLog.left(client)
    })
    if (site !== undefined && settings.enrolment !== undefined)
      attachCertifier({ ...settings.enrolment, aedes, site, accounts, access, nowMs: certificateMs, log })
    reportErrors(aedes, { log, refusals, addressOf: (client) => peerOf(client)?.shown })
    await aedes.listen()
    return { store, aedes, access, accounts, site }
  }

  const open = async (): Promise<BrokerAddress> => {
    const { users, access, enrolment, maxPacketBytes } = settings
    const resolved = resolveListeners(settings.listeners, {
      hasUsers: users !== undefined,
      hasEnrolment: enrolment !== undefined,
    })
    const changed: AccountsInput['changed'] = (what, isOther) => opened?.access.closeOthers(what, isOther)
    const accounts = await openAccounts({ users, access, changed, log })
    const site =
      enrolment &&
      (await openSite({
        files: siteFiles(enrolment.folder),
        changed: () => opened?.access.closeRevoked(),
        nowMs: certificateMs,
        log,
      }))
    opened = await openAedes(accounts, site)
    const { aedes, store } = opened
    watch(store)
    bridge = await loadBridge({ settings, aedes, store, refusals, pace: bridgePace, nowMs, log })
    listeners = await openListeners(resolved, {
      // A frame may hold several packets; what is in it is metered like any other bytes.
      maxFrameBytes: 2 * maxPacketBytes,
      handshakeMs: 30_000,
      enter,
      left: door.leave,
      accept,
      refused: (refusal, address, message, why) =>
        refusals.note(refusal, { address }, `connection refused: ${message}`, why),
      log,
    })
    const { ports } = listeners
    const wsPort = ports[resolved.findIndex(({ type }) => type === 'ws' || type === 'wss')]
    const port = ports.find((one) => one !== undefined) ?? 0
    const names = namesOf(resolved, ports)
    status = createStatusReader({
      ...{ aedes, store, refusals, traffic, listeners: names, state: settings.state },
      connections: door.connections,
      bridge: () => bridge?.report(),
      nowMs: Date.now,
    })
    outside = await openOutside({ settings, status, announce: (topic, text) => aedes.announce(topic, text), log })
    const { metricsPort } = outside
    bridge?.start()
    const { sessions, retained, queued } = counts() ?? {}
    log.info({ listeners: names, sessions, retained, queued, metricsPort }, 'broker listens')
    return { port, ports, ...defined({ wsPort, metricsPort }) }
  }

  const reread = async (how: 'check' | 'reload'): Promise<void> => {
    const all = [...(listeners?.certificates ?? []), ...[opened?.accounts, opened?.site].flatMap((one) => one ?? [])]
    await Promise.all(all.map((one) => one[how]()))
  }

  const watch = (store: Store): void => {
    const ticks = setInterval(() => {
      for (const stream of streams.keys()) stream.tick(settings.maxStillS)
      void store.shorten()
    }, tickMs)
    const sweeps = setInterval(store.sweep, sweepMs)
    const rereads = setInterval(() => void reread('check'), rereadMs)
    timers.push(ticks, sweeps, rereads)
  }

  const counts = (): BrokerCounts | undefined =>
    opened && countBroker(opened.store, door.connections(), refusals.counts())

  const close = async (): Promise<void> => {
    for (const timer of timers) clearInterval(timer)
    await outside?.stop()
    await bridge?.stop()
    opened?.site?.close()
    // A server that closes waits for its connections: end those first, with and without CONNECT.
    const closed = listeners?.close()
    await new Promise<void>((resolve) => (opened === undefined ? resolve() : opened.aedes.close(resolve)))
    for (const stream of streams.keys()) stream.destroy()
    await closed
    await opened?.store.close()
    await giveUpFolder?.()
    if (listeners !== undefined) log.info({ counts: counts() }, 'broker stopped')
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
    reload: () => reread('reload'),
    counts,
    status: () => status?.(),
  }
}

/** Port 0 became some other. */
const namesOf = (listeners: readonly ResolvedListener[], ports: readonly (number | undefined)[]): string[] =>
  listeners.map(({ name }, index) => (ports[index] === undefined ? name : name.replace(/\d+$/, String(ports[index]))))
