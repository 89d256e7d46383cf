/** What the operator stops ends at once, also while the newest deployment waits and nothing else may be touched. Pure. */
import type { Service } from '../../src/compose/model.ts'
import type { Draft } from './draft.ts'
import type { PlanInput } from './plan-contract.ts'
import { withoutDependents } from './plan-renewal.ts'
import { halt } from './retire.ts'
import { isActive, isStoppedService } from './service-view.ts'

/** Those that need others end before them. */
export const stopMeanwhile = (draft: Draft, { record, observed }: PlanInput): void => {
  const { accepted, lastGood, stopped } = record
  const newest = accepted === undefined || accepted.deployment.remove ? undefined : accepted.deployment.compose
  const services: Record<string, Service> = { ...newest?.services, ...lastGood?.compose.services }
  const ending = observed.containers.filter(
    (container) => isActive(container) && isStoppedService(stopped, container.service),
  )
  for (const container of withoutDependents(ending, services))
    draft.propose(
      halt(container, `service ${container.service} was stopped by the operator`, services[container.service]),
    )
}
