/** The bridge, if one is set. What it needs to be a client of another broker is loaded only then. */
import type { Logger } from 'pino'
import { defined } from '../src/defined.ts'
import type { Bridge, BridgePace } from './bridge/bridge.ts'
import { localBrokerOf } from './local-broker.ts'
import type { OrderedAedes } from './ordered-aedes.ts'
import type { Store } from './persistence/store.ts'
import type { Refusals } from './refusals.ts'
import type { BrokerSettings } from './settings.ts'

/** @throws LongshoreError file-unreadable */
export const loadBridge = async (input: {
  readonly settings: Pick<
    BrokerSettings,
    'bridge' | 'state' | 'maxPacketBytes' | 'maxTopicBytes' | 'maxTopicLevels' | 'maxRetainedBytes'
  >
  readonly aedes: OrderedAedes
  readonly store: Store
  readonly refusals: Refusals
  readonly pace: BridgePace | undefined
  readonly nowMs: () => number
  readonly log: Logger
}): Promise<Bridge | undefined> => {
  const { settings, aedes, store, refusals, pace, nowMs, log } = input
  const { bridge: config, state, maxPacketBytes } = settings
  if (config === undefined || state === undefined) return undefined
  const { openBridge } = await import('./bridge/bridge.ts')
  return openBridge({
    ...defined({ pace }),
    config,
    local: localBrokerOf({ aedes, store, settings, refusals }),
    state,
    maxPacketBytes,
    nowMs,
    log,
  })
}
