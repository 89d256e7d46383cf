/** Plans an app that should run: what its release still lacks, and what its deployment has come to. */
import { isDeepStrictEqual } from 'node:util'
import { secretNamesOf } from '../../src/compose/secret-names.ts'
import { own } from '../../src/defined.ts'
import type { Reason, WireReason } from '../../src/protocol/reason.ts'
import type { Outcome, Phase } from '../../src/protocol/reported.ts'
import type { Accepted, AcceptedAssignment, AppRecord } from '../store/app-record.ts'
import { label } from '../translate/engine-names.ts'
import type { Release } from '../translate/project-mounts.ts'
import { type Draft, newDraft } from './draft.ts'
import { engineRefusal, type Failure, judge, waitsForDevice } from './judge.ts'
import { keepOldRunning } from './keep-old-running.ts'
import { emptyMemory, forgetEnds, rememberLook } from './memory.ts'
import type { Operation } from './operation.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { planCreates } from './plan-creates.ts'
import { decideFiles, withDecisions, writtenAfter } from './plan-files.ts'
import { type ImagePlan, planImages } from './plan-images.ts'
import { planOrphans } from './plan-orphans.ts'
import { planProject } from './plan-project.ts'
import { planRenewal } from './plan-renewal.ts'
import { changedNetworks, planResources } from './plan-resources.ts'
import { planSwaps } from './plan-swaps.ts'
import { halt } from './retire.ts'
import {
  faultOf,
  isActive,
  isGood,
  isUp,
  jobExitCode,
  type ServiceView,
  type Views,
  viewServices,
} from './service-view.ts'
import { isRollback } from './target.ts'
import { failureActionOf } from './update-config.ts'

export const planAssignment = (input: PlanInput, accepted: Accepted, deployment: AcceptedAssignment): Plan => {
  const { now, observed, owner } = input
  const app = deployment.app
  const isBack = isRollback(input.record)
  const isSameTask = input.memory.generation === deployment.generation && input.memory.isRollback === isBack
  const memory = rememberLook(isSameTask ? input.memory : emptyMemory(deployment.generation, isBack), observed, now)
  const draft = newDraft(memory, now)

  const images = planImages(input, accepted, deployment)
  for (const { reason, retryAt } of images.waits) {
    draft.wait(reason)
    if (retryAt !== undefined) draft.wakeAt(retryAt)
  }
  const known = isResolved(accepted, images) ? {} : { images: images.ids }
  const basis = { pulls: images.wanted, ...known, memory }
  /** The release before stays up while the new one waits for something. */
  const waiting = (phase: Phase, reason?: WireReason): Plan => {
    keepOldRunning(draft, input, memory)
    const verdict = accepted.verdict?.outcome
    return finish(draft, accepted, {
      phase: verdict === undefined ? phase : decidedPhase(verdict),
      ...(reason && verdict !== undefined ? { reason } : {}),
      ...basis,
    })
  }
  if (images.lost !== undefined && accepted.verdict === undefined)
    return finish(draft, accepted, { ...basis, ...onFailure(input, accepted, { reason: images.lost, services: [] }) })
  if (images.lost !== undefined) draft.wait(images.lost)
  const isImageKnown = Object.values(deployment.compose.services).every(({ image }) => image in images.ids)
  if (!isImageKnown) return waiting(images.isPulling ? 'pulling' : 'waiting')

  if (input.forbidden !== undefined) {
    draft.wait(input.forbidden)
    return waiting('waiting', input.forbidden)
  }
  const release = { ...deployment, secretVersions: input.secretVersions }
  const unset = missingSecrets(release)
  if (unset.length > 0) {
    for (const reason of unset) draft.wait(reason)
    return waiting('waiting', unset[0])
  }

  const newDecisions = decideFiles(input.record, accepted, input.files)
  const decisions = newDecisions ?? accepted.files ?? {}
  const decided = newDecisions === undefined ? {} : { files: newDecisions }
  const written = writtenAfter(decisions, deployment.files)
  const { secretVersions, files, paths } = input
  const { completedJobs, stopped } = input.record
  const views = viewServices({
    ...{ owner, app, deployment, images: images.ids, written, secretVersions, completedJobs, stopped, observed },
  })
  const jobs = newlyCompleted(views, input.record)
  const isProven = accepted.verdict?.outcome === 'succeeded'
  // As it will be stored: what a superseded deployment wrote may be part of what was decided on.
  const record = newDecisions === undefined ? input.record : withDecisions(input.record, newDecisions)
  const project = { app, deployment, record, accepted, decisions, observed: files, release }
  const services = { ...project, owner, views, observed, files, paths, now, memory }
  const results = { ...basis, ...decided, ...(jobs.length === 0 ? {} : { completedJobs: jobs }) }

  const mustTouch = accepted.verdict === undefined && !isBack && ![...views.values()].every(isUpOrStopped)
  if (mustTouch && accepted.begun === undefined && input.gates.length > 0) {
    draft.waitForGates(input.gates)
    return { ...waiting('waiting'), ...results }
  }
  // Once it has proved itself, only a new value of a secret replaces what runs as it should. Repair goes on beside it.
  const isHeld = (view: ServiceView): boolean => isProven && input.gates.length > 0 && isToBeReplaced(view)
  const free = new Map([...views].filter(([, view]) => !isHeld(view)))
  if (free.size < views.size) draft.waitForGates(input.gates)
  const unready = planProject(draft, project)
  const hasResources = planResources(draft, owner, app, deployment.compose, observed) && unready.size === 0
  const changed = hasResources ? changedNetworks(owner, app, deployment.compose, observed) : []
  if (changed.length > 0) planRenewal(draft, changed, services)
  else if (hasResources) planCreates(draft, { ...services, views: free, unready })
  const isPrepared =
    hasResources &&
    [...views.values()].every(
      (view) => view.isDone || isLeftOut(view) || (view.wanted !== undefined && view.missingNetworks.length === 0),
    )
  const begins = mustTouch && accepted.begun === undefined && (isPrepared || changed.length > 0)
  const started = begins ? { ...results, begins: { faulty: faultyBefore(views) } } : results
  // Until a release has proved itself, nothing that runs is touched before everything it needs is there.
  if (changed.length > 0 || (!isProven && !isPrepared)) {
    if (isBack) haltFailed(draft, views)
    if (changed.length === 0) keepOldRunning(draft, input, memory)
    const refusal = accepted.verdict === undefined ? engineRefusal(memory) : undefined
    if (refusal !== undefined)
      return finish(draft, accepted, { ...started, ...onFailure(input, accepted, { reason: refusal, services: [] }) })
    const phase = phaseOf(draft, accepted, views)
    return finish(draft, accepted, { phase, ...reasonOf(phase, views), ...started })
  }

  planSwaps(draft, { ...services, unready })
  planOrphans(draft, { ...services, unready })
  const { operations } = draft
  const excusedIds = [...views.values()].flatMap((view) =>
    view.wanted !== undefined && (view.isStopped || waitsForDevice(view)) ? [view.wanted.id] : [],
  )
  const remembered = forgetEnds(memory, excusedIds)
  const judged = judge({ deployment, record, accepted, views, memory: remembered, now, operations })
  if (judged.wakeAt !== undefined) draft.wakeAt(judged.wakeAt)
  if (judged.wait !== undefined) draft.wait(judged.wait)
  const { verdict } = judged
  if (verdict?.outcome === 'failed') {
    const failed = finish(draft, accepted, {
      ...started,
      ...onFailure(input, accepted, verdict),
      memory: judged.memory,
    })
    return failed.rollback === undefined ? failed : { ...failed, operations: haltLooping(views, verdict, deployment) }
  }
  const phase = phaseOf(
    draft,
    verdict === undefined ? accepted : { ...accepted, verdict: { ...verdict, at: 0 } },
    views,
  )
  const reason = reasonOf(phase, views)
  return finish(draft, accepted, { phase, ...reason, ...started, ...(verdict && { verdict }), memory: judged.memory })
}

/** Back to the last good release, or no further, or on all the same: what the services that failed ask for. */
const onFailure = (
  { record }: PlanInput,
  { deployment }: Accepted,
  { reason, services, containerId }: Failure,
): Pick<Plan, 'phase' | 'reason' | 'rollback' | 'verdict' | 'failedContainerId'> => {
  const evidence = containerId === undefined ? {} : { failedContainerId: containerId }
  const failed = { phase: 'failed' as const, reason, ...evidence }
  if (isRollback(record) || deployment.remove) return { ...failed, verdict: { outcome: 'failed', reason } }
  const action = failureActionOf(deployment.compose, services)
  if (action === 'rollback' && canGoBack(record))
    return { phase: 'rolling-back', reason, ...evidence, rollback: { reason } }
  const isPaused = action === 'pause' ? { isPaused: true } : {}
  return { ...failed, verdict: { outcome: 'failed', reason, ...isPaused } }
}

/** What ends again and again is of no use to anybody: it is stopped while what takes its place is made. */
const haltFailed = (draft: Draft, views: Views): void => {
  for (const { name, service, others } of views.values())
    for (const other of others.filter(isActive))
      if (other.state === 'restarting' || (other.details?.restarts ?? 0) > 0)
        draft.propose(halt(other, `service ${name} failed`, service))
}

/**
 * The container that made the update fail, if the engine starts it again and again: in a tenth of a second it is held up
 * once more, and the way back with it. Only one that this deployment made: any other is what one goes back to.
 */
const haltLooping = (views: Views, { containerId, reason }: Failure, { generation }: AcceptedAssignment): Operation[] =>
  [...views.values()].flatMap(({ wanted, service }) =>
    wanted !== undefined &&
    wanted.id === containerId &&
    wanted.labels[label.generation] === String(generation) &&
    (wanted.state === 'restarting' || (wanted.state === 'running' && (wanted.details?.restarts ?? 0) > 0))
      ? [halt(wanted, reason.message, service)]
      : [],
  )

/** There is something else to go back to: another release, or the same with the images it had. */
const canGoBack = ({ lastGood, accepted }: AppRecord): boolean => {
  if (lastGood === undefined || accepted === undefined || accepted.deployment.remove) return false
  return lastGood.release !== accepted.deployment.release || !isDeepStrictEqual(lastGood.images, accepted.images)
}

/** One that is stopped is replaced all the same, if its release is another. */
const isUpOrStopped = (view: ServiceView): boolean => isUp(view) || (view.isStopped && view.wanted !== undefined)

/** It is to be stopped: that its hardware is away holds up nobody. */
const isLeftOut = ({ isStopped, wanted, devices }: ServiceView): boolean =>
  isStopped && wanted === undefined && devices.missing !== undefined

const isToBeReplaced = ({ wanted, others, digest, isStopped }: ServiceView): boolean =>
  wanted === undefined && !isStopped && others.some((one) => isActive(one) && one.labels[label.digest] !== digest)

/** Jobs that are done and not known as such yet. */
const newlyCompleted = (views: Views, { completedJobs = [] }: AppRecord): NonNullable<Plan['completedJobs']> =>
  [...views].flatMap(([key, view]) => {
    const isKnown = completedJobs.some(({ service, digest }) => service === key && digest === view.digest)
    return jobExitCode(view) === 0 && !isKnown ? [{ service: key, digest: view.digest }] : []
  })

/**
 * By the key of their view: what was not as it should be before anything was touched. Where nothing is to be replaced,
 * that is what the deployment is about.
 */
const faultyBefore = (views: Views): string[] => {
  const isNew = ({ wanted }: ServiceView): boolean => wanted === undefined || wanted.state === 'created'
  if (![...views.values()].some(isNew)) return []
  return [...views].flatMap(([key, view]) => (isNew(view) || isGood(view) || view.isJob ? [] : [key]))
}

const missingSecrets = (release: Release): Reason[] =>
  Object.entries(release.compose.services).flatMap(([name, service]) =>
    secretNamesOf(release.compose, service)
      .filter((secret) => own(release.secretVersions, secret) === undefined)
      .map((secret): Reason => {
        const message = `secret ${secret} of service ${name} was not set, or not for this device`
        return { code: 'secret-missing', message, path: `services.${name}` }
      }),
  )

/** Of a deployment that came to something, and of which something is missing now. */
const decidedPhase = (outcome: Outcome): Phase => (outcome === 'succeeded' ? 'degraded' : 'failed')

const finish = (draft: Draft, accepted: Accepted, rest: Omit<Plan, 'operations' | 'waits' | 'wakeAt'>): Plan => {
  const wakeAt = draft.earliestWake()
  // On the way back there is but one phase, whatever the way consists of.
  const isDecided = accepted.verdict !== undefined || rest.verdict !== undefined
  const back =
    accepted.rollback === undefined || isDecided
      ? {}
      : { phase: 'rolling-back' as const, reason: accepted.rollback.reason }
  // What failed goes no further: what was to come next is not what comes now.
  const isGivenUp = rest.rollback !== undefined || rest.verdict?.isPaused === true
  return {
    operations: isGivenUp ? [] : draft.operations,
    waits: draft.waits,
    ...(wakeAt === undefined ? {} : { wakeAt }),
    ...rest,
    ...back,
  }
}

const isResolved = (accepted: Accepted, images: ImagePlan): boolean =>
  Object.entries(images.ids).every(([reference, id]) => accepted.images[reference] === id)

const phaseOf = (draft: Draft, accepted: Accepted, views: Views): Phase => {
  const all = [...views.values()]
  const isAllGood = all.every(isGood)
  switch (accepted.verdict?.outcome) {
    case 'succeeded':
      if (!isAllGood) return 'degraded'
      if (all.some(({ isStopped }) => isStopped) && all.every((view) => view.isStopped || view.isJob)) return 'stopped'
      return all.every(({ isJob }) => isJob) ? 'completed' : 'running'
    case undefined:
      if (draft.progress.some(({ kind }) => kind === 'stop-container')) return 'stopping'
      if (draft.progress.length > 0) return all.every(isUp) ? 'verifying' : 'starting'
      if (all.every((view) => isUp(view) || (view.isJob && view.wanted?.state === 'running'))) return 'verifying'
      return draft.waits.length > 0 ? 'waiting' : 'starting'
    default:
      return isAllGood ? 'running' : 'failed'
  }
}

const reasonOf = (phase: Phase, views: Views): { readonly reason?: WireReason } => {
  const fault = phase === 'degraded' ? [...views.values()].map(faultOf).find((found) => found !== undefined) : undefined
  return fault === undefined ? {} : { reason: fault }
}
