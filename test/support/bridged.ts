/** Two brokers with a bridge between them: the one of a site, and the one above. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { BridgeConfig } from '../../broker/bridge/bridge-settings.ts'
import { type Broker, type BrokerAddress, type BrokerOptions, createBroker } from '../../broker/broker.ts'
import type { BridgeReport } from '../../src/protocol/broker-status.ts'
import { eventually } from './eventually.ts'

const log = pino({ level: process.env.TEST_LOG ?? 'silent' })

const bridgePace = { probeMs: 150, quietMs: 100, backOff: { baseMs: 50, capMs: 200 } }

export type TestBroker = {
  readonly broker: Broker
  readonly address: BrokerAddress
  readonly url: string
  readonly port: number
}

export const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-bridge-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export const startBroker = async (options: Partial<BrokerOptions> = {}): Promise<TestBroker> => {
  const broker = createBroker({ log, port: 0, sysIntervalS: 0, bridgePace, ...options })
  onTestFinished(broker.stop)
  const address = await broker.start()
  const { port } = address
  return { broker, address, port, url: `mqtt://127.0.0.1:${port}` }
}

/** @param config `site` and `url` at least */
export const startSite = async (
  config: BridgeConfig,
  options: Partial<BrokerOptions> = {},
): Promise<TestBroker & { readonly state: string }> => {
  const state = options.state ?? (await makeFolder())
  return { ...(await startBroker({ state, ...options, bridge: config })), state }
}

export const reportOf = ({ broker }: TestBroker): BridgeReport => {
  const report = broker.status()?.bridge
  if (report === undefined) throw new Error('there is no bridge')
  return report
}

export const untilUp = (site: TestBroker): Promise<unknown> =>
  eventually('the bridge to be up', () => reportOf(site).state === 'up', { timeoutMs: 15_000, everyMs: 20 })

/** Everything that was due went up. */
export const untilDrained = (site: TestBroker): Promise<unknown> =>
  eventually(
    'everything to have gone up',
    () => {
      const { state, stateDue, isDrained } = reportOf(site)
      return state === 'up' && stateDue === 0 && isDrained
    },
    { timeoutMs: 20_000, everyMs: 20 },
  )
