/** Plain data for the pure parts: records, deployments, what is observed, and a plan as text. */
import type { EngineState, NamedObject } from '../../agent/engine/engine.ts'
import { noFiles } from '../../agent/files/project-files.ts'
import { decided } from '../../agent/reconcile/decided.ts'
import { applyOperation, filesAfter } from '../../agent/reconcile/foresee.ts'
import { emptyMemory, rememberResults } from '../../agent/reconcile/memory.ts'
import type { Observed, ObservedContainer } from '../../agent/reconcile/observed.ts'
import { operationText } from '../../agent/reconcile/operation.ts'
import { plan } from '../../agent/reconcile/plan.ts'
import type { Plan, PlanInput } from '../../agent/reconcile/plan-contract.ts'
import { withOutcomes } from '../../agent/reconcile/plan-files.ts'
import { type AcceptedAssignment, type AppRecord, emptyRecord } from '../../agent/store/app-record.ts'
import {
  label,
  networkName,
  type Owner,
  ownerLabels,
  usedNetworkKeys,
  usedVolumeKeys,
  volumeName,
} from '../../agent/translate/engine-names.ts'
import type { ProjectPaths } from '../../agent/translate/project-mounts.ts'
import { specDigest } from '../../agent/translate/spec-digest.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import type { Removal } from '../../src/protocol/deployment.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'

export const owner: Owner = { agent: 'gw-1', namePrefix: '' }
export const app = 'shop'
export const image = 'web:1'
export const images: Readonly<Record<string, string>> = { [image]: 'sha256:web' }

export const serviceModel = (services: Record<string, Partial<Service>>, rest: Partial<Model> = {}): Model => ({
  name: app,
  services: Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { image, ...service }])),
  ...rest,
})

export const assignment = (compose: Model, generation = 1): AcceptedAssignment => ({
  schema: 1,
  device: owner.agent,
  app: compose.name,
  generation,
  issuedAt: generation,
  by: 'test',
  release: releaseDigest({ compose, files: {} }),
  compose,
  files: {},
})

export const removal = (generation = 2, volumes = false): Removal => ({
  schema: 1,
  device: owner.agent,
  app,
  generation,
  issuedAt: generation,
  by: 'test',
  remove: true,
  volumes,
})

/** A deployment under way; `before` is the release that ran well until now. */
export const underWay = (deployment: AcceptedAssignment | Removal, before?: AcceptedAssignment): AppRecord => ({
  ...emptyRecord(app),
  generationSeen: deployment.generation,
  accepted: { deployment, at: 0, images: deployment.remove ? {} : imagesOf(deployment.compose) },
  ...(before === undefined
    ? {}
    : {
        lastGood: {
          generation: before.generation,
          release: before.release,
          compose: before.compose,
          images: imagesOf(before.compose),
        },
      }),
})

/** A deployment that succeeded. */
export const committed = (deployment: AcceptedAssignment): AppRecord => {
  const record = underWay(deployment, deployment)
  return {
    ...record,
    ...(record.accepted && { accepted: { ...record.accepted, verdict: { outcome: 'succeeded', at: 0 } } }),
  }
}

const imagesOf = (model: Model): Record<string, string> =>
  Object.fromEntries(Object.values(model.services).map((service) => [service.image, imageIdOf(service)]))

const imageIdOf = (service: Service): string => images[service.image] ?? `sha256:${service.image}`

export type ContainerChanges = Partial<ObservedContainer> & {
  readonly exitCode?: number
  readonly restarts?: number
  readonly restartPolicy?: string
  readonly joined?: string
}

/** The container of a service as a deployment wants it; running unless said otherwise. */
export const container = (
  deployment: AcceptedAssignment,
  serviceName: string,
  { exitCode = 0, restarts = 0, restartPolicy = 'unless-stopped', joined, ...changes }: ContainerChanges = {},
): ObservedContainer => {
  const { compose: model, generation, release } = deployment
  const service = model.services[serviceName]
  if (service === undefined) throw new Error(`no service ${serviceName}`)
  const state: EngineState = changes.state ?? 'running'
  const name = changes.name ?? `${app}-${serviceName}-1`
  return {
    id: `${name}@${generation}`,
    name,
    service: serviceName,
    state,
    health: 'none',
    imageId: imageIdOf(service),
    networks:
      service.network_mode === undefined
        ? Object.keys(service.networks ?? { default: {} }).map((key) => networkName(owner, app, model, key))
        : [],
    anonymousVolumes: {},
    labels: {
      ...ownerLabels(owner, app),
      [label.service]: serviceName,
      [label.generation]: String(generation),
      [label.release]: release,
      [label.digest]: specDigest(model, serviceName, service, imageIdOf(service)),
      ...(joined === undefined ? {} : { [label.joined]: joined }),
    },
    details: {
      state,
      health: changes.health ?? 'none',
      exitCode,
      restarts,
      restartPolicy,
      isOutOfMemory: false,
      aliases: {},
      ...(state === 'created' ? {} : { startedAt: 1 }),
    },
    ...changes,
  }
}

/** Containers, and every network and volume that the model uses. */
export const observing = (model: Model, containers: readonly ObservedContainer[] = []): Observed => {
  const ours = (name: string): NamedObject => ({ id: name, name, labels: ownerLabels(owner, app) })
  return {
    containers: [...containers].sort((a, b) => (a.name < b.name ? -1 : 1)),
    networks: usedNetworkKeys(model).map((key) => ours(networkName(owner, app, model, key))),
    volumes: usedVolumeKeys(model).map((key) => ours(volumeName(owner, app, model, key))),
  }
}

export const paths: ProjectPaths = { data: '/p/data', trees: '/p/trees', secrets: '/s', lock: '/p/lock' }

export const nothing: Observed = { containers: [], networks: [], volumes: [] }

export const planInput = (record: AppRecord, observed: Observed, rest: Partial<PlanInput> = {}): PlanInput => ({
  owner,
  record,
  observed,
  images,
  pulls: {},
  files: noFiles,
  paths,
  secretVersions: {},
  gates: [],
  memory: emptyMemory(record.accepted?.deployment.generation ?? 0),
  now: 1_000_000,
  ...rest,
})

export const planned = (input: PlanInput): Plan => {
  const result = plan(input)
  if (result === undefined) throw new Error('there is no plan')
  return result
}

/** The operations of a plan as `longshore plan` prints them, without their causes. */
export const texts = ({ operations }: Pick<Plan, 'operations'>): string[] =>
  operations.map((operation) => operationText(operation).replace(/ {2}\(.*\)$/, ''))

export const waits = (result: Plan): string[] => result.waits.map(({ code, message }) => `${code}: ${message}`)

/** The input of the turn after: what the operations did, and what the loop remembers of them. */
export const afterTurn = (input: PlanInput, result: Plan, laterMs = 0): PlanInput => ({
  ...input,
  record: withWritten(decided(input.record, result, { now: 0, keepReleases: 3 }), result),
  files: result.operations.reduce(filesAfter, input.files),
  observed: result.operations.reduce((seen, operation) => applyOperation(seen, operation), input.observed),
  memory: rememberResults(
    result.memory,
    result.operations.map((operation) => ({ operation })),
    input.now,
  ),
  now: input.now + laterMs,
})

/** The record with what the operations wrote. */
const withWritten = (record: AppRecord, { operations }: Plan): AppRecord =>
  operations.reduce(
    (after, operation) =>
      operation.kind === 'change-files'
        ? withOutcomes(
            after,
            operation.changes.map(({ path }) => ({ path, outcome: 'done' })),
          )
        : after,
    record,
  )

/** Turn after turn until nothing is left to do: what each of them did. */
export const turns = (input: PlanInput, limit = 30): string[][] => {
  const result: string[][] = []
  for (let state = input; result.length < limit; ) {
    const next = planned(state)
    if (next.operations.length === 0) return result
    result.push(texts(next))
    state = afterTurn(state, next)
  }
  throw new Error(`no end after ${limit} turns`)
}
