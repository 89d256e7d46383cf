/**
 * Keeps the hardware of the device with the services that asked for it. A look reads what there is and who wants what,
 * allots it, points the alias nodes at it, and follows it into the containers that run. Level-triggered: whatever
 * happens only says "look".
 */
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Model } from '../../src/compose/model.ts'
import type { HostDevice } from '../../src/protocol/host-device.ts'
import { LongshoreError, type Reason, reasonOf } from '../../src/protocol/reason.ts'
import { type Allotment, allot, deviceKey, lastingKey } from '../allot/allot.ts'
import type { AllottedHardware } from '../allot/allotted-hardware.ts'
import { aliasesOf, aliasName } from '../allot/container-devices.ts'
import { type AliasPlan, heldByAliases, planAliases } from '../allot/plan-aliases.ts'
import { type DeviceWish, wishesOf } from '../allot/wish.ts'
import { wishesOfRecords, withoutTwins } from '../allot/wishes-of-records.ts'
import type { AppRecord } from '../store/app-record.ts'
import type { AliasNodes } from './alias-nodes.ts'
import type { ContainerFollower, MadeContainer, SeenNodes } from './container-follower.ts'
import { withPathDevices } from './path-devices.ts'

export type DeviceKeeperInput = {
  /** what is plugged in now */
  readonly devices: () => Promise<readonly HostDevice[]>
  readonly records: () => readonly AppRecord[]
  /** what the policy has against a node */
  readonly refusal: (path: string) => Reason | undefined
  /** and against a rule for a whole major number */
  readonly followRefusal: (rule: string) => Reason | undefined
  readonly aliases: AliasNodes
  readonly follower: ContainerFollower
  /** false: what is plugged in is not seen from here, and a path under `devices` is the engine's alone */
  readonly seesDevices: boolean
  readonly canAttach: () => boolean
  /** what these apps have, or wait for, changed */
  readonly onChange: (apps: readonly string[]) => void
  readonly log: Logger
}

export type DeviceUser = { readonly app: string; readonly service: string }

export type DeviceKeeper = {
  /** Something was plugged in or out, or a container was started. */
  readonly look: () => void
  /** For the planner; undefined: no app asks for any. A model is judged as if the app had it. */
  readonly hardware: (app: string, model?: Model) => Promise<AllottedHardware | undefined>
  /** Who has a device, by `major:minor`. */
  readonly users: () => ReadonlyMap<string, readonly DeviceUser[]>
  readonly stop: () => Promise<void>
}

type Allotments = ReadonlyMap<string, Allotment>

export const createDeviceKeeper = (input: DeviceKeeperInput): DeviceKeeper => {
  const { aliases, follower, log } = input
  let held: Map<string, readonly (string | undefined)[]> | undefined
  let allotments: Allotments = new Map()
  let nodes: ReadonlyMap<string, SeenNodes> = new Map()
  /** what was asked for when the hardware was allotted last, and the nodes for it made */
  let asked: readonly DeviceWish[] = []
  /** as the engine told them last */
  let containers: readonly MadeContainer[] = []
  let isWanted = false
  let isStopped = false
  let running: Promise<void> | undefined

  const look = (): void => {
    if (isStopped) return
    isWanted = true
    running ??= looks().finally(() => {
      running = undefined
      // Asked for after the last look had begun to end.
      if (isWanted) look()
    })
  }

  const looks = async (): Promise<void> => {
    while (isWanted && !isStopped) {
      isWanted = false
      try {
        await lookOnce()
      } catch (error) {
        log.warn({ err: error, ...reasonOf(error) }, 'the hardware could not be allotted')
      }
    }
  }

  const lookOnce = async (): Promise<void> => {
    const ofRecords = wishesOfRecords(input.records())
    const isEngineThere = await readContainers()
    const wishes = withoutTwins([...ofRecords, ...containers.flatMap((container) => container.wishes)])
    const standing = await aliases.read()
    held ??= heldByAliases(standing)
    if (wishes.length === 0 && standing.size === 0 && allotments.size === 0) {
      asked = ofRecords
      return
    }
    const before = { allotments, nodes }
    const given = await allotTo(wishes)
    remember(given)
    const expected = new Map(containers.flatMap(({ wishes: own, made }) => [...aliasesOf(own, made)]))
    const { set, remove } = planAliases(given.values(), standing, expected)
    allotments = withoutUnmade(given, await setAliases(set))
    asked = ofRecords
    // Whose they are is not known while the engine does not tell its containers.
    if (isEngineThere) for (const name of remove) await aliases.remove(name)
    await followAll()
    const changed = changedApps(before, { allotments, nodes }, containers)
    if (changed.length > 0) input.onChange(changed)
  }

  /** Those that are known run on while the engine does not answer, and are reached without it. */
  const readContainers = async (): Promise<boolean> => {
    try {
      containers = await inTime(follower.containers())
      return true
    } catch (error) {
      log.debug({ ...reasonOf(error) }, 'the engine does not answer: the containers that are known are followed')
      return false
    }
  }

  /** @returns why not, by the name of each that could not be made: it is the trouble of one service only */
  const setAliases = async (set: AliasPlan['set']): Promise<ReadonlyMap<string, Reason>> => {
    const unmade = new Map<string, Reason>()
    for (const { name, ...node } of set)
      await aliases.set(name, node).catch((error: unknown) => {
        const { message } = reasonOf(error)
        unmade.set(name, { code: 'device-unfollowed', message: `${aliases.folder}/${name} cannot be made: ${message}` })
        log.warn({ name, ...node, err: error }, 'a node that stands for a device could not be made')
      })
    return unmade
  }

  const followAll = async (): Promise<void> => {
    const followed = await Promise.all(
      containers.map(async (container) => [container.id, await follower.follow(container, allotments)] as const),
    )
    nodes = new Map(followed.flatMap(([id, seen]) => (seen === undefined ? [] : [[id, seen]])))
  }

  const allotTo = async (wishes: readonly DeviceWish[]): Promise<Allotments> => {
    const { devices, others } = await withPathDevices(wishes, await input.devices())
    // The engine hands over a folder or a disk that is named by its path, and nobody waits for it.
    const isLeft = ({ selector }: DeviceWish): boolean => !input.seesDevices || others.has(selector.match.path ?? '')
    const followed = wishes.filter((wish) => !(wish.isPlain && isLeft(wish)))
    const { refusal, followRefusal } = input
    return allot({ wishes: followed, devices, held: held ?? new Map(), refusal, followRefusal })
  }

  /** What is away keeps its place until it comes back, under whatever number. */
  const remember = (given: Allotments): void => {
    held = new Map(
      [...given].map(([id, allotment]) => {
        const before = held?.get(id) ?? []
        const length = Math.max(before.length, allotment.given.length)
        const keyAt = (index: number): string | undefined => {
          const device = allotment.given[index]
          return device === undefined ? before[index] : lastingKey(device)
        }
        return [id, Array.from({ length }, (_, index) => keyAt(index))]
      }),
    )
  }

  const looked = async (): Promise<void> => {
    look()
    await running
  }

  return {
    look,
    hardware: async (app, model) => {
      if (!isDeepStrictEqual(wishesOfRecords(input.records()), asked)) await looked()
      const extra = model === undefined ? [] : wishesOf(app, model)
      if (allotments.size === 0 && extra.length === 0) return undefined
      const rest = [...allotments.values()].map(({ wish }) => (wish.app === app ? { ...wish, isOld: true } : wish))
      return {
        allotments: model === undefined ? allotments : await allotTo(withoutTwins([...extra, ...rest])),
        nodes,
        aliasFolder: aliases.folder,
        canAttach: input.canAttach(),
      }
    },
    users: () => {
      const users = new Map<string, DeviceUser[]>()
      for (const { wish, given } of allotments.values())
        for (const device of given) {
          if (device === undefined) continue
          const list = users.get(deviceKey(device)) ?? []
          const isKnown = list.some(({ app, service }) => app === wish.app && service === wish.service)
          if (!isKnown) users.set(deviceKey(device), [...list, { app: wish.app, service: wish.service }])
        }
      return users
    },
    stop: async () => {
      isStopped = true
      await running
    },
  }
}

/** A frozen engine keeps no device from those that run. */
const patienceMs = 5_000

const inTime = async <T>(answer: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new LongshoreError('engine-unreachable', `the engine has not answered for ${patienceMs / 1000} s`)
    timer = setTimeout(() => reject(error), patienceMs)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

/** Without its node, no engine starts the container. */
const withoutUnmade = (allotments: Allotments, unmade: ReadonlyMap<string, Reason>): Allotments =>
  new Map(
    [...allotments].map(([id, allotment]) => {
      const reasons = allotment.given.map((_, index) => unmade.get(aliasName(allotment.wish, index)))
      const missing = reasons.find((reason) => reason !== undefined)
      const given = allotment.given.map((device, index) => (reasons[index] === undefined ? device : undefined))
      return [id, missing === undefined ? allotment : { ...allotment, given, missing }]
    }),
  )

type Seen = { readonly allotments: Allotments; readonly nodes: ReadonlyMap<string, SeenNodes> }

const changedApps = (before: Seen, now: Seen, containers: readonly MadeContainer[]): string[] => {
  const ids = new Set([...before.allotments.keys(), ...now.allotments.keys()])
  const byWish = [...ids].flatMap((id) => {
    const [one, other] = [before.allotments.get(id), now.allotments.get(id)]
    return isDeepStrictEqual(one, other) ? [] : [(one ?? other)?.wish.app ?? '']
  })
  const byNode = containers.flatMap(({ id, wishes }) =>
    isDeepStrictEqual(before.nodes.get(id), now.nodes.get(id)) ? [] : wishes.map(({ app }) => app),
  )
  return [...new Set([...byWish, ...byNode])]
}
