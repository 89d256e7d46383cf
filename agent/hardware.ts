/** The hardware of the device: followed, told of, and kept with the services that asked for it. */
import type { Logger } from 'pino'
import type { HostDevice } from '../src/protocol/host-device.ts'
import { type DeviceFeatures, deviceFeatures } from './allot/device-features.ts'
import { createAppLooks } from './app-look-pace.ts'
import { createContainerFollower } from './devices/container-follower.ts'
import { deviceChanges } from './devices/device-changes.ts'
import { createDeviceKeeper, type DeviceKeeper } from './devices/device-keeper.ts'
import type { DeviceNodes } from './devices/device-nodes.ts'
import type { HardwareFollower } from './devices/follow-hardware.ts'
import type { Hardware } from './devices/read-devices.ts'
import type { Engine, EngineEvent } from './engine/engine.ts'
import type { Events } from './events/events.ts'
import { hardwareEvents } from './events/hardware-events.ts'
import { createInventoryPacer } from './inventory-pace.ts'
import { deviceRefusal, followRefusal } from './policy/judge-device.ts'
import type { PolicyInForce } from './policy/policy-in-force.ts'
import type { Store } from './store/store.ts'
import { label } from './translate/engine-names.ts'

export type AgentHardwareInput = {
  readonly device: string
  readonly engine: Engine
  readonly follower: HardwareFollower
  readonly nodes: DeviceNodes
  readonly store: Pick<Store, 'apps'>
  readonly policy: () => PolicyInForce
  readonly events: Pick<Events, 'tell'>
  /** what this app has, or waits for, changed */
  readonly onChange: (app: string) => void
  /** of what the inventory says something changed */
  readonly publishInventory: () => void
  readonly monotonicMs: () => number
  readonly log: Logger
}

export type AgentHardware = {
  /** What there is, with who has it. */
  readonly current: () => Promise<Hardware>
  readonly allotted: DeviceKeeper['hardware']
  readonly features: () => DeviceFeatures
  /** What is wanted or allowed may have changed. */
  readonly look: () => void
  readonly start: () => void
  readonly stop: () => Promise<void>
  /** The engine answers again: it may be another one. */
  readonly onEngine: () => Promise<void>
  readonly onEngineEvent: (event: EngineEvent) => void
}

export const createAgentHardware = (input: AgentHardwareInput): AgentHardware => {
  const { engine, follower, nodes, log } = input
  // A deployment may come before the engine answers, and what it may ask for is known without.
  let features = deviceFeatures(nodes.access)

  const readFeatures = async (): Promise<void> => {
    const facts = await engine.facts().catch(() => undefined)
    features = deviceFeatures({ ...nodes.access, userNamespaces: facts?.userNamespaces })
    for (const [feature, { available, reason }] of Object.entries(features))
      if (!available) log.debug({ feature, reason }, 'cannot be done on this device')
  }

  const { monotonicMs } = input
  const pacer = createInventoryPacer({ publish: input.publishInventory, monotonicMs })
  const looks = createAppLooks({ look: input.onChange, monotonicMs })

  const keeper = createDeviceKeeper({
    devices: async () => (await follower.current()).devices,
    records: input.store.apps,
    refusal: (path) => deviceRefusal(path, input.policy()),
    followRefusal: (rule) => followRefusal(rule, input.policy()),
    aliases: nodes.aliases,
    follower: createContainerFollower({ engine, agent: input.device, withDev: nodes.withDev, log }),
    seesDevices: !nodes.access.isDevOfContainer,
    canAttach: () => features.liveAttach.available,
    onChange: (apps) => {
      looks.soon(apps)
      pacer.soon()
    },
    log,
  })

  const onHardwareChange = (before: Hardware, after: Hardware): void => {
    for (const event of hardwareEvents(deviceChanges(before.devices, after.devices))) {
      log.info({ ...event.hardware }, event.kind)
      void input.events.tell(event)
    }
    pacer.soon()
  }

  const withUsers = (device: HostDevice): HostDevice => {
    const usedBy = keeper.users().get(`${device.major}:${device.minor}`)
    return usedBy === undefined ? device : { ...device, usedBy: [...usedBy] }
  }

  return {
    current: async () => {
      const found = await follower.current()
      return { ...found, devices: found.devices.map(withUsers) }
    },
    allotted: keeper.hardware,
    features: () => features,
    look: keeper.look,
    start: () => {
      void readFeatures().then(keeper.look)
      follower.start(onHardwareChange, keeper.look)
    },
    stop: async () => {
      follower.stop()
      await keeper.stop()
      pacer.stop()
      looks.stop()
    },
    onEngine: async () => {
      await readFeatures()
      keeper.look()
    },
    onEngineEvent: ({ subject, action, labels }) => {
      const isOurs = labels[label.agent] === input.device && labels[label.devices] !== undefined
      if (subject === 'container' && isOurs && moments.has(action)) keeper.look()
    },
  }
}

/** A container has its devices from its start on, and needs them no longer after it was removed. */
const moments = new Set(['start', 'destroy', 'remove'])
