/**
 * What is retained here and owned here, on its way up: only the newest of each topic, and only what differs from what the
 * broker above has acknowledged, which is noted on disk. So a message that was cleared here while there was no link is
 * cleared there on the next, and after an outage a thin link carries what changed and no more.
 *
 *   changed ──▶ due ──sent──▶ in flight ──acknowledged──▶ noted      (changed or lost meanwhile: due again)
 */
import type { Logger } from 'pino'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { digestOf, type LocalBroker } from './local-broker.ts'
import type { Routes } from './route.ts'
import { addVia } from './via.ts'

/** Resolves when the broker above has acknowledged it. */
export type SendState = (topic: string, payload: Buffer) => Promise<void>

export type UpStateInput = {
  readonly local: LocalBroker
  readonly routes: Routes
  readonly site: string
  readonly send: SendState
  /** All that was due when the connection came has been sent. */
  readonly onFresh: () => void
  readonly log: Logger
}

const mostInFlight = 32
/** A message over which the connection broke so often in a row is set aside until it changes. */
const mostLosses = 4
const retryMs = 2_000

export type UpState = ReturnType<typeof createUpState>

export const createUpState = ({ local, routes, site, send, onFresh, log }: UpStateInput) => {
  /** By rank, each in the order in which they became due. */
  const due = [new Set<string>(), new Set<string>(), new Set<string>()] as const
  const inFlight = new Set<string>()
  /** Sent even if it is noted: the broker above may have forgotten it. */
  const doubted = new Set<string>()
  /** How often in a row the connection broke over it. While there are such, each message goes alone: then it shows which it is. */
  const losses = new Map<string, number>()
  /** The connection breaks over these, as they are. */
  const aside = new Set<string>()
  let waited = new Set<string>()
  let isConnected = false
  let isFresh = false
  let retry: NodeJS.Timeout | undefined

  const rankOf = (topic: string): number | undefined => {
    const route = routes.routeOf(topic)
    return route?.way === 'up' && route.as === 'state' ? route.rank : undefined
  }

  const makeDue = (topic: string): void => {
    // Of what was sent before the settings changed nothing but the end is left to be told.
    due[(rankOf(topic) ?? 2) as 0 | 1 | 2].add(topic)
  }

  const takeDue = (): string | undefined => {
    for (const topics of due)
      for (const topic of topics) {
        if (inFlight.has(topic)) continue
        topics.delete(topic)
        return topic
      }
    return undefined
  }

  const payloadOf = (topic: string): Buffer | undefined => {
    const payload = local.retained(topic)
    const route = routes.routeOf(topic)
    if (payload === undefined || route?.way !== 'up' || route.as !== 'state') return undefined
    return route.isDeviceStatus ? addVia(payload, site) : payload
  }

  const finished = (topic: string): void => {
    waited.delete(topic)
    if (waited.size > 0 || isFresh || !isConnected) return
    isFresh = true
    onFresh()
  }

  const pump = (): void => {
    while (isConnected && inFlight.size < (losses.size > 0 ? 1 : mostInFlight)) {
      const topic = takeDue()
      if (topic === undefined) return
      const payload = payloadOf(topic)
      const noted = local.noted('up', routes.toAbove(topic))
      const isKnown =
        payload === undefined ? noted === undefined : !doubted.has(topic) && noted?.equals(digestOf(payload)) === true
      if (isKnown) finished(topic)
      else void sendOne(topic, payload)
    }
  }

  const sendOne = async (topic: string, payload: Buffer | undefined): Promise<void> => {
    const above = routes.toAbove(topic)
    inFlight.add(topic)
    try {
      await send(above, payload ?? Buffer.alloc(0))
      local.note('up', above, payload === undefined ? null : digestOf(payload))
      doubted.delete(topic)
      losses.delete(topic)
      finished(topic)
    } catch (error) {
      failed(topic, error)
    } finally {
      inFlight.delete(topic)
    }
    pump()
  }

  const failed = (topic: string, error: unknown): void => {
    const code = error instanceof LongshoreError ? error.code : undefined
    if (code === 'link-down') {
      if (!aside.has(topic)) makeDue(topic)
      return
    }
    if (code === 'broker-busy') {
      makeDue(topic)
      retry ??= setTimeout(() => {
        retry = undefined
        pump()
      }, retryMs)
      return
    }
    log.error({ err: error, topic }, 'the broker above does not take this; it is sent again when it changes')
    finished(topic)
  }

  /** Brokers take messages in order: the first without an answer may be why the connection ended. */
  const suspect = (topic: string): void => {
    const count = (losses.get(topic) ?? 0) + 1
    losses.set(topic, count)
    if (count < mostLosses) return
    losses.delete(topic)
    aside.add(topic)
    log.error(
      { code: 'payload-too-large', topic, bytes: payloadOf(topic)?.length },
      'the connection to the broker above breaks over this message; it is sent again when it changes',
    )
  }

  const clearOld = async (above: string): Promise<void> => {
    try {
      await send(above, Buffer.alloc(0))
      local.note('up', above, null)
    } catch (error) {
      log.debug({ err: error, topic: above }, 'what an earlier setting left above is not cleared yet')
    }
  }

  return {
    /** It was published here, retained. */
    changed: (topic: string): void => {
      aside.delete(topic)
      makeDue(topic)
      if (isConnected) pump()
    },
    /** @param isForgotten the broker above may know nothing any more */
    connected: (isForgotten: boolean): void => {
      isConnected = true
      isFresh = false
      for (const topic of local.topics(routes.stateBelow)) {
        if (rankOf(topic) === undefined || aside.has(topic)) continue
        makeDue(topic)
        if (isForgotten) doubted.add(topic)
      }
      for (const above of local.notes('up')) {
        const topic = routes.toBelow(above)
        // Elsewhere above, before the settings changed: there nobody else would clear it.
        if (topic === undefined) void clearOld(above)
        else if (payloadOf(topic) === undefined) makeDue(topic)
      }
      waited = new Set(due.flatMap((topics) => [...topics]))
      if (waited.size === 0) finished('')
      else pump()
    },
    disconnected: (): void => {
      const [first] = inFlight
      if (isConnected && first !== undefined) suspect(first)
      isConnected = false
      clearTimeout(retry)
      retry = undefined
    },
    /** How many topics the broker above does not know yet. */
    due: (): number => due.reduce((sum, { size }) => sum + size, 0) + inFlight.size,
  }
}
