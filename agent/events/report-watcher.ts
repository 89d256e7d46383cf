/**
 * Makes events of what is reported of apps. What a deployment came to is told at least once, also when the agent is killed
 * between the decision and the event: the record says what was told.
 */
import type { Logger } from 'pino'
import { defined } from '../../src/defined.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { ReportBody } from '../reconcile/report.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import type { Events } from './events.ts'
import { reportEvents } from './report-events.ts'

export type ReportWatcherInput = {
  readonly events: Pick<Events, 'tell'>
  readonly store: Pick<Store, 'app' | 'updateApp'>
  readonly log: Logger
}

export const createReportWatcher = ({
  events,
  store,
  log,
}: ReportWatcherInput): { readonly watch: (body: ReportBody) => void } => {
  const before = new Map<string, ReportBody>()

  const watch = (body: ReportBody): void => {
    const { app } = body
    const told = store.app(app)?.told
    const happened = reportEvents(before.get(app) ?? toldBefore(body, told), body)
    before.set(app, body)
    if (happened.length === 0) return
    const sent = Promise.all(happened.map(events.tell))
    const news = toldOf(body)
    if (store.app(app) === undefined || isSame(told, news)) return
    sent
      .then(() => store.updateApp(app, (record) => ({ ...record, told: news })))
      .catch((error: unknown) => log.warn({ app, ...reasonOf(error) }, 'what was told could not be stored'))
  }

  return { watch }
}

type Told = NonNullable<AppRecord['told']>

const toldOf = ({ generation, outcome, refused }: ReportBody): Told =>
  defined({ generation: generation ?? undefined, outcome, refusedAt: refused?.at })

const isSame = (told: Told | undefined, other: Told): boolean =>
  told?.generation === other.generation && told?.outcome === other.outcome && told?.refusedAt === other.refusedAt

/** What was said before this process began: nothing of the services is news, what was decided may be. */
const toldBefore = (body: ReportBody, told: Told | undefined): ReportBody => {
  const { outcome: _outcome, refused, ...rest } = body
  return {
    ...rest,
    generation: told?.generation ?? null,
    ...defined({
      outcome: told?.outcome,
      refused: refused !== undefined && told?.refusedAt === refused.at ? refused : undefined,
    }),
  }
}
