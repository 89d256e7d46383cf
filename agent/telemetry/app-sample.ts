/** The metrics of an app: what its services use, beside what is reported of them. Pure. */
import type { ServiceReport } from '../../src/protocol/reported.ts'
import type { Metrics } from './host-sample.ts'

/** @param used by service: those that run. One that was reported and does not run has 0 containers. */
export const appMetricsOf = (
  reported: Readonly<Record<string, ServiceReport>>,
  used: ReadonlyMap<string, Metrics> | undefined,
): Metrics => {
  const metrics: Record<string, number> = {}
  for (const [service, { restarts, health }] of Object.entries(reported)) {
    const all = {
      containers: 0,
      ...used?.get(service),
      restarts,
      ...(health === 'healthy' || health === 'unhealthy' ? { isHealthy: Number(health === 'healthy') } : {}),
    }
    for (const [name, value] of Object.entries(all)) metrics[`${service}.${name}`] = value
  }
  return metrics
}
