/**
 * What a deployment would do, without doing it: the planner is asked again and again, and each answer is carried out on
 * a copy of what was observed, in the best case. Pure; `longshore plan` shows the result.
 */

import { isJob } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { ContainerDetails } from '../engine/engine.ts'
import { type DataEntry, noFiles, type ObservedFiles } from '../files/project-files.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { ContainerSpec } from '../translate/container-spec.ts'
import { isAwaited } from '../translate/translate-service.ts'
import { decided } from './decided.ts'
import { rememberResults } from './memory.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import type { Operation } from './operation.ts'
import { plan } from './plan.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { type KeptFile, keptFiles, withOutcomes } from './plan-files.ts'

export type Foreseen = {
  readonly operations: readonly Operation[]
  /** references that would be pulled first */
  readonly pulls: readonly string[]
  /** what would keep it from going on */
  readonly waits: readonly Reason[]
  /** files of which the device would keep its own version */
  readonly kept: readonly KeptFile[]
}

/** A plan converges in a handful of turns; more would be a fault of the planner, which must not hang the agent. */
const turnLimit = 200

export const foresee = (input: PlanInput): Foreseen => {
  const operations: Operation[] = []
  const pulls = new Set<string>()
  let state = input
  const isJobDone = (service: string): boolean => jobsOf(input.record).has(service)
  for (let turn = 0; turn < turnLimit; turn += 1) {
    const planned = plan(state)
    if (planned === undefined) break
    if (planned.pulls.length > 0) {
      // An image that is not here yet gets a stand-in id, so that what follows can be foreseen too.
      for (const reference of planned.pulls) pulls.add(reference)
      state = { ...state, pulls: doneFor(planned.pulls) }
      continue
    }
    const after = { ...state, record: decided(state.record, inTheBestCase(planned), { now: 0, keepReleases: 0 }) }
    if (planned.operations.length === 0 && planned.verdict === undefined) {
      const isWatching = planned.phase === 'verifying' && planned.wakeAt !== undefined
      if (!isWatching) return { operations, pulls: [...pulls], waits: planned.waits, kept: keptBy(after.record) }
      state = { ...after, memory: planned.memory, now: planned.wakeAt ?? state.now }
      continue
    }
    operations.push(...planned.operations)
    const results = planned.operations.map((operation) => ({ operation }))
    state = {
      ...after,
      record: planned.operations.reduce(recordAfter, after.record),
      files: planned.operations.reduce(filesAfter, state.files),
      observed: planned.operations.reduce(
        (observed, operation) => applyOperation(observed, operation, isJobDone),
        state.observed,
      ),
      memory: rememberResults(planned.memory, results, state.now),
    }
  }
  return { operations, pulls: [...pulls], waits: [], kept: keptBy(state.record) }
}

const jobsOf = ({ accepted }: AppRecord): Set<string> => {
  if (accepted === undefined || accepted.deployment.remove) return new Set()
  const { compose } = accepted.deployment
  const jobs = Object.entries(compose.services).filter(([name, service]) => isJob(service, isAwaited(compose, name)))
  return new Set(jobs.map(([name]) => name))
}

const keptBy = ({ accepted }: AppRecord): readonly KeptFile[] =>
  accepted === undefined || accepted.deployment.remove ? [] : keptFiles(accepted.deployment, accepted.files ?? {})

const doneFor = (references: readonly string[]): PlanInput['pulls'] =>
  Object.fromEntries(
    references.map((reference) => [reference, { state: 'done' as const, imageId: `pulled:${reference}` }]),
  )

const inTheBestCase = ({ rollback, verdict, ...planned }: Plan): Plan =>
  rollback === undefined && verdict === undefined ? planned : { ...planned, verdict: { outcome: 'succeeded' } }

const recordAfter = (record: AppRecord, operation: Operation): AppRecord =>
  operation.kind === 'change-files'
    ? withOutcomes(
        record,
        operation.changes.map(({ path }) => ({ path, outcome: 'done' })),
      )
    : record

/** What an operation makes of the files when all goes well. */
export const filesAfter = (files: ObservedFiles, operation: Operation): ObservedFiles => {
  switch (operation.kind) {
    case 'place-files': {
      const { digest, isSecret } = operation.tree
      return isSecret
        ? { ...files, secretTrees: [...files.secretTrees, digest] }
        : { ...files, hasRelease: true, trees: [...files.trees, digest] }
    }
    case 'change-files':
      return {
        ...files,
        hasData: true,
        data: {
          ...files.data,
          ...Object.fromEntries(
            operation.changes.map((change): [string, DataEntry] => [
              change.path,
              change.kind === 'write'
                ? { kind: 'file', sha256: change.sha256 }
                : { kind: change.kind === 'folder' ? 'folder' : 'missing' },
            ]),
          ),
        },
      }
    case 'remove-files':
      return {
        ...files,
        trees: files.trees.filter((digest) => !operation.trees.includes(digest)),
        secretTrees: files.secretTrees.filter((digest) => !operation.secretTrees.includes(digest)),
      }
    case 'make-lock-folder':
      return { ...files, hasLockFolder: true }
    case 'remove-project':
      return { ...noFiles, hasData: files.hasData && !operation.data }
    default:
      return files
  }
}

/** What an operation makes of the engine when all goes well: containers run, are healthy, and jobs are done. */
export const applyOperation = (
  observed: Observed,
  operation: Operation,
  /** A job is done at once. Without the model, what is made with no restart is one. */
  isJobDone: (service: string, restartPolicy: string) => boolean = (_, restartPolicy) => restartPolicy === 'no',
): Observed => {
  const change = (id: string, changes: Partial<ObservedContainer>): Observed => ({
    ...observed,
    containers: observed.containers.map((container) =>
      container.id === id ? { ...container, ...changes } : container,
    ),
  })
  const detailsOf = (id: string): ContainerDetails =>
    observed.containers.find((container) => container.id === id)?.details ?? newDetails('no')
  switch (operation.kind) {
    case 'create-network':
      return {
        ...observed,
        networks: [
          ...observed.networks,
          { id: operation.target, name: operation.target, labels: operation.spec.labels },
        ],
      }
    case 'remove-network':
      return {
        ...observed,
        containers: observed.containers.map((container) => ({
          ...container,
          networks: container.networks.filter((name) => name !== operation.target),
        })),
        networks: observed.networks.filter(({ id }) => id !== operation.id),
      }
    case 'create-volume':
      return {
        ...observed,
        volumes: [...observed.volumes, { id: operation.target, name: operation.target, labels: operation.spec.labels }],
      }
    case 'remove-volume':
      return { ...observed, volumes: observed.volumes.filter(({ name }) => name !== operation.target) }
    case 'create-container':
      return {
        ...observed,
        containers: [...observed.containers, newContainer(operation.target, operation.service, operation.spec)],
      }
    case 'connect-network': {
      const networks = observed.containers.find(({ id }) => id === operation.id)?.networks ?? []
      return change(operation.id, { networks: [...networks, operation.attachment.network] })
    }
    case 'start-container': {
      const details = { ...detailsOf(operation.id), startedAt: 1 }
      return isJobDone(operation.service, details.restartPolicy)
        ? change(operation.id, { state: 'exited', details: { ...details, exitCode: 0 } })
        : change(operation.id, { state: 'running', health: 'healthy', details })
    }
    case 'restart-container':
      return observed
    case 'allow-restart':
      return change(operation.id, { details: { ...detailsOf(operation.id), restartPolicy: operation.restart.name } })
    case 'withdraw-alias': {
      const aliases = { ...detailsOf(operation.id).aliases, [operation.network]: [] }
      return change(operation.id, { details: { ...detailsOf(operation.id), aliases } })
    }
    case 'stop-container':
      return change(operation.id, {
        state: 'exited',
        health: 'none',
        ...(operation.forbidRestart && { details: { ...detailsOf(operation.id), restartPolicy: 'no' } }),
      })
    case 'remove-container':
      return { ...observed, containers: observed.containers.filter(({ id }) => id !== operation.id) }
    case 'rename-container':
      return change(operation.id, { name: operation.name })
    case 'place-files':
    case 'change-files':
    case 'remove-files':
    case 'make-lock-folder':
    case 'remove-project':
      return observed
  }
}

const newDetails = (restartPolicy: string) => ({
  state: 'created' as const,
  health: 'none' as const,
  exitCode: 0,
  restarts: 0,
  restartPolicy,
  isOutOfMemory: false,
  aliases: {},
})

const newContainer = (name: string, service: string, spec: ContainerSpec): ObservedContainer => ({
  id: `new ${name}`,
  name,
  service,
  labels: spec.labels,
  state: 'created',
  health: 'none',
  imageId: spec.imageId,
  networks:
    spec.networking.kind === 'attached' ? spec.networking.attachments.slice(0, 1).map(({ network }) => network) : [],
  anonymousVolumes: {},
  details: newDetails(spec.restart.name),
})
