/** What the device is, read when it starts and when somebody asks; published when the broker may not have it. */
import { isDeepStrictEqual } from 'node:util'
import type { Inventory, PolicyStatus } from '../src/protocol/inventory.ts'
import type { Reason } from '../src/protocol/reason.ts'
import type { DeviceFeatures } from './allot/device-features.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { Hardware } from './devices/read-devices.ts'
import type { Engine } from './engine/engine.ts'
import type { Labels } from './labels.ts'

export type InventoryInput = {
  readonly engine: Pick<Engine, 'facts'>
  readonly hostFacts: () => Promise<HostFacts>
  /** what was found last */
  readonly hardware: () => Promise<Hardware>
  /** what can be done about it */
  readonly features: () => DeviceFeatures
  readonly agent: Inventory['agent']
  readonly labels: () => Labels
  readonly timeZone: () => string
  /** whom secrets for this device are encrypted for */
  readonly recipient: string | undefined
  /** what is wrong with it that somebody has to mend: of its state, of its id */
  readonly faults: () => readonly Reason[]
  readonly capabilities: () => string[]
  readonly policy: () => PolicyStatus
  /** @param forms of one message, the longest first */
  readonly publish: (forms: readonly Inventory[]) => Promise<void>
  readonly session: () => number
  readonly nowMs: () => number
}

export type InventoryPublisher = {
  readonly publish: () => Promise<void>
  /** Nothing where the broker has acknowledged the same before. */
  readonly publishChanged: () => Promise<void>
  /** Reads everything again, then publishes. */
  readonly refresh: () => Promise<void>
}

export const createInventory = (input: InventoryInput): InventoryPublisher => {
  let host: Promise<HostFacts> | undefined
  let acknowledged: object | undefined

  const read = async () => {
    const faults = input.faults()
    const labels = input.labels()
    host ??= input.hostFacts()
    // An engine that does not answer is a fact about the device, not a fault of the inventory.
    const [facts, hardware, engine] = await Promise.all([
      host,
      input.hardware(),
      input.engine.facts().catch(() => null),
    ])
    return {
      ...facts,
      devices: [...hardware.devices],
      features: { ...input.features() },
      networkInterfaces: [...hardware.networkInterfaces],
      disks: [...hardware.disks],
      ...(hardware.cdi.length === 0 ? {} : { cdi: [...hardware.cdi] }),
      engine: engine && { ...engine, runtimes: [...engine.runtimes] },
      ...(Object.keys(labels).length === 0 ? {} : { labels: { ...labels } }),
      agent: input.agent,
      timeZone: input.timeZone(),
      ...(input.recipient === undefined ? {} : { recipient: input.recipient }),
      ...(faults.length === 0 ? {} : { faults: [...faults] }),
      capabilities: input.capabilities(),
      policy: input.policy(),
    }
  }

  const sendOnce = async (isNeededUnchanged: boolean): Promise<void> => {
    const body = await read()
    if (!isNeededUnchanged && isDeepStrictEqual(body, acknowledged)) return
    const message = { schema: 1 as const, at: input.nowMs(), session: input.session(), ...body }
    const { devices: _, cdi: __, ...shorter } = message
    await input.publish([message, shorter])
    acknowledged = body
  }

  let turn: Promise<void> = Promise.resolve()
  /** One after the other: what was read earlier must not be retained last. */
  const send = (isNeededUnchanged: boolean): Promise<void> => {
    turn = turn.catch(() => undefined).then(() => sendOnce(isNeededUnchanged))
    return turn
  }
  const publish = (): Promise<void> => send(true)

  return {
    publish,
    publishChanged: () => send(false),
    refresh: async () => {
      host = undefined
      await publish()
    },
  }
}
