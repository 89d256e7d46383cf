/** The broker as it is seen from outside: under `$SYS`, by Prometheus, and on a socket that only ever tells how it is. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { startStatusServer } from '../../src/local/status-server.ts'
import { type BrokerStatus, brokerSocketName } from '../../src/protocol/broker-status.ts'
import type { BrokerSettings } from '../settings.ts'
import { type Loads, nextLoads } from './load.ts'
import { startMetricsServer } from './metrics-server.ts'
import { sysTopics } from './sys-topics.ts'

export type Outside = {
  /** undefined: there are none */
  readonly metricsPort: number | undefined
  readonly stop: () => Promise<void>
}

/** @throws LongshoreError port-unavailable */
export const openOutside = async (input: {
  readonly settings: Pick<BrokerSettings, 'sysIntervalS' | 'metrics' | 'state'>
  readonly status: () => BrokerStatus
  readonly announce: (topic: string, text: string) => void
  readonly log: Logger
}): Promise<Outside> => {
  const { settings, status, announce, log } = input
  const { sysIntervalS, metrics, state } = settings
  const server = metrics && (await startMetricsServer({ host: '127.0.0.1', ...definedHost(metrics), status }))
  const socket =
    state === undefined
      ? undefined
      : await startStatusServer({
          socketPath: join(state, brokerSocketName),
          status,
          what: 'longshore broker status',
          log,
        })

  let loads: Loads = {}
  let before = { atMs: performance.now(), traffic: status().traffic }
  const tell = (): void => {
    const now = status()
    const reading = { atMs: performance.now(), traffic: now.traffic }
    loads = nextLoads(loads, before, reading)
    before = reading
    for (const [topic, text] of Object.entries(sysTopics(now, loads))) announce(`$SYS/broker/${topic}`, text)
  }
  if (sysIntervalS > 0) tell()
  const timer = sysIntervalS > 0 ? setInterval(tell, sysIntervalS * 1_000) : undefined

  return {
    metricsPort: server?.port,
    stop: async () => {
      clearInterval(timer)
      await Promise.all([server?.stop(), socket?.stop()])
    },
  }
}

const definedHost = ({ host, port }: { readonly host?: string | undefined; readonly port: number }) =>
  host === undefined ? { port } : { host, port }
