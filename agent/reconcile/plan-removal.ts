/** Plans the end of an app: its containers in reverse dependency order, then its networks, and its volumes if asked. */
import { startsAfter } from '../../src/compose/check.ts'
import type { Removal } from '../../src/protocol/deployment.ts'
import { newDraft } from './draft.ts'
import { emptyMemory } from './memory.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { isOurs } from './plan-resources.ts'
import { isActive, retire } from './plan-services.ts'

export const planRemoval = (input: PlanInput, removal: Removal): Plan => {
  const { observed, owner, now } = input
  const memory = input.memory.generation === removal.generation ? input.memory : emptyMemory(removal.generation)
  const draft = newDraft(memory, now)
  const cause = 'the app is to be removed'
  const services = input.record.lastGood?.compose.services ?? {}
  const active = new Set(observed.containers.filter(isActive).map(({ service }) => service))

  for (const container of observed.containers) {
    const isNeeded = [...active].some((other) => {
      const service = services[other]
      return other !== container.service && service !== undefined && startsAfter(service).includes(container.service)
    })
    if (isActive(container) && isNeeded) continue
    const service = services[container.service]
    const step = retire(container, cause, service)
    draft.propose(step.kind === 'remove-container' ? { ...step, volumes: removal.volumes === true } : step)
  }
  if (observed.containers.length === 0) {
    for (const network of observed.networks.filter((object) => isOurs(owner, removal.app, object)))
      draft.propose({ kind: 'remove-network', target: network.name, id: network.id, cause })
    for (const volume of observed.volumes.filter(
      (object) => removal.volumes === true && isOurs(owner, removal.app, object),
    ))
      draft.propose({ kind: 'remove-volume', target: volume.name, cause })
    const data = removal.volumes === true
    const { hasRelease, secretTrees, hasData } = input.files
    if (hasRelease || secretTrees.length > 0 || (data && hasData))
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
    ...(isDone && input.record.accepted?.verdict === undefined ? { verdict: { outcome: 'succeeded' } } : {}),
    memory,
  }
}
