/** What keeps a deployment from touching what runs: the operator's hold. What is under way is not held up. Pure. */
import type { AppRecord } from '../store/app-record.ts'
import type { Gate } from './plan-contract.ts'

export type GatesInput = {
  readonly record: AppRecord
  /** epoch ms */
  readonly now: number
  /** ms of the clock that never jumps, at the same moment */
  readonly monotonicNow: number
}

export const gatesOf = ({ record, now, monotonicNow }: GatesInput): Gate[] => {
  const { accepted, hold } = record
  if (accepted === undefined || accepted.deployment.now === true) return []
  return hold === undefined || (hold.until !== undefined && hold.until <= now)
    ? []
    : [heldGate(hold, now, monotonicNow)]
}

const heldGate = (hold: NonNullable<AppRecord['hold']>, now: number, monotonicNow: number): Gate => {
  const until = hold.until === undefined ? '' : ` until ${new Date(hold.until).toISOString()}`
  const why = hold.reason === undefined ? '' : `: ${hold.reason}`
  return {
    reason: { code: 'held', message: `${hold.by} holds the app${until}${why}` },
    ...(hold.until === undefined ? {} : { wakeAt: monotonicNow + hold.until - now }),
  }
}
