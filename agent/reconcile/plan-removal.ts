/** Plans the end of an app: its containers in reverse dependency order, then its networks, and its volumes if asked. */
import type { Removal } from '../../src/protocol/deployment.ts'
import type { NamedObject } from '../engine/engine.ts'
import { newDraft } from './draft.ts'
import { emptyMemory } from './memory.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { withoutDependents } from './plan-renewal.ts'
import { externalNames, isOurs } from './plan-resources.ts'
import { retire } from './retire.ts'
import { stopMeanwhile } from './stop-meanwhile.ts'

export const planRemoval = (input: PlanInput, removal: Removal): Plan => {
  const { observed, owner, now } = input
  const memory = input.memory.generation === removal.generation ? input.memory : emptyMemory(removal.generation)
  const draft = newDraft(memory, now)
  const cause = 'the app is to be removed'
  const services = input.record.lastGood?.compose.services ?? {}

  const { begun } = input.record.accepted ?? {}
  const isBeginning = begun === undefined && observed.containers.length > 0
  if (isBeginning && input.gates.length > 0) {
    stopMeanwhile(draft, input)
    draft.waitForGates(input.gates)
    const wakeAt = draft.earliestWake()
    const waits = { waits: draft.waits, ...(wakeAt === undefined ? {} : { wakeAt }) }
    return { phase: 'waiting', operations: draft.operations, ...waits, pulls: [], memory }
  }

  for (const container of withoutDependents(observed.containers, services)) {
    const service = services[container.service]
    const step = retire(container, cause, service)
    draft.propose(step.kind === 'remove-container' ? { ...step, volumes: removal.volumes === true } : step)
  }
  if (observed.containers.length === 0) {
    const kept = externalNames(input.record.lastGood?.compose)
    const isGoing = (object: NamedObject) => isOurs(owner, removal.app, object) && !kept.has(object.name)
    for (const network of observed.networks.filter(isGoing))
      draft.propose({ kind: 'remove-network', target: network.name, id: network.id, cause })
    for (const volume of observed.volumes.filter((object) => removal.volumes === true && isGoing(object)))
      draft.propose({ kind: 'remove-volume', target: volume.name, cause })
    const data = removal.volumes === true
    const { hasRelease, secretTrees, hasData, hasLockFolder } = input.files
    if (hasRelease || hasLockFolder || secretTrees.length > 0 || (data && hasData))
      draft.propose({ kind: 'remove-project', target: `files of app ${removal.app}`, app: removal.app, data, cause })
  }

  const isDone = draft.operations.length === 0 && draft.waits.length === 0
  const wakeAt = draft.earliestWake()
  const isStopping = observed.containers.length > 0
  return {
    phase: isDone ? 'removed' : isStopping || draft.waits.length === 0 ? 'stopping' : 'waiting',
    operations: draft.operations,
    waits: draft.waits,
    ...(wakeAt === undefined ? {} : { wakeAt }),
    pulls: [],
    ...(isBeginning ? { begins: { faulty: [] } } : {}),
    ...(isDone && input.record.accepted?.verdict === undefined ? { verdict: { outcome: 'succeeded' } } : {}),
    memory,
  }
}
