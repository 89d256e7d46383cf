/** Tells what of a sample is worth it: of the host, and of each app, on topics of their own. */
import type { Outbox } from '../../src/outbox/outbox.ts'
import type { ServiceReport } from '../../src/protocol/reported.ts'
import type { TelemetryProfile } from '../../src/protocol/telemetry.ts'
import { appMetricsOf } from './app-sample.ts'
import { type Told, worthTelling } from './dead-band.ts'
import type { Metrics } from './host-sample.ts'
import { appMetricOf, hostMetricOf } from './metrics.ts'
import { profiles } from './profiles.ts'
import type { Sample } from './sampler.ts'

export type TelemetryInput = {
  readonly outbox: Pick<Outbox, 'append'>
  readonly topics: { readonly host: string; readonly app: (app: string) => string }
  readonly profile: () => TelemetryProfile
  readonly isConnected: () => boolean
  /** what was reported last, by app and service */
  readonly reports: () => Iterable<readonly [app: string, services: Readonly<Record<string, ServiceReport>>]>
  readonly session: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
}

export type Telemetry = { readonly take: (sample: Sample) => Promise<void> }

export const createTelemetry = (input: TelemetryInput): Telemetry => {
  const { outbox, topics, profile, isConnected, reports, session, monotonicMs } = input
  /** by topic */
  let told = new Map<string, Told>()

  return {
    take: async ({ host, apps }) => {
      const chosen = profile()
      if (chosen === 'off') {
        told = new Map()
        return
      }
      // Nobody looks on while the link is down, and what is queued then costs the flash.
      const inForce = profiles[chosen === 'live' && !isConnected() ? 'thrifty' : chosen]
      const samples: [topic: string, metrics: Metrics, metricOf: typeof hostMetricOf][] = [
        [topics.host, host, hostMetricOf],
      ]
      for (const [app, services] of reports())
        samples.push([topics.app(app), appMetricsOf(services, apps.get(app)), appMetricOf])
      const before = told
      told = new Map()
      for (const [topic, metrics, metricOf] of samples) {
        if (Object.keys(metrics).length === 0) continue
        const worth = worthTelling(metrics, before.get(topic), inForce, metricOf, monotonicMs())
        if (worth.told !== undefined) told.set(topic, worth.told)
        if (worth.tell !== undefined)
          await outbox.append('telemetry', { topic, body: { schema: 1, session: session(), ...worth.tell } })
      }
    },
  }
}
