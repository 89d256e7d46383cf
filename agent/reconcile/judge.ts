/**
 * What an update has come to: succeeded when every service was as wanted for the whole monitor window, failed when one
 * ended in it, when a job failed, or when the deadline passed. Decided once; what comes after is repair.
 */
import type { Model } from '../../src/compose/model.ts'
import { parseDurationMs } from '../../src/compose/units.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import type { Memory } from './memory.ts'
import type { Plan } from './plan-contract.ts'
import { faultOf, isGood, jobExitCode, type ServiceView, type Views } from './service-view.ts'

const defaultMonitorMs = 10_000
const defaultDeadlineMs = 300_000

export type JudgeInput = {
  readonly deployment: AcceptedAssignment
  readonly record: AppRecord
  readonly views: Views
  readonly memory: Memory
  readonly now: number
  /** something is still to be done in this turn, so the window cannot have passed */
  readonly isBusy: boolean
}

export type Judged = {
  readonly verdict?: NonNullable<Plan['verdict']>
  readonly wakeAt?: number
  readonly memory: Memory
}

export const judge = ({ deployment, record, views, memory, now, isBusy }: JudgeInput): Judged => {
  if (record.accepted?.verdict !== undefined) return { memory }
  const services = [...views.values()]
  const changingSince = memory.changingSince ?? now
  const { steadySince: before, ...rest } = memory
  const isSteady = !isBusy && services.every(isGood)
  const steadySince = isSteady ? (before ?? now) : undefined
  const next: Memory = { ...rest, changingSince, ...(steadySince === undefined ? {} : { steadySince }) }

  const failure =
    services.map((view) => unexpectedEnd(view, memory)).find((reason) => reason !== undefined) ?? engineRefusal(memory)
  if (failure !== undefined) return { verdict: { outcome: 'failed', reason: failure }, memory: next }

  if (steadySince !== undefined) {
    // What ran and proved itself before needs no second proof.
    const isSame = !memory.hasActed && record.lastGood?.release === deployment.release
    const monitoredUntil = isSame ? now : steadySince + monitorMs(deployment.compose, services)
    return monitoredUntil <= now
      ? { verdict: { outcome: 'succeeded' }, memory: next }
      : { wakeAt: monitoredUntil, memory: next }
  }
  const deadline =
    changingSince + (durationMs(deployment.compose['x-longshore']?.update?.deadline) ?? defaultDeadlineMs)
  if (deadline <= now) return { verdict: { outcome: 'failed', reason: lateReason(services) }, memory: next }
  return { wakeAt: deadline, memory: next }
}

/** A service that was seen to run in this update and does not any more, or a job that failed. */
const unexpectedEnd = (view: ServiceView, memory: Memory): Reason | undefined => {
  const { wanted } = view
  const jobCode = jobExitCode(view)
  if (jobCode !== undefined) return jobCode === 0 ? undefined : faultOf(view)
  if (wanted === undefined || view.isJob) return undefined
  const restartsBefore = memory.seenRunning[wanted.id]
  if (restartsBefore === undefined) return undefined
  const restarts = wanted.details?.restarts ?? restartsBefore
  if (wanted.state === 'exited' || wanted.state === 'restarting') return faultOf(view)
  if (restarts > restartsBefore)
    return {
      code: 'exited',
      message: `service ${view.name} ended and was restarted while it was being watched`,
      path: `services.${view.name}`,
    }
  return undefined
}

/** An engine that refuses a container again and again will not take it: waiting for the deadline helps nobody. */
const refusalsUntilFailed = 3

/** The refusal that a deployment fails on, in preparation or after; undefined: none, or it may still go away. */
export const engineRefusal = (memory: Memory): Reason | undefined =>
  Object.values(memory.failures).find(
    ({ reason, attempts }) => reason.code === 'engine-error' && attempts >= refusalsUntilFailed,
  )?.reason

const lateReason = (services: readonly ServiceView[]): Reason => {
  const faults = services.map(faultOf).filter((fault) => fault !== undefined)
  return {
    code: 'deadline-exceeded',
    message: faults.map(({ message }) => message).join('; ') || 'the services did not become steady',
  }
}

/** The longest window that a service asks for; none where there are only jobs. */
const monitorMs = (model: Model, services: readonly ServiceView[]): number =>
  Math.max(
    0,
    ...services
      .filter(({ isJob }) => !isJob)
      .map(({ name }) => durationMs(model.services[name]?.deploy?.update_config?.monitor) ?? defaultMonitorMs),
  )

const durationMs = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : parseDurationMs(text)
