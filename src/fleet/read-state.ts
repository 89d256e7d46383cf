/** What the broker retains about devices and apps, read into messages. What does not parse is left out, and counted. */
import type { z } from 'zod'
import { type BridgeStatus, bridgeStatusSchema } from '../protocol/bridge.ts'
import { type Deployment, deploymentSchema } from '../protocol/deployment.ts'
import { type Inventory, inventorySchema } from '../protocol/inventory.ts'
import { readPayload } from '../protocol/payload.ts'
import { type Reported, reportedSchema } from '../protocol/reported.ts'
import { type Status, statusSchema } from '../protocol/status.ts'
import type { Topics } from '../protocol/topics.ts'

export type AppState = { readonly desired?: Deployment; readonly reported?: Reported }

export type DeviceState = {
  readonly device: string
  readonly status?: Status
  readonly inventory?: Inventory
  readonly apps: ReadonlyMap<string, AppState>
  /** That of a site on its way here, which is offline: how the device is now, nobody knows. Only if the statuses of bridges were read. */
  readonly silentBridge?: BridgeStatus
}

/** A broker may hold far more than a device takes; the cap of a device is not the reader's. */
const maxBytes = 16 * 1024 * 1024

/** Devices by id, sorted; each with what was found of it. */
export const readState = (topics: Topics, retained: ReadonlyMap<string, Buffer>): Map<string, DeviceState> => {
  const devices = new Map<
    string,
    { device: string; status?: Status; inventory?: Inventory; apps: Map<string, AppState>; silentBridge?: BridgeStatus }
  >()
  const silent = new Map<string, BridgeStatus>()
  for (const [topic, payload] of [...retained].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const site = topics.parseBridgeStatus(topic)
    if (site !== undefined) assign(payload, bridgeStatusSchema, (bridge) => bridge.online || silent.set(site, bridge))
    const parsed = topics.parse(topic)
    if (parsed === undefined) continue
    const device = devices.get(parsed.device) ?? { device: parsed.device, apps: new Map<string, AppState>() }
    devices.set(parsed.device, device)
    switch (parsed.kind) {
      case 'status':
        assign(payload, statusSchema, (status) => Object.assign(device, { status }))
        break
      case 'inventory':
        assign(payload, inventorySchema, (inventory) => Object.assign(device, { inventory }))
        break
      case 'desired':
        assign(payload, deploymentSchema, (desired) =>
          device.apps.set(parsed.app, { ...device.apps.get(parsed.app), desired }),
        )
        break
      case 'reported':
        assign(payload, reportedSchema, (reported) =>
          device.apps.set(parsed.app, { ...device.apps.get(parsed.app), reported }),
        )
        break
      case 'secret':
      case 'command':
      case 'progress':
      case 'reply':
        break
    }
  }
  for (const device of devices.values()) {
    const site = device.status?.via?.find((one) => silent.has(one))
    if (site !== undefined) Object.assign(device, { silentBridge: silent.get(site) })
  }
  return devices
}

const assign = <T>(payload: Buffer, schema: z.ZodType<T>, set: (value: T) => void): void => {
  const read = readPayload(schema, payload, maxBytes)
  if (read.ok) set(read.value)
}
