/**
 * The heart: from what was decided and what there is, to what to do now. A pure function, called again after every
 * turn; no plan is stored. Only what can be done at once is in `operations`, and all of it may run side by side.
 *
 *   images here? → networks and volumes → every container made beforehand → swapped in order → watched → verdict
 */

import { planAssignment } from './plan-assignment.ts'
import type { Plan, PlanInput } from './plan-contract.ts'
import { planRemoval } from './plan-removal.ts'

export const plan = (input: PlanInput): Plan | undefined => {
  const { accepted } = input.record
  if (accepted === undefined) return undefined
  return accepted.deployment.remove
    ? planRemoval(input, accepted.deployment)
    : planAssignment(input, accepted, accepted.deployment)
}
