/** What the device says about an app: from the record, what was observed and the plan, to the `reported` message. Pure. */
import { defined, own } from '../../src/defined.ts'
import type { Reported, ServiceReport, ServiceState } from '../../src/protocol/reported.ts'
import { givenDevices, madeFor } from '../allot/container-devices.ts'
import type { AppRecord } from '../store/app-record.ts'
import { label, type Owner } from '../translate/engine-names.ts'
import { holdAt } from './gates.ts'
import type { Observed } from './observed.ts'
import type { Plan } from './plan-contract.ts'
import { keptFiles, writtenAfter } from './plan-files.ts'
import {
  faultOf,
  isGood,
  jobExitCode,
  type ServiceView,
  type ViewInput,
  type Views,
  viewServices,
  viewsOf,
} from './service-view.ts'
import { targetOf } from './target.ts'

/** The body of a report: everything but when, and on which connection, it is sent. */
export type ReportBody = Omit<Known<Reported>, 'schema' | 'at' | 'session' | 'since'>

/** A message type without the index signature by which readers tolerate unknown fields. */
type Known<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] }

export type ReportInput = {
  readonly owner: Owner
  readonly record: AppRecord
  /** absent before the first look, and while the engine does not answer */
  readonly observed?: Observed
  readonly secretVersions: Readonly<Record<string, string>>
  readonly plan: Pick<Plan, 'phase' | 'reason' | 'waits'>
  /** epoch ms */
  readonly now: number
  /** the last lines of containers that ended, by their id */
  readonly lastLines?: Readonly<Record<string, readonly string[]>>
}

export const reportBody = ({
  owner,
  record,
  observed,
  secretVersions,
  plan,
  now,
  lastLines = {},
}: ReportInput): ReportBody => {
  const { accepted, lastGood, refused } = record
  const deployment = accepted?.deployment
  const { completedJobs, stopped } = record
  const seen =
    observed === undefined ? undefined : { owner, app: record.app, observed, secretVersions, completedJobs, stopped }
  const target = targetOf(record)
  // What a deployment came to is told with its reason from the first word on.
  const reason = plan.reason ?? accepted?.verdict?.reason
  const views = seen === undefined ? undefined : viewsOfAccepted(target, seen)
  const kept = deployment === undefined || deployment.remove ? [] : keptFiles(deployment, accepted?.files ?? {})
  return {
    app: record.app,
    generation: deployment?.generation ?? null,
    release: deployment === undefined || deployment.remove ? null : deployment.release,
    phase: deployment === undefined ? null : plan.phase,
    ...(accepted?.verdict === undefined ? {} : { outcome: accepted.verdict.outcome }),
    ...(reason === undefined ? {} : { reason }),
    ...(plan.waits.length === 0 ? {} : { waitingFor: [...plan.waits] }),
    running: seen === undefined ? null : runningRelease(target, seen),
    ...(lastGood === undefined ? {} : { lastGood: { generation: lastGood.generation, release: lastGood.release } }),
    ...(refused === undefined ? {} : { refused }),
    ...(kept.length === 0 ? {} : { keptFiles: kept.slice(0, mostKeptFiles), keptFileCount: kept.length }),
    ...defined({ hold: holdAt(record, now) }),
    services: views === undefined ? {} : serviceReports(views, { lastLines, digests: observed?.imageDigests ?? {} }),
  }
}

/** A report must stay small enough for every broker; how many there are is told beside them. */
const mostKeptFiles = 50

type Seen = Pick<ViewInput, 'owner' | 'app' | 'observed' | 'secretVersions' | 'completedJobs' | 'stopped'>

const viewsOfAccepted = ({ accepted }: AppRecord, seen: Seen): Views => {
  if (accepted === undefined || accepted.deployment.remove) return new Map()
  const { deployment, images, files = {} } = accepted
  return viewServices({ ...seen, deployment, images, written: writtenAfter(files, deployment.files) })
}

/** One report a service: of several containers, that of the one that is worst off, with all of them beside it. */
const serviceReports = (views: Views, known: KnownAbout): Record<string, ServiceReport> => {
  const names = [...new Set([...views.values()].map(({ name }) => name))]
  return Object.fromEntries(
    names.map((name) => {
      const all = viewsOf(views, name)
      const worst = all.find((view) => !isGood(view)) ?? (all[0] as ServiceView)
      const replicas = all.map((view) => ({ number: view.number, ...stateOfReplica(serviceReport(view, known)) }))
      return [name, { ...serviceReport(worst, known), ...(all.length === 1 ? {} : { replicas }) }]
    }),
  )
}

const stateOfReplica = ({ state, health, restarts, startedAt }: ServiceReport) =>
  defined({ state, health, restarts, startedAt })

/** What was read besides the containers themselves: by container id, and by image id. */
type KnownAbout = {
  readonly lastLines: Readonly<Record<string, readonly string[]>>
  readonly digests: Readonly<Record<string, string>>
}

const serviceReport = (view: ServiceView, { lastLines, digests }: KnownAbout): ServiceReport => {
  // Until it is replaced, the container of the release before is what runs.
  const container = view.wanted?.state === 'created' ? (view.others[0] ?? view.wanted) : (view.wanted ?? view.others[0])
  const reason = faultOf(view)
  const base = { image: view.service.image, ...(reason === undefined ? {} : { reason }) }
  if (container === undefined)
    return { state: view.isDone ? 'completed' : 'missing', health: 'none', restarts: 0, ...base }
  const { details } = container
  const hasEnded = container.state === 'exited' || container.state === 'restarting'
  const exitCode = hasEnded ? details?.exitCode : undefined
  const log = reason === undefined ? undefined : lastLines[container.id]
  const devices = givenDevices(madeFor(container.labels[label.devices]), view.devices.allotments)
  return {
    state: jobExitCode(view) === 0 ? 'completed' : stateOf(container.state),
    health: container.health,
    restarts: details?.restarts ?? 0,
    imageId: container.imageId,
    ...defined({ imageDigest: own(digests, container.imageId) }),
    ...(container.labels[label.digest] === undefined ? {} : { digest: container.labels[label.digest] }),
    ...(container.labels[label.cause] === undefined ? {} : { cause: container.labels[label.cause] }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(devices.length === 0 ? {} : { devices }),
    ...(log === undefined || log.length === 0 ? {} : { log: [...log] }),
    ...(details?.startedAt === undefined ? {} : { startedAt: details.startedAt }),
    ...base,
  }
}

const stateOf = (state: string): ServiceState => (state === 'removing' ? 'dead' : (state as ServiceState))

/** The release of which every service is as wanted right now: the newest, or the last good one while that still runs. */
const runningRelease = (record: AppRecord, seen: Seen): Reported['running'] => {
  const { accepted, lastGood } = record
  if (accepted !== undefined && !accepted.deployment.remove) {
    const { generation, release } = accepted.deployment
    if ([...viewsOfAccepted(record, seen).values()].every(isGood)) return { generation, release }
  }
  if (lastGood === undefined) return null
  const { generation, release, compose, images, files = {}, written = {} } = lastGood
  const views = viewServices({ ...seen, deployment: { compose, files, generation }, images, written })
  return [...views.values()].every(isGood) ? { generation, release } : null
}
