/** What is said of the apps: told to whoever reads the broker, kept as the newest word, and watched for what happened. */
import type { Logger } from 'pino'
import { registryScope } from '../src/protocol/names.ts'
import type { Reason } from '../src/protocol/reason.ts'
import type { Reported } from '../src/protocol/reported.ts'
import type { Events } from './events/events.ts'
import { createReportWatcher } from './events/report-watcher.ts'
import { type ReportBody, reportBody } from './reconcile/report.ts'
import { createReporter, type Reporter } from './reconcile/reporter.ts'
import { emptyRecord } from './store/app-record.ts'
import type { Store } from './store/store.ts'
import type { Owner } from './translate/engine-names.ts'

export type AppReportsInput = {
  readonly owner: Owner
  readonly store: Pick<Store, 'app' | 'updateApp'>
  readonly events: Pick<Events, 'tell'>
  readonly publish: (app: string, message: Reported | undefined) => Promise<void>
  readonly secretVersions: (app: string) => Readonly<Record<string, string>>
  /** why a message for the app is not stored yet */
  readonly pendingReason: (app: string) => Reason | undefined
  readonly session: () => number
  readonly nowMs: () => number
  readonly log: Logger
}

export type AppReports = {
  readonly reporter: Reporter
  /** what was told last of each app */
  readonly newest: () => Iterable<ReportBody>
  /** A message for it waits to be stored, or does so no longer. */
  readonly repeat: (app: string) => void
  /** Its containers run on, but nobody assigns the app any more and its record is lost. */
  readonly tellLost: (app: string, reason: Reason) => void
}

export const createAppReports = (input: AppReportsInput): AppReports => {
  const { owner, store, events, publish, secretVersions, pendingReason, session, nowMs, log } = input
  const watcher = createReportWatcher({ events, store, log })
  const reports = createReporter({ publish, session, nowMs })
  const newest = new Map<string, ReportBody>()

  /** A message that waits for the disk is told of with whatever else there is to say of the app. */
  const reporter: Reporter = {
    ...reports,
    tell: (body) => {
      newest.set(body.app, body)
      watcher.watch(body)
      const reason = pendingReason(body.app)
      reports.tell(reason === undefined ? body : { ...body, waitingFor: [...(body.waitingFor ?? []), reason] })
    },
    clear: (app) => {
      newest.delete(app)
      reports.clear(app)
    },
  }

  return {
    reporter,
    newest: () => newest.values(),
    repeat: (app) => {
      if (app === registryScope) return
      const record = store.app(app) ?? emptyRecord(app)
      const plan = { phase: 'accepted' as const, waits: [] }
      const first = (): ReportBody =>
        reportBody({ now: nowMs(), owner, record, secretVersions: secretVersions(app), plan })
      reporter.tell(newest.get(app) ?? first())
    },
    tellLost: (app, { code, message }) => {
      const waits = [{ code, message: `what was decided of the app is lost, deploy it again: ${message}` }]
      const plan = { phase: 'accepted' as const, waits }
      reporter.tell(reportBody({ now: nowMs(), owner, record: emptyRecord(app), secretVersions: {}, plan }))
    },
  }
}
