/** What the hardware of the device has for the services of an app, as the planner sees it. Pure. */
import type { Service } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import type { Allotment } from './allot.ts'
import { fits, madeFor, staleTargets } from './container-devices.ts'
import { type DeviceWish, matchText, wishesOfService } from './wish.ts'

export type AllottedHardware = {
  /** of every app, by the id of the wish */
  readonly allotments: ReadonlyMap<string, Allotment>
  /** what stands in running containers, by their id: since which start, and `major:minor` by target */
  readonly nodes: ReadonlyMap<string, { readonly startedAt: number; readonly nodes: Readonly<Record<string, string>> }>
  /** the folder of the alias nodes */
  readonly aliasFolder: string
  /** whether a device can follow into a running container */
  readonly canAttach: boolean
}

/** Of one container of a service. */
export type ServiceDevices = {
  /** of the selectors of the service, in their order; none where it asks for nothing */
  readonly allotments: readonly Allotment[]
  /** why it cannot start: a device that it must have is not there, or somebody else's */
  readonly missing?: Reason
}

export const serviceDevices = (
  place: Pick<DeviceWish, 'app' | 'service' | 'number'>,
  definition: Service,
  hardware: AllottedHardware | undefined,
): ServiceDevices => {
  if (hardware === undefined) return { allotments: [] }
  const wishes = wishesOfService(place, definition)
  const allotments = wishes
    .filter(({ isPlain }) => !isPlain)
    .map((wish): Allotment => hardware.allotments.get(wish.id) ?? { wish, given: [], missing: unknown(wish) })
  const missing = wishes
    .filter(({ selector }) => selector.required !== false)
    .flatMap(({ id }) => hardware.allotments.get(id)?.missing ?? [])[0]
  return { allotments, ...(missing === undefined ? {} : { missing }) }
}

/** Asked for since the hardware was looked at last; the next look knows. */
const unknown = ({ service, selector }: DeviceWish): Reason => ({
  code: 'device-missing',
  message: `service ${service} waits for ${matchText(selector.match)}`,
  path: `compose.services.${service}.x-longshore.devices`,
})

type Labelled = {
  readonly id: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  readonly details?: { readonly startedAt?: number } | undefined
}

/** Whether a container with this label can have what is allotted without being made anew. */
export const hasDevices = (label: string | undefined, { allotments }: ServiceDevices): boolean =>
  allotments.length === 0 || fits(madeFor(label), allotments)

/** Where a container that runs has another device than is allotted, and takes the new one only when it is restarted. */
export const staleDevices = (
  container: Labelled,
  label: string | undefined,
  { allotments }: ServiceDevices,
  hardware: AllottedHardware | undefined,
): string[] => {
  const seen = hardware?.nodes.get(container.id)
  const isOfThisStart = seen !== undefined && seen.startedAt === container.details?.startedAt
  if (container.state !== 'running' || !isOfThisStart) return []
  return staleTargets(madeFor(label), allotments, seen.nodes)
}
