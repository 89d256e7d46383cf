/** Plans an app that should run: what its release still lacks, and what its deployment has come to. */
import { isJob } from '../../src/compose/model.ts'
import { secretNamesOf } from '../../src/compose/secret-names.ts'
import { own } from '../../src/defined.ts'
import type { Reason, WireReason } from '../../src/protocol/reason.ts'
import type { Outcome, Phase } from '../../src/protocol/reported.ts'
import type { Accepted, AcceptedAssignment } from '../store/app-record.ts'
import type { Release } from '../translate/project-mounts.ts'
import { isAwaited } from '../translate/translate-service.ts'
import { type Draft, newDraft } from './draft.ts'
import { engineRefusal, judge } from './judge.ts'
import { emptyMemory, type Memory, rememberLook, startAllowedAt } from './memory.ts'
import type { Operation } from './operation.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { decideFiles, withDecisions, writtenAfter } from './plan-files.ts'
import { type ImagePlan, planImages } from './plan-images.ts'
import { planOldProject, planProject } from './plan-project.ts'
import { planRenewal } from './plan-renewal.ts'
import { changedNetworks, planResources } from './plan-resources.ts'
import { planCreates, planOrphans, planSwaps } from './plan-services.ts'
import { faultOf, isGood, isUp, type Views, viewServices } from './service-view.ts'

export const planAssignment = (input: PlanInput, accepted: Accepted, deployment: AcceptedAssignment): Plan => {
  const { now, observed, owner } = input
  const app = deployment.app
  const remembered =
    input.memory.generation === deployment.generation ? input.memory : emptyMemory(deployment.generation)
  const memory = rememberLook(remembered, observed)
  const draft = newDraft(memory, now)

  const images = planImages(input, accepted, deployment)
  for (const { reason, retryAt } of images.waits) {
    draft.wait(reason)
    if (retryAt !== undefined) draft.wakeAt(retryAt)
  }
  const resolved = isResolved(accepted, images) ? {} : { images: images.ids }
  const isImageKnown = Object.values(deployment.compose.services).every(({ image }) => image in images.ids)
  if (!isImageKnown) {
    keepOldRunning(draft, input, memory)
    const phase =
      accepted.verdict === undefined
        ? images.isPulling
          ? 'pulling'
          : 'waiting'
        : decidedPhase(accepted.verdict.outcome)
    return finish(draft, { phase, pulls: images.wanted, memory })
  }

  const release = { ...deployment, secretVersions: input.secretVersions }
  const unset = missingSecrets(release)
  if (unset.length > 0) {
    for (const reason of unset) draft.wait(reason)
    keepOldRunning(draft, input, memory)
    const phase = accepted.verdict === undefined ? 'waiting' : decidedPhase(accepted.verdict.outcome)
    const reason = accepted.verdict === undefined ? undefined : unset[0]
    return finish(draft, { phase, ...(reason && { reason }), pulls: images.wanted, ...resolved, memory })
  }

  const newDecisions = decideFiles(input.record, accepted, input.files)
  const decisions = newDecisions ?? accepted.files ?? {}
  const decided = newDecisions === undefined ? {} : { files: newDecisions }
  const written = writtenAfter(decisions, deployment.files)
  const { secretVersions, files, paths } = input
  const views = viewServices({ owner, app, deployment, images: images.ids, written, secretVersions, observed })
  const isProven = accepted.verdict?.outcome === 'succeeded'
  // As it will be stored: what a superseded deployment wrote may be part of what was decided on.
  const record = newDecisions === undefined ? input.record : withDecisions(input.record, newDecisions)
  const project = { app, deployment, record, accepted, decisions, observed: files, release }
  const unready = planProject(draft, project)
  const hasResources = planResources(draft, owner, app, deployment.compose, observed) && unready.size === 0
  const services = { ...project, owner, views, observed, files, paths, unready, now, memory }
  const changed = hasResources ? changedNetworks(owner, app, deployment.compose, observed) : []
  if (changed.length > 0) planRenewal(draft, changed, services)
  else if (hasResources) planCreates(draft, services)
  const isPrepared =
    hasResources &&
    [...views.values()].every(({ wanted, missingNetworks }) => wanted !== undefined && missingNetworks.length === 0)
  // Until a release has proved itself, nothing that runs is touched before everything it needs is there.
  if (changed.length > 0 || (!isProven && !isPrepared)) {
    if (changed.length === 0) keepOldRunning(draft, input, memory)
    const refusal = accepted.verdict === undefined ? engineRefusal(memory) : undefined
    const verdict = refusal === undefined ? {} : { verdict: { outcome: 'failed' as const, reason: refusal } }
    const phase = refusal === undefined ? phaseOf(draft, accepted, views) : 'failed'
    const reason = reasonOfPhase(phase, accepted, refusal, views)
    return finish(draft, {
      phase,
      ...(reason && { reason }),
      pulls: images.wanted,
      ...resolved,
      ...decided,
      ...verdict,
      memory,
    })
  }

  planSwaps(draft, services)
  planOrphans(draft, services)
  const judged = judge({
    deployment,
    record,
    views,
    memory,
    now,
    isBusy: draft.operations.length > 0,
  })
  if (judged.wakeAt !== undefined) draft.wakeAt(judged.wakeAt)
  const verdict = judged.verdict
  const phase = phaseOf(
    draft,
    verdict === undefined ? accepted : { ...accepted, verdict: { ...verdict, at: 0 } },
    views,
  )
  const reason = reasonOfPhase(phase, accepted, verdict?.reason, views)
  return finish(draft, {
    phase,
    ...(reason === undefined ? {} : { reason }),
    pulls: images.wanted,
    ...resolved,
    ...decided,
    ...(verdict === undefined ? {} : { verdict }),
    memory: judged.memory,
  })
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

const finish = (draft: Draft, rest: Omit<Plan, 'operations' | 'waits' | 'wakeAt'>): Plan => {
  const wakeAt = draft.earliestWake()
  return { operations: draft.operations, waits: draft.waits, ...(wakeAt === undefined ? {} : { wakeAt }), ...rest }
}

const isResolved = (accepted: Accepted, images: ImagePlan): boolean =>
  Object.entries(images.ids).every(([reference, id]) => accepted.images[reference] === id)

/** What the release before left running stays up while the new one waits for images or names. */
const keepOldRunning = (draft: Draft, input: PlanInput, memory: Memory): void => {
  const { record, observed, secretVersions, now } = input
  const { lastGood } = record
  const stopped = observed.containers.filter(({ state }) => state === 'exited')
  if (lastGood === undefined || stopped.length === 0) return
  const release = { compose: lastGood.compose, files: lastGood.files ?? {}, secretVersions }
  const unready = planOldProject(draft, { app: record.app, observed: input.files, release })
  for (const { id, name, service, details } of stopped) {
    const model = lastGood.compose.services[service]
    const isService = model !== undefined && !isJob(model, isAwaited(lastGood.compose, service))
    const isForbidden = details === undefined || details.restartPolicy === 'no'
    if (!isService || isForbidden || unready.has(service)) continue
    const allowedAt = startAllowedAt(memory, id, now)
    if (allowedAt > now) draft.wakeAt(allowedAt)
    else
      draft.propose({
        kind: 'start-container',
        target: name,
        service,
        id,
        cause: 'the release before runs until the new one is ready',
      })
  }
}

const stoppingKinds: ReadonlySet<Operation['kind']> = new Set(['forbid-restart', 'stop-container'])

const phaseOf = (draft: Draft, accepted: Accepted, views: Views): Phase => {
  const all = [...views.values()]
  const isAllGood = all.every(isGood)
  switch (accepted.verdict?.outcome) {
    case 'succeeded':
      if (!isAllGood) return 'degraded'
      return all.every(({ isJob }) => isJob) ? 'completed' : 'running'
    case undefined:
      if (draft.operations.some(({ kind }) => stoppingKinds.has(kind))) return 'stopping'
      if (draft.operations.length > 0) return all.every(isUp) ? 'verifying' : 'starting'
      if (all.every((view) => isUp(view) || (view.isJob && view.wanted?.state === 'running'))) return 'verifying'
      return draft.waits.length > 0 ? 'waiting' : 'starting'
    default:
      return isAllGood ? 'running' : 'failed'
  }
}

const reasonOfPhase = (
  phase: Phase,
  accepted: Accepted,
  verdictReason: WireReason | undefined,
  views: Views,
): WireReason | undefined => {
  if (phase === 'degraded') return [...views.values()].map(faultOf).find((fault) => fault !== undefined)
  return verdictReason ?? accepted.verdict?.reason
}
