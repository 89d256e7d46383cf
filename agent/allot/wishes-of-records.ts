/** Who asks for hardware: every app that was accepted, the first one first, and what it has that is to be replaced. Pure. */
import { targetOf } from '../reconcile/target.ts'
import type { AppRecord } from '../store/app-record.ts'
import { type DeviceWish, wishesOf } from './wish.ts'

export const wishesOfRecords = (records: readonly AppRecord[]): DeviceWish[] =>
  withoutTwins(
    [...records]
      .sort((one, other) => (one.accepted?.at ?? 0) - (other.accepted?.at ?? 0))
      .flatMap((record) => {
        const { app, accepted, lastGood } = targetOf(record)
        const deployment = accepted?.deployment
        return [
          ...(deployment === undefined || deployment.remove ? [] : wishesOf(app, deployment.compose)),
          ...(lastGood === undefined ? [] : wishesOf(app, lastGood.compose, true)),
        ]
      }),
  )

/** The same wish twice is one: the first says whether it is old. */
export const withoutTwins = (wishes: readonly DeviceWish[]): DeviceWish[] => {
  const seen = new Set<string>()
  return wishes.filter(({ id }) => !seen.has(id) && seen.add(id))
}
