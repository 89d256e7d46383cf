/** What the device says about an app: from the record, what was observed and the plan, to the `reported` message. Pure. */
import type { Reported, ServiceReport, ServiceState } from '../../src/protocol/reported.ts'
import type { AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { label, type Owner } from '../translate/engine-names.ts'
import type { Observed } from './observed.ts'
import type { Plan } from './plan-contract.ts'
import { faultOf, isGood, jobExitCode, type ServiceView, viewServices } from './service-view.ts'

/** The body of a report: everything but when, and on which connection, it is sent. */
export type ReportBody = Omit<Known<Reported>, 'schema' | 'at' | 'session' | 'since'>

/** A message type without the index signature by which readers tolerate unknown fields. */
type Known<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] }

export type ReportInput = {
  readonly owner: Owner
  readonly record: AppRecord
  /** absent before the first look, and while the engine does not answer */
  readonly observed?: Observed
  readonly plan: Pick<Plan, 'phase' | 'reason' | 'waits'>
}

export const reportBody = ({ owner, record, observed, plan }: ReportInput): ReportBody => {
  const { accepted, lastGood, refused } = record
  const deployment = accepted?.deployment
  const views = observed === undefined ? undefined : viewsOf(owner, record, observed)
  return {
    app: record.app,
    generation: deployment?.generation ?? null,
    release: deployment === undefined || deployment.remove ? null : deployment.release,
    phase: deployment === undefined ? null : plan.phase,
    ...(accepted?.verdict === undefined ? {} : { outcome: accepted.verdict.outcome }),
    ...(plan.reason === undefined ? {} : { reason: plan.reason }),
    ...(plan.waits.length === 0 ? {} : { waitingFor: [...plan.waits] }),
    running: observed === undefined ? null : runningRelease(owner, record, observed),
    ...(lastGood === undefined ? {} : { lastGood: { generation: lastGood.generation, release: lastGood.release } }),
    ...(refused === undefined ? {} : { refused }),
    services:
      views === undefined ? {} : Object.fromEntries([...views].map(([name, view]) => [name, serviceReport(view)])),
  }
}

const viewsOf = (owner: Owner, record: AppRecord, observed: Observed): Map<string, ServiceView> => {
  const { accepted } = record
  if (accepted === undefined || accepted.deployment.remove) return new Map()
  return viewServices(owner, record.app, accepted.deployment, accepted.images, observed)
}

const serviceReport = (view: ServiceView): ServiceReport => {
  // Until it is replaced, the container of the release before is what runs.
  const container = view.wanted?.state === 'created' ? (view.others[0] ?? view.wanted) : (view.wanted ?? view.others[0])
  const reason = faultOf(view)
  const base = { image: view.service.image, ...(reason === undefined ? {} : { reason }) }
  if (container === undefined) return { state: 'missing', health: 'none', restarts: 0, ...base }
  const { details } = container
  const exitCode = container.state === 'exited' ? details?.exitCode : undefined
  return {
    state: jobExitCode(view) === 0 ? 'completed' : stateOf(container.state),
    health: container.health,
    restarts: details?.restarts ?? 0,
    imageId: container.imageId,
    ...(container.labels[label.digest] === undefined ? {} : { digest: container.labels[label.digest] }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(details?.startedAt === undefined ? {} : { startedAt: details.startedAt }),
    ...base,
  }
}

const stateOf = (state: string): ServiceState => (state === 'removing' ? 'dead' : (state as ServiceState))

/** The release of which every service is as wanted right now: the newest, or the last good one while that still runs. */
const runningRelease = (owner: Owner, record: AppRecord, observed: Observed): Reported['running'] => {
  const { accepted, lastGood } = record
  if (accepted !== undefined && !accepted.deployment.remove) {
    const { generation, release } = accepted.deployment
    if (runsWhole(owner, record.app, accepted.deployment, accepted.images, observed)) return { generation, release }
  }
  if (lastGood === undefined) return null
  const { generation, release, compose, images } = lastGood
  return runsWhole(owner, record.app, { compose, generation }, images, observed) ? { generation, release } : null
}

const runsWhole = (
  owner: Owner,
  app: string,
  deployment: Pick<AcceptedAssignment, 'compose' | 'generation'>,
  images: Readonly<Record<string, string>>,
  observed: Observed,
): boolean => [...viewServices(owner, app, deployment, images, observed).values()].every(isGood)
