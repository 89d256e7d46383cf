/**
 * Which containers a restart is about, and in which order: those of what is needed before those of what needs it, and
 * those that follow a restarted one (`depends_on` with `restart: true`, or joined to it) after it. Pure.
 */
import { startsAfter } from '../../src/compose/check.ts'
import { isJob, type Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { AppRecord } from '../store/app-record.ts'
import { followedServices } from '../translate/engine-names.ts'
import { isAwaited, stopTimeoutS } from '../translate/translate-service.ts'
import type { ObservedContainer } from './observed.ts'
import { runningRelease } from './running-release.ts'
import { isStoppedService } from './service-view.ts'

export type RestartStep = {
  readonly service: string
  readonly timeoutS: number
  readonly containers: readonly ObservedContainer[]
  /** services restarted before it that have to be healthy again */
  readonly awaits: readonly string[]
}

export type RestartPlan =
  | { readonly kind: 'steps'; readonly steps: readonly RestartStep[] }
  | { readonly kind: 'refused'; readonly reason: Reason }

/** @param named a service; undefined: all that are to run */
export const planRestart = (
  record: AppRecord,
  containers: readonly ObservedContainer[],
  named: string | undefined,
): RestartPlan => {
  const { app } = record
  const running = runningRelease(record)
  if ('reason' in running) return { kind: 'refused', reason: running.reason }
  const model = running.compose
  const isRestartable = (name: string): boolean =>
    !isStoppedService(record.stopped, name) && !isJobOf(model, name) && started(containers, name).length > 0
  const fault = named === undefined ? undefined : namedFault(record, model, containers, named)
  if (fault !== undefined) return { kind: 'refused', reason: fault }
  const all = Object.keys(model.services).sort()
  const chosen = withFollowers(model, named === undefined ? all : [named]).filter(isRestartable)
  if (chosen.length === 0)
    return {
      kind: 'refused',
      reason: { code: 'exited', message: `nothing of app ${app} runs that could be restarted` },
    }
  return { kind: 'steps', steps: inOrder(model, chosen).map((name) => toStep(model, containers, chosen, name)) }
}

const namedFault = (
  { app, stopped }: AppRecord,
  model: Model,
  containers: readonly ObservedContainer[],
  name: string,
): Reason | undefined => {
  if (!Object.hasOwn(model.services, name)) {
    const names = Object.keys(model.services).sort().join(', ')
    return { code: 'reference-missing', message: `app ${app} has no service ${name}, but ${names}` }
  }
  if (isStoppedService(stopped, name))
    return { code: 'stopped', message: `service ${name} was stopped by the operator: start it instead` }
  if (isJobOf(model, name))
    return { code: 'message-invalid', message: `service ${name} is a job, which ends by itself: deploy the app again` }
  return started(containers, name).length === 0
    ? { code: 'exited', message: `service ${name} has no container that was started` }
    : undefined
}

const isJobOf = (model: Model, name: string): boolean => {
  const service = model.services[name]
  return service !== undefined && isJob(service, isAwaited(model, name))
}

/** Neither what was made beforehand nor what is being removed. */
const started = (containers: readonly ObservedContainer[], name: string): ObservedContainer[] =>
  containers.filter(
    ({ service, state, details }) =>
      service === name &&
      details?.startedAt !== undefined &&
      ['running', 'restarting', 'paused', 'exited'].includes(state),
  )

const withFollowers = (model: Model, names: readonly string[]): string[] => {
  const all = new Set(names)
  for (const name of all)
    for (const [other, service] of Object.entries(model.services))
      if (followedServices(model, service).includes(name)) all.add(other)
  return [...all].sort()
}

/** A model has no circle. */
const inOrder = (model: Model, names: readonly string[]): string[] => {
  const ordered: string[] = []
  const place = (name: string, trail: readonly string[]): void => {
    if (ordered.includes(name) || trail.includes(name)) return
    const service = model.services[name]
    for (const other of service === undefined ? [] : startsAfter(service)) place(other, [...trail, name])
    ordered.push(name)
  }
  for (const name of names) place(name, [])
  return ordered.filter((name) => names.includes(name))
}

const toStep = (
  model: Model,
  containers: readonly ObservedContainer[],
  chosen: readonly string[],
  name: string,
): RestartStep => {
  const service = model.services[name] ?? { image: '' }
  const awaits = Object.entries(service.depends_on ?? {}).flatMap(([other, { condition }]) =>
    condition === 'service_healthy' && chosen.includes(other) ? [other] : [],
  )
  return { service: name, timeoutS: stopTimeoutS(service), containers: started(containers, name), awaits }
}
