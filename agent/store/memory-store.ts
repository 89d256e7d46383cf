/** The store in memory, for the simulated agent of tests and capacity planning. Passes the same contract suite. */
import { type AppRecord, emptyRecord } from './app-record.ts'
import { type DeviceRecord, emptyDeviceRecord } from './device-record.ts'
import type { Store } from './store.ts'

export const memoryStore = (): Store => {
  const apps = new Map<string, AppRecord>()
  let device: DeviceRecord = emptyDeviceRecord
  return {
    apps: () => [...apps.values()].sort((a, b) => (a.app < b.app ? -1 : 1)),
    app: (name) => apps.get(name),
    updateApp: async (name, change) => {
      const after = change(apps.get(name) ?? emptyRecord(name))
      apps.set(name, after)
      return after
    },
    device: () => device,
    setAside: () => [],
    updateDevice: async (change) => {
      device = change(device)
      return device
    },
  }
}
