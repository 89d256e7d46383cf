/**
 * What a container gets of the devices that were allotted to it, and whether one that is there has them. The label says
 * what it was made for: numbers of devices are no part of the spec digest. Pure.
 */
import { z } from 'zod'
import { barrierOf } from '../../src/compose/check-devices.ts'
import type { Service } from '../../src/compose/model.ts'
import { deviceSelectorSchema, replugSchema } from '../../src/compose/model-device-selectors.ts'
import type { MountSpec } from '../translate/container-spec.ts'
import type { DeviceSpec } from '../translate/host-spec.ts'
import { type Allotment, deviceKey, followRule, type NodeDevice } from './allot.ts'
import { type DeviceWish, targetOf, wishOf } from './wish.ts'

/** Of the container, what stands in it for the hardware that it asked for by what it is. */
export type ContainerDevices = {
  readonly devices: readonly DeviceSpec[]
  readonly mounts: readonly MountSpec[]
  readonly rules: readonly string[]
  /** groups of the nodes, for users that are not root */
  readonly groups: readonly string[]
  readonly capDrop: readonly string[]
  /** value of the label `devices` */
  readonly label: string
}

/** A selector as the container was made for it. A key that a later agent adds is no reason to make it anew. */
const madeForSchema = z.object({
  ...deviceSelectorSchema.shape,
  follow: replugSchema,
  given: z
    .array(z.union([z.int().nonnegative(), z.string(), z.null()]))
    .max(1_000)
    .describe('by index: the major number of a node, the pseudo-terminal that it mounts, or null: it was away'),
})
export type MadeFor = z.infer<typeof madeForSchema>

/** How a selector is followed where it does not say: as well as the device can. */
const followOf = ({ wish: { selector }, unfollowed }: Allotment, service: Service, canAttach: boolean): string => {
  const isDirect = selector.target.split('/').length === 3
  const mayFollow = canAttach && isDirect && unfollowed === undefined && barrierOf(service) === undefined
  return selector.onReplug ?? (mayFollow ? 'keep' : 'restart')
}

const isKept = (follow: string): boolean => follow !== 'restart'

export type DevicesInput = {
  readonly service: Service
  /** of its wishes, in their order */
  readonly allotments: readonly Allotment[]
  /** the folder of the alias nodes */
  readonly aliasFolder: string
  readonly canAttach: boolean
}

/** undefined: the service asks for none. */
export const containerDevices = (input: DevicesInput): ContainerDevices | undefined => {
  const { service, allotments, aliasFolder, canAttach } = input
  if (allotments.length === 0) return undefined
  const given = allotments.flatMap((allotment) =>
    allotment.given.flatMap((device, index) =>
      device === undefined
        ? []
        : [{ wish: allotment.wish, index, device, follow: followOf(allotment, service, canAttach) }],
    ),
  )
  const nodes = given.filter(({ device }) => !isTerminal(device))
  const kept = nodes.filter(({ follow }) => isKept(follow))
  return {
    devices: nodes.map(({ wish, index }) => ({
      source: `${aliasFolder}/${aliasName(wish, index)}`,
      target: targetOf(wish.selector, index),
      permissions: permissionsOf(wish),
    })),
    mounts: given
      .filter(({ device }) => isTerminal(device))
      .map(({ wish, index, device }) => ({
        type: 'bind',
        source: device.node,
        target: targetOf(wish.selector, index),
        readOnly: false,
        createHostPath: false,
      })),
    rules: [...new Set(kept.map(({ wish, device }) => followRule(wish, device)))].sort(),
    groups: [...new Set(given.flatMap(({ device: { gid = 0 } }) => (gid === 0 ? [] : [String(gid)])))].sort(),
    // With a rule for a whole major, whoever may make nodes reaches all of its devices.
    capDrop: kept.length === 0 ? [] : ['MKNOD'],
    label: JSON.stringify(
      allotments.map(
        (allotment): MadeFor => ({
          ...allotment.wish.selector,
          follow: followOf(allotment, service, canAttach),
          given: allotment.given.map((device) => (device === undefined ? null : markOf(device))),
        }),
      ),
    ),
  }
}

export const aliasName = ({ id }: DeviceWish, index: number): string => `${id}-${index}`

const permissionsOf = ({ selector: { permissions = 'rw' } }: DeviceWish): string => permissions

/** A pseudo-terminal lives in one instance of devpts: no node leads to it from elsewhere, and its file can be mounted. */
export const isTerminal = (device: NodeDevice): boolean => device.class === 'pty'

const markOf = (device: NodeDevice): number | string => (isTerminal(device) ? device.node : device.major)

/** What a container was made for; none where the label is absent, or of another version. */
export const madeFor = (label: string | undefined): readonly MadeFor[] => {
  if (label === undefined) return []
  try {
    return z.array(madeForSchema).parse(JSON.parse(label))
  } catch {
    return []
  }
}

/** The wishes of a container that is there. */
export const wishesOfContainer = (
  place: Pick<DeviceWish, 'app' | 'service' | 'number'>,
  made: readonly MadeFor[],
  isOld: boolean,
): DeviceWish[] => made.map(({ follow: _, given: __, ...selector }) => wishOf(place, selector, { isOld }))

/** Whether the container can have what is allotted now without being made anew. What is away may come back. */
export const fits = (made: readonly MadeFor[], allotments: readonly Allotment[]): boolean =>
  allotments.every(({ wish, given }) => {
    const one = made.find(({ target }) => target === wish.selector.target)
    return one !== undefined && given.every((device, index) => device === undefined || fitsOne(one, device, index))
  })

const fitsOne = ({ follow, given }: MadeFor, device: NodeDevice, index: number): boolean => {
  if (isTerminal(device)) return given[index] === device.node
  // Restarted for it, it finds whatever its alias stands for by then.
  return isKept(follow) ? given.includes(device.major) : typeof given[index] === 'number'
}

/** A node that the container should have, or should have no longer, at a name directly under its /dev. */
export type WantedNode = { readonly target: string; readonly device: NodeDevice | undefined; readonly follow: string }

/** What is followed into a running container: with `keep`, each target and what should stand there. */
export const nodesToKeep = (made: readonly MadeFor[], allotments: readonly Allotment[]): WantedNode[] =>
  allotments.flatMap(({ wish, given }) => {
    const one = made.find(({ target }) => target === wish.selector.target)
    if (one === undefined || !isKept(one.follow) || one.given.some((mark) => typeof mark === 'string')) return []
    const length = Math.max(given.length, one.given.length)
    return Array.from({ length }, (_, index) => ({
      target: targetOf(wish.selector, index),
      // What the rules of the container do not let through is no use to it: it is made anew.
      device: one.given.includes(given[index]?.major ?? -1) ? given[index] : undefined,
      follow: one.follow,
    }))
  })

/** For people: what stands behind each target; no node: it is away. */
export const givenDevices = (
  made: readonly MadeFor[],
  allotments: readonly Allotment[],
): { target: string; node?: string }[] =>
  made.flatMap((one) => {
    const { given } = allotments.find(({ wish }) => wish.selector.target === one.target) ?? { given: [] }
    return Array.from({ length: Math.max(given.length, one.given.length) }, (_, index) => {
      const node = given[index]?.node
      return { target: targetOf(one, index), ...(node === undefined ? {} : { node }) }
    })
  })

/** The aliases that an engine looks up when it starts the container, with the major number that it was made for. */
export const aliasesOf = (wishes: readonly DeviceWish[], made: readonly MadeFor[]): Map<string, number> =>
  new Map(
    wishes.flatMap((wish) => {
      const given = made.find(({ target }) => target === wish.selector.target)?.given ?? []
      return given.flatMap((mark, index): [string, number][] =>
        typeof mark === 'number' ? [[aliasName(wish, index), mark]] : [],
      )
    }),
  )

/**
 * What a container that is restarted for a device has other than is allotted.
 *
 * @param nodes `major:minor` by target, as they stand in the container; absent: not read yet. An alias stands for what is
 *   away, so a target with no node at all was emptied by the container itself: a restart each time would never end
 */
export const staleTargets = (
  made: readonly MadeFor[],
  allotments: readonly Allotment[],
  nodes: Readonly<Record<string, string>> | undefined,
): string[] =>
  nodes === undefined
    ? []
    : allotments.flatMap(({ wish, given }) => {
        const one = made.find(({ target }) => target === wish.selector.target)
        if (one === undefined) return []
        return given.flatMap((device, index) => {
          const target = targetOf(wish.selector, index)
          const stands = nodes[target]
          if (device === undefined || stands === deviceKey(device)) return []
          // A terminal is mounted, and its mount goes with it, whatever has its number by then.
          return isTerminal(device) || (!isKept(one.follow) && stands !== undefined) ? [target] : []
        })
      })
