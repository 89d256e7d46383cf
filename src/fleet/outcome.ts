/** When a wait for a deployment is over, and how. Pure. */
import type { Deployment } from '../protocol/deployment.ts'
import type { WireReason } from '../protocol/reason.ts'
import type { Reported } from '../protocol/reported.ts'

export type Ending = {
  readonly isSuccess: boolean
  /** succeeded, rolled-back, failed, superseded, rejected, stale, conflict */
  readonly outcome: string
  readonly reason?: WireReason
}

/** undefined: not over yet. `before` is what the device had reported when the deployment was sent. */
export const endingOf = (
  deployment: Pick<Deployment, 'generation'>,
  reported: Reported,
  before: Reported | undefined,
): Ending | undefined => {
  const { generation } = deployment
  const { refused } = reported
  const isOurs =
    refused?.generation === undefined ? refused?.at !== before?.refused?.at : refused.generation === generation
  if (refused !== undefined && isOurs) return { isSuccess: false, outcome: refused.outcome, reason: refused.reason }
  if (reported.generation === null || reported.generation < generation) return undefined
  if (reported.generation > generation) return { isSuccess: false, outcome: 'superseded' }
  if (reported.outcome === undefined) return undefined
  const reason = reported.reason === undefined ? {} : { reason: reported.reason }
  return { isSuccess: reported.outcome === 'succeeded', outcome: reported.outcome, ...reason }
}
