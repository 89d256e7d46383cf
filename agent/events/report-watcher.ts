/**
 * Makes events of what is reported of apps. What a deployment came to is told at least once, also when the agent is killed
 * between the decision and the event: the record says what was told.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { defined } from '../../src/defined.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import type { ReportBody } from '../reconcile/report.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { Store } from '../store/store.ts'
import type { Events } from './events.ts'
import { isSameDeployment, reportEvents } from './report-events.ts'

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
  /** Apps of which something was told that the disk did not keep. */
  const unkept = new Set<string>()
  let marking: Promise<unknown> = Promise.resolve()

  const mark = async (app: string, news: Told, sent: Promise<readonly boolean[]>): Promise<void> => {
    if (!(await sent).every(Boolean)) {
      unkept.add(app)
      return
    }
    await store
      .updateApp(app, (record) => ({ ...record, told: news }))
      .catch((error: unknown) => log.warn({ app, ...reasonOf(error) }, 'what was told could not be stored'))
  }

  const watch = (body: ReportBody): void => {
    const { app } = body
    const record = store.app(app)
    const seen = before.get(app)
    const known = seen === undefined || unkept.delete(app) ? toldBefore(seen ?? body, body, record?.told) : seen
    const happened = reportEvents(known, body, record?.history)
    const after = remembered(known, body)
    before.set(app, after)
    if (happened.length === 0) return
    const sent = Promise.all(happened.map(events.tell))
    const news = toldOf(after)
    // One after the other: an event that took longer to the disk must not take back a later mark.
    if (record !== undefined && !isDeepStrictEqual(toldOf(known), news))
      marking = marking.then(() => mark(app, news, sent))
  }

  return { watch }
}

type Told = NonNullable<AppRecord['told']>

const toldOf = ({ generation, release, outcome, refused, phase }: ReportBody): Told =>
  defined({
    generation: generation ?? undefined,
    release,
    outcome,
    refusedAt: refused?.at,
    isDegraded: phase === 'degraded' ? true : undefined,
  })

/**
 * What the next report is compared with. Services that are out of sight, as while the engine does not answer, are as they
 * were; and an app that was degraded is, until it runs.
 */
const remembered = (before: ReportBody, body: ReportBody): ReportBody => {
  const isUnseen = body.release !== null && Object.keys(body.services).length === 0
  const isDegraded = before.phase === 'degraded' && isSameDeployment(before, body) && !isAtRest(body)
  return {
    ...body,
    ...(isUnseen ? { services: before.services } : {}),
    ...(isDegraded ? { phase: 'degraded' } : {}),
  }
}

const isAtRest = ({ phase }: ReportBody): boolean => phase === 'running' || phase === 'completed' || phase === 'stopped'

/** What is on disk that it was said: at the start of a process nothing of the services is news, what was decided may be. */
const toldBefore = (seen: ReportBody, body: ReportBody, told: Told | undefined): ReportBody => {
  const { outcome: _outcome, refused: _refused, ...rest } = seen
  const { generation = null, release, outcome, refusedAt, isDegraded } = told ?? {}
  // A mark without a release is of an earlier version.
  const isOld = release === undefined && generation === body.generation
  return {
    ...rest,
    generation,
    release: isOld ? body.release : (release ?? null),
    phase: isDegraded === true ? 'degraded' : null,
    ...defined({ outcome, refused: body.refused?.at === refusedAt ? body.refused : undefined }),
  }
}
