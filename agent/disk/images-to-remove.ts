/** Which images nobody needs any more, of those that this agent brought to the device. Pure. */
import type { AppRecord } from '../store/app-record.ts'
import type { PulledImage } from '../store/device-record.ts'

export type ImagesToRemoveInput = {
  readonly records: readonly AppRecord[]
  /** what this agent pulled or loaded; nothing else is ever removed */
  readonly pulled: readonly PulledImage[]
  /** ids of the images of all containers of the agent, whatever their state */
  readonly inUse: ReadonlySet<string>
}

/** @returns ids, the image that was brought first at the front */
export const imagesToRemove = ({ records, pulled, inUse }: ImagesToRemoveInput): string[] => {
  const oldestFirst = [...pulled].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  const kept = new Set([...inUse, ...records.flatMap(idsOf), ...newestOf(records, oldestFirst)])
  return [...new Set(oldestFirst.map(({ id }) => id))].filter((id) => !kept.has(id))
}

/** Of the release that is to run, of the last good one, and of those that one can go back to. */
const idsOf = ({ accepted, lastGood, history = [] }: AppRecord): string[] =>
  [accepted, lastGood, ...history].flatMap((release) => Object.values(release?.images ?? {}))

/** What a pull for an accepted deployment has just brought stands in no record yet. */
const newestOf = (records: readonly AppRecord[], oldestFirst: readonly PulledImage[]): string[] => {
  const named = new Set(
    records.flatMap(({ accepted }) =>
      accepted === undefined || accepted.deployment.remove
        ? []
        : Object.values(accepted.deployment.compose.services).map(({ image }) => image),
    ),
  )
  const newest = new Map(oldestFirst.map(({ reference, id }) => [reference, id]))
  return [...newest].flatMap(([reference, id]) => (named.has(reference) ? [id] : []))
}
