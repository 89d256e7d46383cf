/** Follows hardware into the containers that run: the node goes away when the device does, and is back when it is. */
import type { Logger } from 'pino'
import { reasonOf } from '../../src/protocol/reason.ts'
import { type Allotment, deviceKey } from '../allot/allot.ts'
import { givenDevices, type MadeFor, madeFor, nodesToKeep, wishesOfContainer } from '../allot/container-devices.ts'
import type { DeviceWish } from '../allot/wish.ts'
import type { Engine } from '../engine/engine.ts'
import { label } from '../translate/engine-names.ts'
import type { ContainerDev, RunningContainer, withContainerDev } from './container-dev.ts'

/** A container that was made for hardware. */
export type MadeContainer = {
  readonly id: string
  readonly wishes: readonly DeviceWish[]
  readonly made: readonly MadeFor[]
  /** absent: it does not run */
  readonly running?: RunningContainer & { readonly startedAt: number }
}

/** What stands in a running container at its targets, as `major:minor`. */
export type SeenNodes = { readonly startedAt: number; readonly nodes: Readonly<Record<string, string>> }

export type ContainerFollower = {
  /** @throws LongshoreError of the engine */
  readonly containers: () => Promise<readonly MadeContainer[]>
  /** Puts what is allotted into it, and tells what stands there then; undefined: it cannot be reached. */
  readonly follow: (
    container: MadeContainer,
    allotments: ReadonlyMap<string, Allotment>,
  ) => Promise<SeenNodes | undefined>
}

export type ContainerFollowerInput = {
  readonly engine: Pick<Engine, 'list' | 'details' | 'signalContainer'>
  readonly agent: string
  readonly log: Logger
  readonly withDev: typeof withContainerDev
}

export const createContainerFollower = ({
  engine,
  agent,
  log,
  withDev,
}: ContainerFollowerInput): ContainerFollower => ({
  containers: async () => {
    const { containers } = await engine.list({ agent })
    const made = containers.filter(({ labels }) => labels[label.devices] !== undefined)
    return Promise.all(
      made.map(async ({ id, labels, state }): Promise<MadeContainer> => {
        const place = {
          app: labels[label.app] ?? '',
          service: labels[label.service] ?? '',
          number: Number(labels[label.number] ?? '1'),
        }
        const selectors = madeFor(labels[label.devices])
        const details = state === 'running' ? await engine.details(id) : undefined
        const { pid = 0, startedAt = 0 } = details?.state === 'running' ? details : {}
        const base = { id, made: selectors, wishes: wishesOfContainer(place, selectors, true) }
        return pid === 0 ? base : { ...base, running: { id, pid, startedAt } }
      }),
    )
  },

  follow: async ({ id, made, wishes, running }, allotments) => {
    if (running === undefined) return undefined
    const own = wishes.flatMap((wish) => allotments.get(wish.id) ?? [])
    const wanted = new Map(nodesToKeep(made, own).map((node) => [node.target, node]))
    const signals = new Set<string>()
    try {
      const nodes = await withDev(running, async (dev) => {
        const seen: Record<string, string> = {}
        for (const { target } of givenDevices(made, own)) {
          const name = target.slice('/dev/'.length)
          const { device, follow } = wanted.get(target) ?? {}
          const stands = await keyAt(dev, name)
          const shouldStand = device === undefined ? undefined : deviceKey(device)
          if (!wanted.has(target) || stands === shouldStand) {
            if (stands !== undefined) seen[target] = stands
            continue
          }
          if (device === undefined) await dev.detach(name)
          else {
            const { major, minor, gid = 0 } = device
            await dev.attach(name, { major, minor, gid, mode: 0o660 })
            seen[target] = deviceKey(device)
            if (follow?.startsWith('signal:')) signals.add(follow.slice('signal:'.length))
          }
          log.info(
            { container: id, target, device: device?.node, was: stands },
            `device ${device === undefined ? 'away' : 'there'}`,
          )
        }
        return seen
      })
      for (const signal of signals)
        await engine.signalContainer(id, signal).catch((error: unknown) => {
          log.warn({ container: id, signal, ...reasonOf(error) }, 'it could not be told that its device is there')
        })
      return { startedAt: running.startedAt, nodes }
    } catch (error) {
      log.warn({ container: id, ...reasonOf(error) }, 'its devices cannot be followed')
      return undefined
    }
  },
})

const keyAt = async (dev: ContainerDev, name: string): Promise<string | undefined> => {
  const node = await dev.read(name)
  return node && deviceKey(node)
}
