/** What the device is, read when it starts and when somebody asks, published on each connection. */
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
  /** Reads everything again, then publishes. */
  readonly refresh: () => Promise<void>
}

export const createInventory = (input: InventoryInput): InventoryPublisher => {
  let host: Promise<HostFacts> | undefined

  const publish = async (): Promise<void> => {
    const faults = input.faults()
    host ??= input.hostFacts()
    // An engine that does not answer is a fact about the device, not a fault of the inventory.
    const [facts, engine] = await Promise.all([host, input.engine.facts().catch(() => null)])
    await input.publish({
      schema: 1,
      at: input.nowMs(),
      session: input.session(),
      ...facts,
      engine,
      agent: input.agent,
      timeZone: input.timeZone(),
      ...(input.recipient === undefined ? {} : { recipient: input.recipient }),
      ...(faults.length === 0 ? {} : { faults: [...faults] }),
      capabilities: input.capabilities(),
      policy: input.policy(),
    })
  }

  return {
    publish,
    refresh: async () => {
      host = undefined
      await publish()
    },
  }
}
