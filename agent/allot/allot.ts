/**
 * Who gets which device. What somebody has stays his while it is there; what is free goes to the first that was
 * accepted. Two exclusive wishes never share one. Pure.
 */
import { defined } from '../../src/defined.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { matchesDevice } from './match-device.ts'
import { type DeviceWish, matchText } from './wish.ts'

/** A device with a node: what can be handed to a container. */
export type NodeDevice = HostDevice & { readonly node: string; readonly major: number; readonly minor: number }

export type Allotment = {
  readonly wish: DeviceWish
  /** by index of the target; a gap is a device that was there and is away */
  readonly given: readonly (NodeDevice | undefined)[]
  /** why it is less than was asked for */
  readonly missing?: Reason
  /** what the policy has against following it into a container that runs */
  readonly unfollowed?: Reason
}

export type AllotInput = {
  /** in the order in which their apps were accepted */
  readonly wishes: readonly DeviceWish[]
  readonly devices: readonly HostDevice[]
  /** what a wish had last, by index: its `lastingKey`, or only `major:minor` after the agent was started again */
  readonly held: ReadonlyMap<string, readonly (string | undefined)[]>
  /** what the policy of the device has against a node */
  readonly refusal: (path: string) => Reason | undefined
  /** and against a rule for a whole major number */
  readonly followRefusal: (rule: string) => Reason | undefined
}

/** What lets a container have the device whatever minor number it has next. */
export const followRule = ({ selector: { permissions = 'rw' } }: DeviceWish, { major }: NodeDevice): string =>
  `c ${major}:* ${permissions}`

export const deviceKey = ({ major, minor }: Pick<NodeDevice, 'major' | 'minor'>): string => `${major}:${minor}`

/** The socket that it is plugged into, which outlasts that the kernel counts anew; else its numbers. */
export const lastingKey = (device: NodeDevice): string => device.byPath?.[0] ?? deviceKey(device)

/** @returns by the id of the wish */
export const allot = (input: AllotInput): ReadonlyMap<string, Allotment> => {
  // Whoever is to be replaced has no say over the rest of his app, and comes last.
  const wishes = [...input.wishes.filter(({ isOld }) => !isOld), ...input.wishes.filter(({ isOld }) => isOld)]
  const devices = input.devices.filter(hasNode)
  const takers = new Map<string, DeviceWish[]>()
  const given = new Map<string, (NodeDevice | undefined)[]>()
  const candidates = new Map(
    wishes.map((wish) => [wish.id, devices.filter((device) => matchesDevice(wish.selector.match, device))]),
  )
  const mayHave = (wish: DeviceWish, device: NodeDevice): boolean =>
    refusalOf(wish, device, input) === undefined && rivalFor(wish, device, takers) === undefined
  const take = (wish: DeviceWish, index: number, device: NodeDevice): void => {
    const list = given.get(wish.id) ?? []
    while (list.length <= index) list.push(undefined)
    list[index] = device
    given.set(wish.id, list)
    takers.set(deviceKey(device), [...(takers.get(deviceKey(device)) ?? []), wish])
  }

  for (const wish of wishes)
    for (const [index, key] of (input.held.get(wish.id) ?? []).entries()) {
      const device = candidates.get(wish.id)?.find((one) => lastingKey(one) === key || deviceKey(one) === key)
      if (device !== undefined && index < mostOf(wish) && mayHave(wish, device)) take(wish, index, device)
    }
  for (const wish of wishes)
    for (const device of candidates.get(wish.id) ?? []) {
      const list = given.get(wish.id) ?? []
      if (list.includes(device)) continue
      const gap = list.indexOf(undefined)
      const index = gap < 0 ? list.length : gap
      if (index < mostOf(wish) && mayHave(wish, device)) take(wish, index, device)
    }
  return new Map(
    wishes.map((wish) => {
      const list = given.get(wish.id) ?? []
      const missing = missingReason(wish, list, candidates.get(wish.id) ?? [], input, takers)
      const unfollowed = list.flatMap((device) => (device && unfollowedReason(wish, device, input)) ?? [])[0]
      return [wish.id, { wish, given: list, ...defined({ missing, unfollowed }) }]
    }),
  )
}

/** Where it must follow, it is not to be had without. */
const refusalOf = (wish: DeviceWish, device: NodeDevice, input: AllotInput): Reason | undefined => {
  const { onReplug = 'restart' } = wish.selector
  return input.refusal(device.node) ?? (onReplug === 'restart' ? undefined : unfollowedReason(wish, device, input))
}

/** A pseudo-terminal is mounted, and has no rule. */
const unfollowedReason = (wish: DeviceWish, device: NodeDevice, input: AllotInput): Reason | undefined =>
  wish.isPlain || device.class === 'pty' ? undefined : input.followRefusal(followRule(wish, device))

const hasNode = (device: HostDevice): device is NodeDevice =>
  device.node !== undefined && device.major !== undefined && device.minor !== undefined

const mostOf = ({ selector: { count = 1 } }: DeviceWish): number => (count === 'all' ? Number.POSITIVE_INFINITY : count)

const isExclusive = ({ selector }: DeviceWish, device: HostDevice): boolean =>
  selector.exclusive ?? ['serial', 'pty'].includes(device.class)

/** Who has it and will not share it, or would have to and is not asked. */
const rivalFor = (
  wish: DeviceWish,
  device: NodeDevice,
  takers: ReadonlyMap<string, readonly DeviceWish[]>,
): DeviceWish | undefined =>
  takers
    .get(deviceKey(device))
    ?.find(
      (other) =>
        other.id !== wish.id &&
        !(other.app === wish.app && (other.isOld || wish.isOld)) &&
        (isExclusive(other, device) || isExclusive(wish, device)),
    )

const missingReason = (
  wish: DeviceWish,
  given: readonly (NodeDevice | undefined)[],
  candidates: readonly NodeDevice[],
  input: AllotInput,
  takers: ReadonlyMap<string, readonly DeviceWish[]>,
): Reason | undefined => {
  const { service, selector } = wish
  const count = given.filter((device) => device !== undefined).length
  const least = selector.count === 'all' ? 1 : (selector.count ?? 1)
  if (count >= least) return undefined
  const path = `compose.services.${service}.${wish.isPlain ? 'devices' : 'x-longshore.devices'}`
  const wanted = wish.isPlain ? `device ${selector.match.path}` : matchText(selector.match)
  const many = least === 1 ? '' : `, of which it needs ${least} and has ${count}`
  for (const device of candidates) {
    const rival = rivalFor(wish, device, takers)
    const holder =
      rival && (rival.app === wish.app ? `service ${rival.service}` : `service ${rival.service} of app ${rival.app}`)
    if (holder !== undefined) {
      const message = `service ${service} waits for ${wanted}${many}: ${device.node} is held by ${holder}`
      return { code: 'device-claimed', message, path }
    }
    const refused = refusalOf(wish, device, input)
    if (refused !== undefined) return { ...refused, path }
  }
  const absent = wish.isPlain ? 'it is not there' : `${count === 0 ? 'none' : 'no other'} is plugged in`
  const message = `service ${service} waits for ${wanted}${many}: ${absent}`
  return { code: 'device-missing', message, path }
}
