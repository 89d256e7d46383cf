/**
 * One container takes the place of another, when its turn has come.
 *
 *   stop-first:   old running → restart forbidden → stopped → new started → old removed → new renamed
 *   start-first:  old running → new started → new as wanted → old not found by name → stopped → removed → new renamed
 *
 * Every step is read from what is observed, so a crash between any two continues where it was.
 */
import { startsAfter } from '../../src/compose/check.ts'
import type { DependencyCondition } from '../../src/compose/model.ts'
import { isUnder } from '../../src/compose/project-path.ts'
import type { DataChange } from '../files/project-files.ts'
import { projectMounts } from '../translate/project-mounts.ts'
import { isAwaited, stopTimeoutS, translateRestart } from '../translate/translate-service.ts'
import type { Draft } from './draft.ts'
import { startAllowedAt } from './memory.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import { pendingChanges } from './plan-files.ts'
import { orphansInTheWay } from './plan-orphans.ts'
import { dataOwner } from './plan-project.ts'
import { batchOf, isStartFirst } from './replicas.ts'
import { halt, retire, retireBeside } from './retire.ts'
import { faultOf, isActive, isGood, isUp, jobExitCode, type ServiceView, type Views, viewsOf } from './service-view.ts'
import type { ServicesInput } from './services-input.ts'

/** Stops what is replaced, starts what is wanted when its turn has come, and clears up after it. */
export const planSwaps = (draft: Draft, input: ServicesInput): void => {
  const batches = new Map<string, ReadonlySet<ServiceView>>()
  for (const view of input.views.values()) {
    if (view.isStopped) {
      planStop(draft, view, input)
      continue
    }
    const { wanted, name } = view
    if (view.isDone) for (const old of view.others) draft.propose(retire(old, `job ${name} is done`, view.service))
    if (wanted === undefined || view.missingNetworks.length > 0) continue
    if (wanted.state === 'running' || jobExitCode(view) !== undefined) {
      allowRestart(draft, view, wanted, input)
      restartForDevices(draft, view, wanted)
      clearAfter(draft, view, input)
    } else if (wanted.state === 'created' || wanted.state === 'exited') {
      const batch = batches.get(name) ?? batchOf(viewsOf(input.views, name), input, draft.wakeAt)
      batches.set(name, batch)
      if (batch.has(view)) swapIn(draft, view, wanted, input)
    }
  }
}

/** What was replaced goes. One that was started beside its predecessor must be as wanted first. */
const clearAfter = (draft: Draft, view: ServiceView, input: ServicesInput): void => {
  const cause = `service ${view.name} was replaced`
  if (!isStartFirst(view, input.record)) for (const old of view.others) draft.propose(retire(old, cause, view.service))
  else if (isGood(view)) for (const old of view.others) draft.propose(retireBeside(old, cause, view.service))
  takeName(draft, view, input.observed)
}

const swapIn = (draft: Draft, view: ServiceView, wanted: ObservedContainer, input: ServicesInput): void => {
  const { name } = view
  if (input.unready.has(name)) return
  if (view.devices.missing !== undefined) {
    draft.wait(view.devices.missing)
    return
  }
  const unmet = unmetDependency(view, input.views)
  if (unmet !== undefined) {
    draft.wait({ code: 'dependency', message: unmet, path: `services.${name}` })
    return
  }
  const replaced = isStartFirst(view, input.record) ? [] : view.others
  const inTheWay = [...replaced, ...orphansInTheWay(view, input)].filter(isActive)
  for (const old of inTheWay) draft.propose(retire(old, `service ${name} takes its place`, view.service))
  if (inTheWay.length > 0) return
  const changes = changesBefore(view, input)
  if (changes.length > 0) {
    draft.propose({
      kind: 'change-files',
      target: `files of service ${name}`,
      app: input.app,
      changes,
      cause: `service ${name} mounts them, and the release changed them`,
    })
    return
  }
  if (allowRestart(draft, view, wanted, input)) return
  start(draft, view, wanted, input)
}

const start = (draft: Draft, view: ServiceView, wanted: ObservedContainer, { memory, now }: ServicesInput): void => {
  const { name } = view
  const common = { target: wanted.name, service: name, id: wanted.id }
  // A start that failed may have left the container unusable: it is made anew before the next try.
  const failed = memory.failures[`start-container ${wanted.name}`]
  const isUnusable = wanted.state === 'created' && failed?.operationId === wanted.id && failed.retryAt <= now
  if (isUnusable) {
    const cause = `it could not be started: ${failed.reason.code}`
    draft.propose({ kind: 'remove-container', ...common, volumes: false, cause })
    return
  }
  const allowedAt = wanted.state === 'created' ? 0 : startAllowedAt(memory, wanted.id, now)
  if (allowedAt > now) {
    draft.wakeAt(allowedAt)
    draft.wait({ code: 'exited', message: `service ${name} is started again after a pause`, path: `services.${name}` })
    return
  }
  const cause =
    wanted.state === 'created'
      ? `service ${name} is to run`
      : `service ${name} ended with exit code ${wanted.details?.exitCode}`
  draft.propose({ kind: 'start-container', ...common, cause })
}

/** One that was about to be stopped and is wanted after all may be restarted by the engine again. */
const allowRestart = (
  draft: Draft,
  view: ServiceView,
  wanted: ObservedContainer,
  { deployment }: ServicesInput,
): boolean => {
  const { name, service } = view
  const restart = translateRestart(service, isAwaited(deployment.compose, name))
  if (restart.name === 'no' || wanted.state === 'created' || wanted.details?.restartPolicy !== 'no') return false
  const cause = `service ${name} is to run`
  draft.propose({ kind: 'allow-restart', target: wanted.name, service: name, id: wanted.id, restart, cause })
  return true
}

/** An engine looks up the device behind its alias each time that it starts the container. */
const restartForDevices = (
  draft: Draft,
  { name, service, staleDevices }: ServiceView,
  wanted: ObservedContainer,
): void => {
  if (staleDevices.length === 0) return
  draft.propose({
    kind: 'restart-container',
    target: wanted.name,
    service: name,
    id: wanted.id,
    timeoutS: stopTimeoutS(service),
    cause: `another device stands behind ${staleDevices.join(', ')} of service ${name}`,
  })
}

/** By the operator: what is replaced goes, what is wanted stays as it ended; those that need it end first. */
const planStop = (draft: Draft, view: ServiceView, input: ServicesInput): void => {
  const cause = `service ${view.name} was stopped by the operator`
  const isNeeded = [...input.views.values()].some(
    (other) =>
      other.isStopped && other.name !== view.name && isUp(other) && startsAfter(other.service).includes(view.name),
  )
  if (isNeeded) return
  const isReplaced = view.wanted !== undefined || view.isDone
  for (const old of view.others)
    if (isReplaced) draft.propose(retire(old, cause, view.service))
    else if (isActive(old)) draft.propose(halt(old, cause, view.service))
  if (view.wanted !== undefined && isActive(view.wanted)) draft.propose(halt(view.wanted, cause, view.service))
  // A job that was cut off has come to nothing: it is made anew, to be run once more when the operator says so.
  else if (view.wanted !== undefined && (jobExitCode(view) ?? 0) !== 0)
    draft.propose(retire(view.wanted, cause, view.service))
  else takeName(draft, view, input.observed)
}

/**
 * Writable files are changed when the service's old container is down, and before the new one is up. Another service that
 * mounts them too may still run on the change until its own turn comes.
 */
const changesBefore = ({ service }: ServiceView, input: ServicesInput): DataChange[] => {
  const { record, accepted, decisions, deployment, release } = input
  const mounted = projectMounts(release, service).flatMap((mount) => (mount.kind === 'data' ? [mount.path] : []))
  const roots = mounted.filter((path) => !mounted.some((other) => other !== path && isUnder(path, other)))
  return [...new Set(roots)].flatMap((path) =>
    pendingChanges(record, accepted, decisions, deployment.files, { path, owner: dataOwner(service) }),
  )
}

const takeName = (draft: Draft, view: ServiceView, observed: Observed): void => {
  const { wanted, name, containerName } = view
  if (wanted === undefined || wanted.name === containerName) return
  if (observed.containers.some((container) => container.name === containerName)) return
  draft.propose({
    kind: 'rename-container',
    target: wanted.name,
    service: name,
    id: wanted.id,
    name: containerName,
    cause: `service ${name} was replaced`,
  })
}

const unmetDependency = (view: ServiceView, views: Views): string | undefined => {
  const dependencies = view.service.depends_on ?? {}
  for (const other of startsAfter(view.service)) {
    const { condition = 'service_started', required = true } = dependencies[other] ?? {}
    const isPassedOver = (dependency: ServiceView): boolean => !required && hasGivenUp(dependency)
    // None: `required: false` and not in this release, or asked for no container.
    if (!viewsOf(views, other).every((dependency) => isMet(dependency, condition) || isPassedOver(dependency)))
      return `service ${view.name} waits for ${other}, ${conditionText[condition]}`
  }
  return undefined
}

/** Waiting does not make it what is waited for; who can do without it does. */
const hasGivenUp = (view: ServiceView): boolean => {
  if (view.isStopped) return true
  const hasStarted = view.wanted?.details?.startedAt !== undefined
  return hasStarted && ['unhealthy', 'exited', 'crash-loop', 'job-failed'].includes(faultOf(view)?.code ?? '')
}

const conditionText: Readonly<Record<DependencyCondition, string>> = {
  service_started: 'to be started',
  service_healthy: 'to be healthy',
  service_completed_successfully: 'to end with exit code 0',
}

const isMet = (dependency: ServiceView, condition: DependencyCondition): boolean => {
  switch (condition) {
    case 'service_started':
      return isUp(dependency)
    case 'service_healthy':
      return dependency.wanted?.state === 'running' && dependency.wanted.health === 'healthy'
    case 'service_completed_successfully':
      return jobExitCode(dependency) === 0
  }
}
