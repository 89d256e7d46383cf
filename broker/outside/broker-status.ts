/** How the broker is, put together: one answer for `$SYS`, metrics and `longshore broker status`. */
import { resolve } from 'node:path'
import type { Client } from 'aedes'
import type { BridgeReport, BrokerStatus } from '../../src/protocol/broker-status.ts'
import { version } from '../../src/version.ts'
import type { Traffic } from '../client-stream.ts'
import { type BrokerCounts, countBroker } from '../counts.ts'
import type { OrderedAedes } from '../ordered-aedes.ts'
import type { Store } from '../persistence/store.ts'
import type { Refusals } from '../refusals.ts'

export const createStatusReader = (input: {
  readonly aedes: OrderedAedes
  readonly store: Store
  readonly refusals: Refusals
  readonly traffic: Traffic
  readonly connections: () => number
  readonly listeners: readonly string[]
  readonly state: string | undefined
  readonly bridge: () => BridgeReport | undefined
  readonly nowMs: () => number
}): (() => BrokerStatus) => {
  const { aedes, store, refusals, traffic, state } = input
  const startedAt = input.nowMs()
  let maximum = 0

  return () => {
    const counts: BrokerCounts = countBroker(store, input.connections(), refusals.counts())
    const present = aedes.connectedIds()
    const absent = [...store.state.sessions.values()].filter(({ clientId }) => !present.has(clientId))
    const total = present.size + absent.length
    maximum = Math.max(maximum, total)
    const bridge = input.bridge()
    return {
      schema: 1,
      at: input.nowMs(),
      version,
      startedAt,
      listeners: [...input.listeners],
      connections: counts.connections,
      clients: { connected: present.size, total, maximum },
      sessions: counts.sessions,
      subscriptions:
        sum([...present.values()].map(countSubscriptions)) + sum(absent.map(({ subscriptions }) => subscriptions.size)),
      retained: counts.retained,
      queued: counts.queued,
      ...(state === undefined ? {} : { store: { folder: resolve(state), bytes: store.bytesOnDisk() } }),
      traffic: { ...traffic },
      dropped: { ...counts.dropped },
      refused: { ...counts.refused },
      lastRefusals: [...refusals.last()],
      ...(counts.fault === undefined ? {} : { fault: counts.fault }),
      ...(bridge === undefined ? {} : { bridge }),
    }
  }
}

const countSubscriptions = (client: Client): number =>
  Object.keys((client as Client & { readonly subscriptions: object }).subscriptions).length

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
