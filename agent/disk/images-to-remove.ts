/** Which images nobody needs any more, of those that this agent brought to the device. Pure. */
import type { AppRecord } from '../store/app-record.ts'
import type { PulledImage } from '../store/device-record.ts'

export type ImagesToRemoveInput = {
  readonly records: readonly AppRecord[]
  /** what this agent pulled or loaded, in this order: nothing else is ever removed. The clock may jump, so `at` says nothing */
  readonly pulled: readonly PulledImage[]
  /** ids of the images of all containers of the agent, whatever their state */
  readonly inUse: ReadonlySet<string>
}

/** @returns ids, the image that was brought first at the front */
export const imagesToRemove = ({ records, pulled, inUse }: ImagesToRemoveInput): string[] => {
  const kept = new Set([...inUse, ...records.flatMap(idsOf), ...newestOf(records, pulled)])
  return [...new Set(pulled.map(({ id }) => id))].filter((id) => !kept.has(id))
}

/** Of the release that is to run, of the last good one, and of those that one can go back to. */
const idsOf = ({ accepted, lastGood, history = [] }: AppRecord): string[] =>
  [accepted, lastGood, ...history].flatMap((release) => Object.values(release?.images ?? {}))

/** What a pull for an accepted deployment has just brought stands in no record yet. */
const newestOf = (records: readonly AppRecord[], pulled: readonly PulledImage[]): string[] => {
  const named = new Set(
    records.flatMap(({ accepted }) =>
      accepted === undefined || accepted.deployment.remove
        ? []
        : Object.values(accepted.deployment.compose.services).map(({ image }) => image),
    ),
  )
  const newest = new Map(pulled.map(({ reference, id }) => [reference, id]))
  return [...newest].flatMap(([reference, id]) => (named.has(reference) ? [id] : []))
}
