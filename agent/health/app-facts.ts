/** What of an app's report bears on the health of its device. Pure. */
import type { ReportBody } from '../reconcile/report.ts'
import type { AppFacts } from './findings.ts'

/** One that ended once or twice is brought back, and that was all. */
const loopsFrom = 3

export const appFactsOf = ({ app, services }: ReportBody): AppFacts => {
  const found = Object.entries(services)
  return {
    app,
    crashing: found.flatMap(([service, { reason, restarts }]) =>
      reason?.code === 'crash-loop' && restarts >= loopsFrom ? [service] : [],
    ),
    withoutDevices: found.flatMap(([service, { reason, devices = [] }]) =>
      reason?.code === 'device-missing' || devices.some(({ node }) => node === undefined) ? [service] : [],
    ),
  }
}
