/**
 * The bridge of a site: a client of the broker above that lives inside the broker here. What a device says goes up (retained
 * state newest only, the rest through an outbox), what is wanted of it comes down. Each connection goes the same way:
 *
 *   birth ──▶ does it come back here? a circle ──▶ state that changed ──▶ the backlog
 *                                                └▶ subscriptions ──▶ what is gone above
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { builtAt } from '../../src/built-at.ts'
import { shownAddress } from '../../src/link/addresses.ts'
import type { BackOff } from '../../src/link/back-off.ts'
import { readBrokerFiles } from '../../src/link/broker-files.ts'
import { createLink } from '../../src/link/link.ts'
import { diskOutboxFiles } from '../../src/outbox/disk-files.ts'
import { defaultLimits } from '../../src/outbox/limits.ts'
import { openOutbox } from '../../src/outbox/outbox.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'
import { version } from '../../src/version.ts'
import { bridgeReport } from './bridge-report.ts'
import { type BridgeConfig, bridgeSettingsOf } from './bridge-settings.ts'
import { createDownState } from './down-state.ts'
import { createLife } from './life.ts'
import { digestOf, type LocalBroker } from './local-broker.ts'
import { classOf, packMessage, unpackMessage } from './packed-message.ts'
import { createRateGate } from './rate-gate.ts'
import { createRoutes } from './route.ts'
import { createUpState } from './up-state.ts'

export type BridgeInput = {
  readonly config: BridgeConfig
  readonly local: LocalBroker
  /** the folder of the broker */
  readonly state: string
  readonly maxPacketBytes: number
  /** Tests are in a hurry. */
  readonly pace?: BridgePace
  readonly nowMs: () => number
  readonly log: Logger
}

export type Published = {
  readonly topic: string
  readonly payload: Buffer
  readonly retain: boolean
}

export type Bridge = Awaited<ReturnType<typeof openBridge>>

export type BridgePace = {
  /** How long the own birth has to come back here, before anything else is sent. */
  readonly probeMs: number
  /** After so long without a message everything that is retained above has come. */
  readonly quietMs: number
  readonly backOff: BackOff
}

const usualPace: BridgePace = { probeMs: 1_000, quietMs: 500, backOff: { baseMs: 1_000, capMs: 60_000 } }

/** How long a bridge that is part of a circle keeps out of it; at random, so that of two one is first. */
const circleMs = 300_000
const mostCommands = 1_000
/** Topic and header of a packet, about. */
const packetBytes = (topic: string, payload: Buffer): number => topic.length + payload.length + 8

/** @throws LongshoreError file-unreadable */
export const openBridge = async (input: BridgeInput) => {
  const { config, local, state, maxPacketBytes, nowMs, log, pace = usualPace } = input
  const settings = bridgeSettingsOf(config)
  const { site, root, rootAbove = root } = settings
  const broker = await readBrokerFiles(settings)
  const routes = createRoutes(settings)
  const [here, above] = [topicsUnder(root), topicsUnder(rootAbove)]
  const gate = createRateGate(
    { maxBytesPerSecond: settings.maxBytesPerSecond, maxMessagesPerSecond: settings.maxMessagesPerSecond },
    () => performance.now(),
  )
  const life = createLife({ site, version, instance: randomUUID(), nowMs })
  const commands = new Set<string>()
  const counts = { up: 0, down: 0 }
  let connection = new AbortController()
  let isUp = false
  let isInCircle = false
  let isStopped = false
  let lastFailure: LongshoreError | undefined
  let comeBack: NodeJS.Timeout | undefined

  const outbox = await openOutbox({
    files: diskOutboxFiles(join(state, 'bridge')),
    limits: {
      ...defaultLimits,
      capBytes: settings.queueBytes,
      // What it holds is written in base64.
      maxMessageBytes: Math.min(Math.ceil((maxPacketBytes * 4) / 3) + 1_024, 4 * 1024 * 1024 - 65_536),
      recordsPerSecond: Number.POSITIVE_INFINITY,
    },
    nowMs,
    earliestMs: builtAt,
    monotonicMs: () => performance.now(),
    boot: randomUUID(),
    describeDrop: (dropped) => ({
      topic: routes.pathOf(here.bridgeEvent(site)),
      body: { schema: 1, session: 0, kind: 'messages-dropped', dropped },
    }),
    log,
  })

  const sendUp = async (topic: string, payload: Buffer, isState: boolean): Promise<void> => {
    const turn = gate.take(packetBytes(topic, payload), isState)
    if (turn !== undefined) await turn
    await link.publish(topic, payload, { qos: 1, retain: isState })
    counts.up += 1
  }

  outbox.start(({ topic, payload }) => sendUp(routes.pathToAbove(topic), unpackMessage(payload).payload, false))

  const upState = createUpState({
    local,
    routes,
    site,
    send: (topic, payload) => sendUp(topic, payload, true),
    onFresh: () => outbox.setConnected(true),
    log,
  })

  const takeCommand = async (topic: string, payload: Buffer): Promise<void> => {
    const known = `${topic} ${digestOf(payload).toString('hex')}`
    if (commands.has(known) || payload.length === 0) return
    await local.publish(topic, payload, { retain: false })
    commands.add(known)
    if (commands.size > mostCommands) commands.delete(commands.values().next().value as string)
  }

  const sendBirth = (): Promise<void> => link.publish(above.bridgeStatus(site), life.birth(), { qos: 1, retain: true })

  /** Somebody else wrote where this bridge tells of itself. */
  const answerStatus = (payload: Buffer): void => {
    const answer = life.judge(payload)
    if (answer === 'another')
      log.error({ site }, 'another bridge calls itself by the name of this site: each needs one of its own')
    if (answer === 'birth') sendBirth().catch(() => undefined) // the next connection begins with it
  }

  const onMessage = async (topic: string, payload: Buffer): Promise<void> => {
    if (topic === above.bridgeStatus(site)) return answerStatus(payload)
    const found = routes.fromAbove(topic)
    if (found === undefined) return
    counts.down += 1
    if (found.as === 'desired' || found.as === 'secret') await downState.received(found.topic, found.as, payload)
    else if (!local.mayTake(found.topic, payload, { retain: false })) return
    else if (found.as === 'command') await takeCommand(found.topic, payload)
    else await local.publish(found.topic, payload, { retain: false })
  }

  const link = createLink({
    broker,
    // They may have been renewed; files that are being replaced just now are no reason to stay away.
    credentials: () => readBrokerFiles(settings).catch(() => broker),
    clientId: settings.clientId ?? `longshore-bridge-${site}`,
    clean: false,
    keepaliveS: settings.keepaliveS,
    backOff: pace.backOff,
    random: Math.random,
    log,
    beforeConnect: async () => ({ topic: above.bridgeStatus(site), payload: life.will() }),
    onConnect: async ({ sessionPresent }) => {
      connection = new AbortController()
      const { signal } = connection
      downState.begin()
      life.begin()
      await sendBirth()
      await link.subscribe([above.bridgeStatus(site)], 1)
      await sleep(pace.probeMs, undefined, { signal, ref: false })
      isUp = true
      lastFailure = undefined
      upState.connected(!sessionPresent)
      await downState.compare(!sessionPresent, signal)
    },
    onMessage,
    onDisconnect: () => disconnected(),
    onFailure: (reason) => {
      lastFailure = reason
    },
  })

  const downState = createDownState({ local, routes, link, quietMs: pace.quietMs, log })

  const disconnected = (): void => {
    isUp = false
    connection.abort()
    upState.disconnected()
    gate.giveUp()
    outbox.setConnected(false)
  }

  /** No will is sent of a tidy end, so it is said. */
  const leave = async (): Promise<void> => {
    life.end()
    if (link.isConnected())
      await Promise.race([
        link.publish(above.bridgeStatus(site), life.will(), { qos: 1, retain: true }).catch(() => undefined),
        sleep(1_000, undefined, { ref: false }),
      ])
    disconnected()
    await link.stop()
  }

  const keepOut = (): void => {
    if (isInCircle || isStopped) return
    isInCircle = true
    const forMs = circleMs * (0.5 + Math.random())
    lastFailure = new LongshoreError('bridge-circle', `what ${site} sends up comes back to it`)
    log.error({ code: lastFailure.code, site, forMs }, `${lastFailure.message}: the bridge keeps out of it`)
    comeBack = setTimeout(() => {
      isInCircle = false
      if (!isStopped) link.start()
    }, forMs)
    void leave()
  }

  const queue = async (topic: string, payload: Buffer, routed: Parameters<typeof classOf>[0]): Promise<void> => {
    try {
      await outbox.append(classOf(routed, payload), { topic: routes.pathOf(topic), body: packMessage(payload) })
    } catch (error) {
      if (!(error instanceof LongshoreError && error.code === 'payload-too-large')) throw error
      log.warn({ topic, code: error.code }, 'this does not go up: it is too large for the queue of the bridge')
    }
  }

  const sendLive = (topic: string, payload: Buffer): void => {
    const to = routes.toAbove(topic)
    if (!isUp || !gate.tryTake(packetBytes(to, payload))) return
    link.publish(to, payload, { qos: 0, retain: false }).catch(() => undefined) // worth something now or never
  }

  return {
    start: link.start,
    stop: async (): Promise<void> => {
      isStopped = true
      clearTimeout(comeBack)
      await leave()
      await outbox.close()
    },
    /** Everything that is published here, after it was retained. Resolves when it is safe; undefined: there is nothing to wait for. */
    published: ({ topic, payload, retain }: Published): Promise<void> | undefined => {
      if (topic === here.bridgeStatus(site)) {
        if (life.isOwn(payload)) keepOut()
        return undefined
      }
      const route = routes.routeOf(topic)
      if (route?.way !== 'up') return undefined
      if (route.as === 'queued') return payload.length === 0 ? undefined : queue(topic, payload, route.messageClass)
      if (route.as === 'live') sendLive(topic, payload)
      else if (retain) upState.changed(topic)
      return undefined
    },
    report: () =>
      bridgeReport({
        site,
        url: shownAddress(broker.url),
        isUp,
        isInCircle,
        lastFailure,
        stateDue: upState.due(),
        outbox: outbox.counts(),
        counts,
      }),
  }
}
