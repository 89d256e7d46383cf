/**
 * What is retained above and owned there, on its way down. Changes come as messages. What was cleared while there was no link
 * leaves no message behind: on each connection what came from above before and is not there any more is asked for by its
 * name, and cleared here when it does not come.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Link } from '../../src/link/contract.ts'
import { judgeFromAbove } from './judge-from-above.ts'
import { digestOf, type LocalBroker } from './local-broker.ts'
import type { Routes } from './route.ts'

export type DownStateInput = {
  readonly local: LocalBroker
  readonly routes: Routes
  readonly link: Pick<Link, 'subscribe' | 'unsubscribe'>
  /** MQTT 3.1.1 has no mark behind retained messages: they have come when nothing did for so long, ms… */
  readonly quietMs: number
  readonly log: Logger
}

/** …and no less than so many times what a subscription takes. */
const quietRounds = 4
const mostAsked = 100

export const createDownState = ({ local, routes, link, quietMs, log }: DownStateInput) => {
  /** Heard of on this connection. */
  let seen = new Set<string>()
  let lastMs = 0
  let isQuietMs = quietMs

  const apply = async (topic: string, as: 'desired' | 'secret', above: Buffer | undefined): Promise<void> => {
    const here = local.retained(topic)
    const noted = local.noted('down', topic)
    const isFromAbove = here !== undefined && noted?.equals(digestOf(here)) === true
    const verdict = judgeFromAbove({ as, above, here, isFromAbove })
    if (above === undefined) {
      if (verdict === 'clear') await local.publish(topic, Buffer.alloc(0), { retain: true })
      // Behind it, or a kill between the two would leave it here for good; a value that came meanwhile has a note of its own.
      if (noted !== undefined && local.noted('down', topic)?.equals(noted) === true) local.note('down', topic, null)
      return
    }
    if (verdict === 'keep' && here?.equals(above) !== true) {
      log.info({ topic }, 'what is deployed here is newer than what stands above: it stays')
      return
    }
    // Before it is there: a kill between the two must not leave it here for good.
    const digest = digestOf(above)
    if (noted?.equals(digest) !== true) local.note('down', topic, digest)
    if (verdict === 'set') await local.publish(topic, above, { retain: true })
  }

  const untilQuiet = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      const leftMs = lastMs + isQuietMs - performance.now()
      if (leftMs <= 0) return
      await sleep(leftMs, undefined, { signal, ref: false })
    }
  }

  const subscribe = async (filters: readonly string[]): Promise<void> => {
    const startedMs = performance.now()
    await link.subscribe(filters, 1)
    lastMs = performance.now()
    isQuietMs = Math.max(quietMs, quietRounds * (lastMs - startedMs))
  }

  const missing = (): string[] => [...local.notes('down')].filter((topic) => !seen.has(topic))

  return {
    /** A message from above; with no payload it was cleared there. */
    received: async (topic: string, as: 'desired' | 'secret', payload: Buffer): Promise<void> => {
      lastMs = performance.now()
      seen.add(topic)
      if (!local.mayTake(topic, payload, { retain: true })) return
      await apply(topic, as, payload.length === 0 ? undefined : payload)
    },
    /** Before messages of a new connection can come. */
    begin: (): void => {
      seen = new Set()
    },
    /**
     * Subscribes, and clears what is gone above.
     * @param isForgotten the broker above knows the session of this bridge no more
     */
    compare: async (isForgotten: boolean, signal: AbortSignal): Promise<void> => {
      await subscribe(routes.filtersAbove)
      await untilQuiet(signal)
      const suspects = missing()
      if (suspects.length === 0) return
      if (isForgotten && seen.size === 0) {
        log.warn(
          { count: suspects.length },
          'the broker above retains nothing of this site any more: it may have lost its memory, so what came from it stays',
        )
        // On the next connection too: from now on it is the site's own.
        for (const topic of suspects) local.note('down', topic, null)
        return
      }
      for (let from = 0; from < suspects.length; from += mostAsked) {
        const asked = suspects.slice(from, from + mostAsked).map(routes.toAbove)
        await subscribe(asked)
        await untilQuiet(signal)
        await link.unsubscribe(asked)
      }
      for (const topic of missing()) {
        const as = routes.routeOf(topic)?.as
        // What is not asked for any more since the settings changed stays as it is.
        if (as !== 'desired' && as !== 'secret') continue
        if (signal.aborted) return
        // It came while another one was cleared.
        if (seen.has(topic)) continue
        log.info({ topic }, 'cleared: it is gone above')
        await apply(topic, as, undefined)
      }
    },
  }
}
