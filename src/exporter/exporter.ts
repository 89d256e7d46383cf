/** The exporter: follows the fleet on its broker, and shows what it knows to Prometheus. */
import type { Logger } from 'pino'
import type { Fleet, FleetInput } from '../fleet/fleet.ts'
import { exposition } from './exposition.ts'
import { allFamilies } from './families.ts'
import { createFleetView, type Now } from './fleet-view.ts'
import { type Address, type MetricsServer, startMetricsServer } from './metrics-server.ts'
import { ownSeries } from './own-series.ts'

export type ExporterInput = {
  /** as `connectFleet`, with the broker known */
  readonly connect: (more: Required<Pick<FleetInput, 'onLink'>>) => Promise<Fleet>
  readonly listen: Address
  readonly staleMs: number
  readonly log: Logger
}

export type Exporter = Pick<MetricsServer, 'port' | 'stop'>

/** A broker sends what it retains at once; a slow one has this long. */
const roundMs = 60_000

const sweepEveryMs = 60_000

/** @throws LongshoreError broker-unreachable, broker-refused, port-unavailable */
export const startExporter = async ({ connect, listen, staleMs, log }: ExporterInput): Promise<Exporter> => {
  const view = createFleetView({ staleMs })
  const messages = new Map<string, number>()
  let isConnected = false
  let lastScrapeMs = 0
  let roundTimer: NodeJS.Timeout | undefined

  const count = (kind: string): void => void messages.set(kind, (messages.get(kind) ?? 0) + 1)

  const onLink = ({ isUp }: { readonly isUp: boolean }): void => {
    isConnected = isUp
    clearTimeout(roundTimer)
    // What was cleared while the link was away never comes: it is known by not coming again.
    if (isUp) roundTimer = setTimeout(view.endRound, roundMs).unref()
    else view.beginRound()
  }

  const render = (): Iterable<string> => {
    const startedMs = performance.now()
    const at = now()
    const own = ownSeries({ isConnected, counts: view.counts(), messages, lastScrapeMs, process }, at)
    const pieces = exposition(allFamilies, concat(own, view.series(at)))
    lastScrapeMs = performance.now() - startedMs
    return pieces
  }

  const server = await startMetricsServer({ listen, render, log })
  try {
    const fleet = await connect({ onLink })
    const sweeping = setInterval(() => view.sweep(now()), sweepEveryMs).unref()
    const { topics } = fleet
    await fleet.watch(
      [
        ...[topics.status('+'), topics.bridgeStatus('+'), topics.inventory('+'), topics.reported('+', '+')],
        ...[topics.telemetryOfHost('+'), topics.telemetryOfApp('+', '+')],
      ],
      ({ topic, payload, retain }) => {
        const site = topics.parseBridgeStatus(topic)
        if (site !== undefined) {
          count('bridge-status')
          view.takeBridge(site, payload, now())
        }
        const parsed = topics.parse(topic)
        if (parsed === undefined) return
        count(parsed.kind)
        view.take(parsed, payload, !retain, now())
      },
    )
    return {
      port: server.port,
      stop: async () => {
        clearTimeout(roundTimer)
        clearInterval(sweeping)
        await server.stop()
        await fleet.close()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

const now = (): Now => ({ epochMs: Date.now(), monotonicMs: performance.now() })

const concat = function* <T>(...parts: readonly Iterable<T>[]): Iterable<T> {
  for (const part of parts) yield* part
}
