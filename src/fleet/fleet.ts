/** An operator's connection to the broker: what is retained is read, what changes is watched, and both survive a lost link. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { addressesOf, shownAddress } from '../link/addresses.ts'
import { type Broker, createLink, type Link } from '../link/link.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { type Topics, topicsUnder } from '../protocol/topics.ts'

export type FleetMessage = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean }

export type FleetInput = {
  readonly broker: Broker
  readonly root: string
  readonly log: Logger
  /** How long the first connection may take, for each address; default: 10 s. */
  readonly connectTimeoutMs?: number
  /** The link was lost or came back, for people who wait. */
  readonly onLink?: (event: { readonly isUp: boolean; readonly reason?: LongshoreError }) => void
}

export type Fleet = {
  readonly topics: Topics
  /** Everything retained under the filters, by topic. The filters must not overlap with each other or with a watch. */
  readonly read: (filters: readonly string[]) => Promise<ReadonlyMap<string, Buffer>>
  /** Calls the listener for what is retained and for every change until it is ended. */
  readonly watch: (
    filters: readonly string[],
    listener: (message: FleetMessage) => void,
  ) => Promise<() => Promise<void>>
  readonly publish: (topic: string, payload: Buffer, options: { readonly retain: boolean }) => Promise<void>
  readonly close: () => Promise<void>
}

type Watch = { readonly filters: readonly string[]; readonly listener: (message: FleetMessage) => void }

/**
 * Connects, never under a device's client id.
 * @throws LongshoreError broker-unreachable, broker-refused
 */
export const connectFleet = async (input: FleetInput): Promise<Fleet> => {
  const waiters = new Set<{ resolve: () => void; reject: (error: Error) => void }>()
  let lastFailure: LongshoreError | undefined
  const timeoutMs = input.connectTimeoutMs ?? 10_000
  const { length: addressCount } = addressesOf(input.broker.url)
  let untried = addressCount
  const watches = new Set<Watch>()
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined
  const connected = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const link: Link = createLink({
    broker: input.broker,
    clientId: `longshore-cli-${randomBytes(6).toString('hex')}`,
    clean: true,
    keepaliveS: 30,
    connectTimeoutMs: timeoutMs,
    backOff: { baseMs: 250, capMs: 10_000 },
    random: Math.random,
    log: input.log,
    onConnect: async () => {
      // A clean session knows no subscription: what is being watched is asked for again, retained state comes with it.
      const filters = [...new Set([...watches].flatMap((watch) => watch.filters))]
      if (filters.length > 0) await link.subscribe(filters, 1)
      settle?.resolve()
      for (const waiter of waiters) waiter.resolve()
      input.onLink?.({ isUp: true })
    },
    onMessage: async (topic, payload, { retain }) => {
      for (const watch of watches) {
        if (watch.filters.some((filter) => matches(filter, topic))) watch.listener({ topic, payload, retain })
      }
    },
    onFailure: (reason) => {
      untried -= 1
      if (untried <= 0) settle?.reject(reason)
      lastFailure = reason
      input.onLink?.({ isUp: false, reason })
    },
  })
  link.start()
  const timer = setTimeout(
    () =>
      settle?.reject(
        new LongshoreError(
          'broker-unreachable',
          `${shownAddress(input.broker.url)} did not answer within ${timeoutMs / 1000} s`,
        ),
      ),
    timeoutMs * addressCount,
  )
  try {
    await connected
  } catch (error) {
    await link.stop()
    throw error
  } finally {
    clearTimeout(timer)
    settle = undefined
  }

  /** Resolves when a connection stands. @throws LongshoreError with why the last attempt failed */
  const reconnected = async (): Promise<void> => {
    if (link.isConnected()) return
    let giveUp: NodeJS.Timeout | undefined
    let waiter: { resolve: () => void; reject: (error: Error) => void } | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { resolve, reject }
        waiters.add(waiter)
        giveUp = setTimeout(
          () =>
            reject(
              lastFailure ??
                new LongshoreError('link-down', `the connection to ${shownAddress(input.broker.url)} was lost`),
            ),
          timeoutMs,
        )
      })
    } finally {
      clearTimeout(giveUp)
      if (waiter !== undefined) waiters.delete(waiter)
    }
  }

  /** Does a thing again on the next connection when the link went away under it: all that is done here may be done twice. */
  const insist = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      await reconnected()
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof LongshoreError && error.code === 'link-down')) throw error
        // A broker that restarts takes one connection with it; one that ends each of them does not like what it is sent.
        if (attempt === mostAttempts)
          throw new LongshoreError(
            'link-down',
            `${error.message}, ${attempt} times in a row: the broker may not allow it`,
            { cause: error },
          )
      }
    }
  }

  const watch: Fleet['watch'] = async (filters, listener) => {
    const entry = { filters, listener }
    watches.add(entry)
    try {
      await link.subscribe(filters, 1)
    } catch (error) {
      // A lost link is mended by the next connection; a refusal is not.
      if (!(error instanceof LongshoreError && error.code === 'link-down')) {
        watches.delete(entry)
        throw error
      }
    }
    return () => forgetWatch(entry)
  }

  const forgetWatch = async (entry: Watch): Promise<void> => {
    watches.delete(entry)
    const unused = entry.filters.filter((filter) => ![...watches].some((other) => other.filters.includes(filter)))
    if (unused.length > 0 && link.isConnected()) await link.unsubscribe(unused).catch(() => undefined) // the link's end does the same
  }

  return {
    topics: topicsUnder(input.root),
    watch,
    read: (filters) =>
      insist(async () => {
        const found = new Map<string, Buffer>()
        const startedMs = performance.now()
        const quiet = quietness()
        const entry = {
          filters,
          listener: ({ topic, payload }: FleetMessage) => {
            quiet.touch()
            if (payload.byteLength === 0) found.delete(topic)
            else found.set(topic, payload)
          },
        }
        watches.add(entry)
        try {
          // Silence on a link that is down says nothing about what the broker retains.
          await link.subscribe(filters, 1)
          await quiet.reached(Math.min(5_000, Math.max(quietMs, 3 * (performance.now() - startedMs))))
        } finally {
          await forgetWatch(entry)
        }
        if (!link.isConnected()) throw new LongshoreError('link-down', 'reading: the connection was lost')
        return found
      }),
    publish: (topic, payload, { retain }) => insist(() => link.publish(topic, payload, { qos: 1, retain })),
    close: link.stop,
  }
}

const mostAttempts = 3

/** MQTT 3.1.1 has no end mark after retained messages: reading ends when nothing came for this long, longer on a slow link. */
const quietMs = 250

const quietness = () => {
  let last = performance.now()
  return {
    touch: () => {
      last = performance.now()
    },
    reached: async (forMs: number): Promise<void> => {
      for (let left = forMs; left > 0; left = last + forMs - performance.now())
        await new Promise((resolve) => setTimeout(resolve, left))
    },
  }
}

/** Whether a topic falls under a filter with `+` and a trailing `#`. MQTT 3.1.1, 4.7. */
export const matches = (filter: string, topic: string): boolean => {
  const [wanted, given] = [filter.split('/'), topic.split('/')]
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true
    if (given[index] === undefined || (level !== '+' && level !== given[index])) return false
  }
  return wanted.length === given.length
}
