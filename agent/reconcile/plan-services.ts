/**
 * Containers of an app: made beforehand under `<name>.next`, swapped in dependency order, the old one gone after.
 *
 *   old running → restart forbidden → stopped → wanted started → old removed → wanted renamed
 *
 * Every step is read from what is observed, so a crash between any two continues where it was.
 */
import { startsAfter } from '../../src/compose/check.ts'
import { doClash, hostPortsOf } from '../../src/compose/host-ports.ts'
import { type DependencyCondition, replicasOf, type Service } from '../../src/compose/model.ts'
import { isUnder } from '../../src/compose/project-path.ts'
import type { DataChange, ObservedFiles } from '../files/project-files.ts'
import type { Accepted, AcceptedAssignment, AppRecord, FileDecision } from '../store/app-record.ts'
import { nextName, type Owner } from '../translate/engine-names.ts'
import { translateAttachment } from '../translate/network-spec.ts'
import { type ProjectPaths, projectMounts, type Release } from '../translate/project-mounts.ts'
import { changedKeys } from '../translate/spec-digest.ts'
import { stopTimeoutS, translateService } from '../translate/translate-service.ts'
import { carriedVolumes } from './carried-volumes.ts'
import type { Draft } from './draft.ts'
import { type Memory, startAllowedAt } from './memory.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import { pendingChanges } from './plan-files.ts'
import { dataOwner } from './plan-project.ts'
import { staleNetworks } from './plan-resources.ts'
import {
  isGood,
  isUp,
  jobExitCode,
  numberOf,
  type ServiceView,
  type Views,
  viewsOf,
  wantedIds,
} from './service-view.ts'

export type ServicesInput = {
  readonly owner: Owner
  readonly app: string
  readonly deployment: AcceptedAssignment
  readonly views: Views
  readonly observed: Observed
  readonly record: AppRecord
  readonly accepted: Accepted
  /** what is done about writable files */
  readonly decisions: Readonly<Record<string, FileDecision>>
  readonly files: ObservedFiles
  readonly release: Release
  readonly paths: ProjectPaths
  /** of what these mount something is not there, or not safe to bind */
  readonly unready: ReadonlySet<string>
  readonly memory: Memory
  readonly now: number
}

/** Makes the containers that are missing, under their own name or beside the one they replace. */
export const planCreates = (draft: Draft, input: ServicesInput): void => {
  const { owner, app, deployment, views, observed } = input
  const names = new Set(observed.containers.map(({ name }) => name))
  for (const view of views.values()) {
    const { name, service, wanted } = view
    if (wanted !== undefined) {
      for (const key of view.missingNetworks) {
        const attachment = translateAttachment({ ...input, model: deployment.compose, ...view }, key)
        draft.propose({
          kind: 'connect-network',
          target: wanted.name,
          service: name,
          id: wanted.id,
          attachment,
          cause: `service ${name} is on network ${attachment.network}`,
        })
      }
      continue
    }
    const joined = wantedIds(views, view.joins)
    if (view.joins.some((other) => joined[other] === undefined)) continue
    const isFree = !names.has(view.containerName)
    const target = isFree ? view.containerName : nextName(view.containerName)
    const inTheWay = observed.containers.find((container) => container.name === target)
    if (inTheWay !== undefined) {
      // Half-made, or of a release that was superseded: never reused.
      draft.propose(retire(inTheWay, `it is not what service ${name} needs`))
      continue
    }
    draft.propose({
      kind: 'create-container',
      target,
      service: name,
      spec: translateService({
        owner,
        app,
        model: deployment.compose,
        name,
        service,
        number: view.number,
        imageId: view.imageId,
        digest: view.digest,
        generation: deployment.generation,
        release: deployment.release,
        files: deployment.files,
        secretVersions: input.release.secretVersions,
        paths: input.paths,
        joined,
        carriedVolumes: carriedVolumes(view, views, input.record),
      }),
      cause: createCause(view, input.record),
    })
  }
}

/** Stops what is replaced, starts what is wanted when its turn has come, and clears up after it. */
export const planSwaps = (draft: Draft, input: ServicesInput): void => {
  for (const view of input.views.values()) {
    const { wanted } = view
    if (wanted === undefined || view.missingNetworks.length > 0) continue
    const isDone = jobExitCode(view) !== undefined
    if (wanted.state === 'running' || isDone) {
      for (const old of view.others) draft.propose(retire(old, `service ${view.name} was replaced`, view.service))
      takeName(draft, view, input.observed)
    } else if (wanted.state === 'created' || wanted.state === 'exited') {
      swapIn(draft, view, wanted, input)
    }
  }
}

const swapIn = (draft: Draft, view: ServiceView, wanted: ObservedContainer, input: ServicesInput): void => {
  const { name } = view
  if (input.unready.has(name)) return
  const unmet = unmetDependency(view, input.views)
  if (unmet !== undefined) {
    draft.wait({ code: 'dependency', message: unmet, path: `services.${name}` })
    return
  }
  const inTheWay = [...view.others, ...orphansInTheWay(view, input)].filter(isActive)
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
  const start = {
    kind: 'start-container',
    target: wanted.name,
    service: name,
    id: wanted.id,
    cause:
      wanted.state === 'created'
        ? `service ${name} is to run`
        : `service ${name} ended with exit code ${wanted.details?.exitCode}`,
  } as const
  // A start that failed may have left the container unusable: it is made anew before the next try.
  const failed = input.memory.failures[`start-container ${wanted.name}`]
  if (
    wanted.state === 'created' &&
    failed !== undefined &&
    failed.operationId === wanted.id &&
    failed.retryAt <= input.now
  ) {
    draft.propose({
      kind: 'remove-container',
      target: wanted.name,
      service: name,
      id: wanted.id,
      volumes: false,
      cause: `it could not be started: ${failed.reason.code}`,
    })
    return
  }
  const allowedAt = wanted.state === 'created' ? 0 : startAllowedAt(input.memory, wanted.id, input.now)
  if (allowedAt > input.now) {
    draft.wakeAt(allowedAt)
    draft.wait({ code: 'exited', message: `service ${name} is started again after a pause`, path: `services.${name}` })
  } else draft.propose(start)
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

/** The next step that makes a container go away; each needs the one before. */
export const retire = (container: ObservedContainer, cause: string, model?: Service) => {
  const { id, name, service, state, details } = container
  const common = { target: name, service, id, cause }
  if (!isActive(container)) return { kind: 'remove-container', ...common, volumes: false } as const
  if (state !== 'paused' && details !== undefined && details.restartPolicy !== 'no')
    return { kind: 'forbid-restart', ...common } as const
  return { kind: 'stop-container', ...common, timeoutS: stopTimeoutS(model ?? {}) } as const
}

export const isActive = ({ state }: ObservedContainer): boolean =>
  state === 'running' || state === 'restarting' || state === 'paused'

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
    const condition = dependencies[other]?.condition ?? 'service_started'
    // None: `required: false` and not in this release, or asked for no container.
    if (!viewsOf(views, other).every((dependency) => isMet(dependency, condition)))
      return `service ${view.name} waits for ${other}, ${conditionText[condition]}`
  }
  return undefined
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

/**
 * Containers of services that the release no longer has. They stay until the new release has proved itself, unless
 * they hold a host port or a name that a new service needs; then they go before it starts.
 */
export const planOrphans = (draft: Draft, input: ServicesInput): void => {
  const verdict = input.record.accepted?.verdict
  if (verdict === undefined) return
  // A release that failed and came up after all has taken the place of the one before as well.
  if (verdict.outcome !== 'succeeded' && ![...input.views.values()].every(isGood)) return
  const orphans = orphansOf(input)
  for (const orphan of orphans) draft.propose(retire(orphan, `service ${orphan.service} is no part of the release`))
  if (orphans.length > 0 || ![...input.views.values()].every((view) => view.others.length === 0)) return
  for (const { id, name } of staleNetworks(input.owner, input.app, input.deployment.compose, input.observed))
    draft.propose({ kind: 'remove-network', target: name, id, cause: 'no service of the release uses it' })
  const used = new Set(
    Object.values(input.deployment.compose.services).flatMap((service) =>
      projectMounts(input.release, service).flatMap((mount) => (mount.kind === 'tree' ? [mount.tree.digest] : [])),
    ),
  )
  const [trees, secretTrees] = [input.files.trees, input.files.secretTrees].map((digests) =>
    digests.filter((digest) => !used.has(digest)),
  ) as [string[], string[]]
  if (trees.length > 0 || secretTrees.length > 0)
    draft.propose({
      kind: 'remove-files',
      target: `files of app ${input.app}`,
      app: input.app,
      trees,
      secretTrees,
      cause: 'no service of the release mounts them',
    })
}

const orphansOf = ({ observed, deployment }: ServicesInput): ObservedContainer[] =>
  observed.containers.filter((container) => {
    const service = deployment.compose.services[container.service]
    return service === undefined || numberOf(container) > replicasOf(service)
  })

const orphansInTheWay = (view: ServiceView, input: ServicesInput): ObservedContainer[] => {
  const before = input.record.lastGood?.compose.services
  const ports = Object.values(input.deployment.compose.services).flatMap(hostPortsOf)
  return orphansOf(input).filter((orphan) => {
    const service = before?.[orphan.service]
    return (
      service === undefined ||
      orphan.name === view.containerName ||
      hostPortsOf(service).some((held) => ports.some((port) => doClash(held, port)))
    )
  })
}

const createCause = (view: ServiceView, record: AppRecord): string => {
  const { name } = view
  const before = record.lastGood?.compose.services[name]
  if (view.others.length === 0)
    return before === undefined ? `service ${name} is new` : `service ${name} has no container`
  if (before === undefined) return `service ${name} changed`
  const keys = changedKeys(before, view.service)
  if (keys.length > 0) return `service ${name} changed: ${keys.join(', ')}`
  if (record.lastGood?.images[before.image] !== view.imageId) return `service ${name} changed: image`
  if (view.joins.length > 0) return `service ${view.joins.join(' or ')}, which ${name} joins, was replaced`
  return `service ${name} is to be made anew`
}
