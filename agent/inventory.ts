/** What the device is, read when it starts and when somebody asks; published when the broker may not have it. */
import { isDeepStrictEqual } from 'node:util'
import type { Inventory, PolicyStatus } from '../src/protocol/inventory.ts'
import type { Reason } from '../src/protocol/reason.ts'
import type { HostFacts } from './devices/host-facts.ts'
import type { Engine } from './engine/engine.ts'

export type InventoryInput = {
  readonly engine: Pick<Engine, 'facts'>
  readonly hostFacts: () => Promise<HostFacts>
  readonly agent: Inventory['agent']
  readonly timeZone: () => string
  /** whom secrets for this device are encrypted for */
  readonly recipient: string | undefined
  /** what is wrong with it that somebody has to mend: of its state, of its id */
  readonly faults: () => readonly Reason[]
  readonly capabilities: () => string[]
  readonly policy: () => PolicyStatus
  readonly publish: (message: Inventory) => Promise<void>
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
    host ??= input.hostFacts()
    // An engine that does not answer is a fact about the device, not a fault of the inventory.
    const [facts, engine] = await Promise.all([host, input.engine.facts().catch(() => null)])
    return {
      ...facts,
      engine,
      agent: input.agent,
      timeZone: input.timeZone(),
      ...(input.recipient === undefined ? {} : { recipient: input.recipient }),
      ...(faults.length === 0 ? {} : { faults: [...faults] }),
      capabilities: input.capabilities(),
      policy: input.policy(),
    }
  }

  const send = async (isNeededUnchanged: boolean): Promise<void> => {
    const body = await read()
    if (!isNeededUnchanged && isDeepStrictEqual(body, acknowledged)) return
    await input.publish({ schema: 1, at: input.nowMs(), session: input.session(), ...body })
    acknowledged = body
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
