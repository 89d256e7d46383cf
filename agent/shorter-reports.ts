/** A report, and what is left of it for a broker that takes no longer messages: what came of the deployment stays. Pure. */
import type { Reported } from '../src/protocol/reported.ts'

/** The longest first. */
export function* shorterReports(report: Reported): Generator<Reported> {
  yield report
  const { keptFiles: _keptFiles, ...rest } = report
  const services = Object.entries(report.services).map(([name, { log: _log, ...service }]) => [name, service] as const)
  yield { ...rest, shortened: true, services: Object.fromEntries(services) }
  yield { ...rest, shortened: true, services: {} }
}
