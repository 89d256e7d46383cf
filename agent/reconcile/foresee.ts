/**
 * What a deployment would do, without doing it: the planner is asked again and again, and each answer is carried out on
 * a copy of what was observed, in the best case. Pure; `longshore plan` shows the result.
 */

import type { Reason } from '../../src/protocol/reason.ts'
import type { ContainerSpec } from '../translate/container-spec.ts'
import { rememberResults } from './memory.ts'
import type { Observed, ObservedContainer } from './observed.ts'
import type { Operation } from './operation.ts'
import { plan } from './plan.ts'
import type { PlanInput } from './plan-contract.ts'

export type Foreseen = {
  readonly operations: readonly Operation[]
  /** references that would be pulled first */
  readonly pulls: readonly string[]
  /** what would keep it from going on */
  readonly waits: readonly Reason[]
}

/** A plan converges in a handful of turns; more would be a fault of the planner, which must not hang the agent. */
const turnLimit = 200

export const foresee = (input: PlanInput): Foreseen => {
  const operations: Operation[] = []
  const pulls = new Set<string>()
  let state = input
  for (let turn = 0; turn < turnLimit; turn += 1) {
    const planned = plan(state)
    if (planned === undefined) break
    if (planned.pulls.length > 0) {
      // An image that is not here yet gets a stand-in id, so that what follows can be foreseen too.
      for (const reference of planned.pulls) pulls.add(reference)
      const pulled = Object.fromEntries(planned.pulls.map((reference) => [reference, `pulled:${reference}`]))
      state = { ...state, images: { ...state.images, ...pulled }, pulls: doneFor(planned.pulls) }
      continue
    }
    const decided = withDecisions(state, planned.images, planned.verdict)
    if (planned.operations.length === 0 && planned.verdict === undefined) {
      const isWatching = planned.phase === 'verifying' && planned.wakeAt !== undefined
      if (!isWatching) return { operations, pulls: [...pulls], waits: planned.waits }
      state = { ...decided, memory: planned.memory, now: planned.wakeAt ?? state.now }
      continue
    }
    operations.push(...planned.operations)
    const results = planned.operations.map((operation) => ({ operation }))
    state = {
      ...decided,
      observed: planned.operations.reduce((observed, operation) => applyOperation(observed, operation), state.observed),
      memory: rememberResults(planned.memory, results, state.now),
    }
  }
  return { operations, pulls: [...pulls], waits: [] }
}

const doneFor = (references: readonly string[]): PlanInput['pulls'] =>
  Object.fromEntries(references.map((reference) => [reference, { state: 'done' as const }]))

const withDecisions = (
  input: PlanInput,
  images: Readonly<Record<string, string>> | undefined,
  verdict: { readonly outcome: 'succeeded' | string } | undefined,
): PlanInput => {
  const { accepted } = input.record
  if (accepted === undefined) return input
  return {
    ...input,
    record: {
      ...input.record,
      accepted: {
        ...accepted,
        ...(images === undefined ? {} : { images: { ...images } }),
        ...(verdict === undefined ? {} : { verdict: { outcome: 'succeeded', at: 0 } }),
      },
    },
  }
}

/** What an operation makes of the engine when all goes well: containers run, are healthy, and jobs are done. */
export const applyOperation = (observed: Observed, operation: Operation): Observed => {
  const change = (id: string, changes: Partial<ObservedContainer>): Observed => ({
    ...observed,
    containers: observed.containers.map((container) =>
      container.id === id ? { ...container, ...changes } : container,
    ),
  })
  const detailsOf = (id: string) =>
    observed.containers.find((container) => container.id === id)?.details ?? newDetails('no')
  switch (operation.kind) {
    case 'create-network':
      return {
        ...observed,
        networks: [...observed.networks, { id: operation.target, name: operation.target, labels: operation.labels }],
      }
    case 'remove-network':
      return { ...observed, networks: observed.networks.filter(({ id }) => id !== operation.id) }
    case 'create-volume':
      return {
        ...observed,
        volumes: [...observed.volumes, { id: operation.target, name: operation.target, labels: operation.labels }],
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
      return change(operation.id, { networks: [...networks, operation.network] })
    }
    case 'start-container': {
      const details = { ...detailsOf(operation.id), startedAt: 1 }
      // A job, which is what is made with no restart, is done at once.
      return details.restartPolicy === 'no' || details.restartPolicy === 'on-failure'
        ? change(operation.id, { state: 'exited', details: { ...details, exitCode: 0 } })
        : change(operation.id, { state: 'running', health: 'healthy', details })
    }
    case 'forbid-restart':
      return change(operation.id, { details: { ...detailsOf(operation.id), restartPolicy: 'no' } })
    case 'stop-container':
      return change(operation.id, { state: 'exited', health: 'none' })
    case 'remove-container':
      return { ...observed, containers: observed.containers.filter(({ id }) => id !== operation.id) }
    case 'rename-container':
      return change(operation.id, { name: operation.name })
  }
}

const newDetails = (restartPolicy: string) => ({
  state: 'created' as const,
  health: 'none' as const,
  exitCode: 0,
  restarts: 0,
  restartPolicy,
  isOutOfMemory: false,
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
