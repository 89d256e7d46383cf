/**
 * What an update has come to: succeeded when every service was as wanted for the whole monitor window, failed when one
 * ended in it, when a job failed, or when the deadline passed. Decided once; what comes after is repair.
 */
import { replicasOf } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { Accepted, AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { label } from '../translate/engine-names.ts'
import type { Memory } from './memory.ts'
import type { Operation } from './operation.ts'
import { faultOf, isGood, jobExitCode, type ServiceView, type Views, viewKey, viewsOf } from './service-view.ts'
import { isRollback } from './target.ts'
import { deadlineMs, toleratedRestarts, updateConfigOf } from './update-config.ts'

export type JudgeInput = {
  readonly deployment: AcceptedAssignment
  readonly record: AppRecord
  readonly accepted: Accepted
  readonly views: Views
  readonly memory: Memory
  readonly now: number
  /** what is still to be done in this turn: while there is anything, the window cannot have passed */
  readonly operations: readonly Operation[]
}

export type Failure = {
  readonly reason: Reason
  /** the services at fault; none: nobody in particular */
  readonly services: readonly string[]
  readonly containerId?: string
}

export type Judged = {
  readonly verdict?: { readonly outcome: 'succeeded' } | ({ readonly outcome: 'failed' } & Failure)
  readonly wakeAt?: number
  readonly wait?: Reason
  readonly memory: Memory
}

export const judge = (input: JudgeInput): Judged => {
  const { deployment, record, accepted, memory, now } = input
  if (accepted.verdict !== undefined) return { memory }
  const model = deployment.compose
  const changingSince = memory.changingSince ?? now
  const excused = excusedViews(input)
  const judged = [...input.views.values()].filter((view) => !excused.has(view))

  const failure = failureOf(input, judged)
  const steady = steadiness(input, judged, excused)
  const { steadySince: _, steadyRestarts: __, ...rest } = memory
  const next: Memory = { ...rest, changingSince, ...steady }
  if (failure !== undefined) return { verdict: { outcome: 'failed', ...failure }, memory: next }
  const unproven = judged.find((view) => isUnproven(view, input))
  const wait = unproven === undefined ? judged.find(waitsForDevice)?.devices.missing : unprovenReason(unproven)
  if (wait !== undefined) {
    const { changingSince: ___, ...stopped } = rest // the deadline counts anew, too
    return { wait, memory: stopped }
  }

  if (steady !== undefined) {
    // What ran and proved itself before needs no second proof, unless something was touched since: the record knows
    // that when an agent that was started anew does not.
    const isUntouched = !memory.hasActed && accepted.begun === undefined
    const isSame = isUntouched && record.lastGood?.release === deployment.release
    const monitoredUntil = isSame ? now : steady.steadySince + monitorMs(judged, isRollback(record))
    return monitoredUntil <= now
      ? { verdict: { outcome: 'succeeded' }, memory: next }
      : { wakeAt: monitoredUntil, memory: next }
  }
  const deadline = changingSince + deadlineMs(model)
  if (deadline <= now) return { verdict: { outcome: 'failed', ...lateness(judged) }, memory: next }
  return { wakeAt: deadline, memory: next }
}

/** It ran in this update and was stopped before its time was over: it is watched from the beginning when it is started. */
const isUnproven = ({ isStopped, isJob, wanted }: ServiceView, { record, deployment }: JudgeInput): boolean =>
  isStopped &&
  !isJob &&
  !isRollback(record) &&
  wanted?.details?.startedAt !== undefined &&
  wanted.labels[label.generation] === String(deployment.generation)

/** It cannot be as wanted without the hardware, and that is no fault of the release. */
export const waitsForDevice = (view: ServiceView): boolean =>
  !view.isStopped && view.devices.missing !== undefined && !isGood(view) && (jobExitCode(view) ?? 0) === 0

const unprovenReason = ({ name }: ServiceView): Reason => ({
  code: 'stopped',
  message: `service ${name} was stopped before the update had proved itself, and is watched again when it is started`,
  path: `services.${name}`,
})

/** What was wrong before the update began and is not changed by it, and the containers that may fail of a service. */
const excusedViews = ({ views, accepted, deployment, memory, record }: JudgeInput): ReadonlySet<ServiceView> => {
  const faulty = accepted.begun?.faulty ?? []
  const excused = new Set<ServiceView>()
  for (const view of views.values()) {
    // On the way back what the update did not change has the generation of the last good release itself.
    const isChanged = !isRollback(record) && view.wanted?.labels[label.generation] === String(deployment.generation)
    const wasFaulty = faulty.includes(viewKey(view.name, view.number)) && view.wanted !== undefined && !isChanged
    if (wasFaulty || isPassedOver(view, viewsOf(views, view.name), record, memory)) excused.add(view)
  }
  return excused
}

/** Whether a container has failed, and so few of its service have that `max_failure_ratio` lets it pass. */
export const isPassedOver = (
  view: ServiceView,
  replicas: readonly ServiceView[],
  record: AppRecord,
  memory: Memory,
): boolean => {
  const hasFailed = (one: ServiceView): boolean => hasEnded(one, memory) || faultOf(one)?.code === 'unhealthy'
  const most = updateConfigOf(view.service, isRollback(record)).maxFailureRatio * replicasOf(view.service)
  return hasFailed(view) && most >= 1 && replicas.filter(hasFailed).length <= most
}

const failureOf = ({ deployment, memory }: JudgeInput, judged: readonly ServiceView[]): Failure | undefined => {
  const tolerated = toleratedRestarts(deployment.compose)
  const failed = judged.find((view) => endCount(view, memory) > (view.isJob ? 0 : tolerated))
  if (failed !== undefined) {
    const id = failed.wanted?.id
    const reason = faultOf(failed) ?? restartedReason(failed)
    return { reason, services: [failed.name], ...(id === undefined ? {} : { containerId: id }) }
  }
  const refusal = engineRefusal(memory)
  return refusal === undefined ? undefined : { reason: refusal, services: [] }
}

/** A service that was seen to run in this update and does not any more, or did not all the time; or a job that failed. */
export const hasEnded = (view: ServiceView, memory: Memory): boolean => endCount(view, memory) > 0

/** How often the container of a service ended since it was first seen to run. */
const endCount = (view: ServiceView, memory: Memory): number => {
  const { wanted } = view
  if (view.isStopped) return 0
  const jobCode = jobExitCode(view)
  if (jobCode !== undefined) return jobCode === 0 ? 0 : 1
  if (wanted === undefined || view.isJob) return 0
  const restartsBefore = memory.seenRunning[wanted.id]
  if (restartsBefore === undefined) return 0
  const byEngine = Math.max(0, (wanted.details?.restarts ?? restartsBefore) - restartsBefore)
  const byAgent = Math.max(0, (memory.starts[wanted.id]?.count ?? 0) - 1)
  const isDown = wanted.state === 'exited' || (wanted.state === 'restarting' && byEngine === 0)
  return byEngine + byAgent + (isDown ? 1 : 0)
}

const restartedReason = ({ name }: ServiceView): Reason => ({
  code: 'exited',
  message: `service ${name} ended and was restarted while it was being watched`,
  path: `services.${name}`,
})

/** Since when all is as wanted, with no restart in between; undefined: it is not. */
const steadiness = (
  { operations, memory, now }: JudgeInput,
  judged: readonly ServiceView[],
  excused: ReadonlySet<ServiceView>,
): { readonly steadySince: number; readonly steadyRestarts: number } | undefined => {
  const excusedIds = new Set([...excused].map(({ wanted }) => wanted?.id))
  const isBusy = operations.some((operation) => !('id' in operation && excusedIds.has(operation.id)))
  if (isBusy || !judged.every(isGood)) return undefined
  const steadyRestarts = judged.reduce((sum, { wanted }) => sum + (wanted?.details?.restarts ?? 0), 0)
  const isUnbroken = memory.steadyRestarts === undefined || memory.steadyRestarts === steadyRestarts
  return { steadySince: isUnbroken ? (memory.steadySince ?? now) : now, steadyRestarts }
}

/** An engine that refuses a container again and again will not take it: waiting for the deadline helps nobody. */
const refusalsUntilFailed = 3

/** The refusal that a deployment fails on, in preparation or after; undefined: none, or it may still go away. */
export const engineRefusal = (memory: Memory): Reason | undefined =>
  Object.values(memory.failures).find(
    ({ reason, attempts }) => reason.code === 'engine-error' && attempts >= refusalsUntilFailed,
  )?.reason

const lateness = (services: readonly ServiceView[]): Failure => {
  const faulty = services.filter((view) => faultOf(view) !== undefined)
  const message = faulty.map((view) => faultOf(view)?.message).join('; ') || 'the services did not become steady'
  const containerId = faulty.find(({ wanted }) => wanted?.details?.startedAt !== undefined)?.wanted?.id
  return {
    reason: { code: 'deadline-exceeded', message },
    services: [...new Set(faulty.map(({ name }) => name))],
    ...(containerId === undefined ? {} : { containerId }),
  }
}

/** The longest window that a service asks for; none where there are only jobs. */
const monitorMs = (services: readonly ServiceView[], isBack: boolean): number =>
  Math.max(
    0,
    ...services
      .filter(({ isJob, isStopped }) => !isJob && !isStopped)
      .map(({ service }) => updateConfigOf(service, isBack).monitorMs),
  )
