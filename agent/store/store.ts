/** The store: records by key, read at start, written before anything is done about them. */
import type { Reason } from '../../src/protocol/reason.ts'
import type { AppRecord } from './app-record.ts'
import type { DeviceRecord } from './device-record.ts'

export type SetAside = { readonly app?: string; readonly reason: Reason }

export type Store = {
  readonly apps: () => readonly AppRecord[]
  readonly app: (name: string) => AppRecord | undefined
  /**
   * Changes one record and resolves when it is safe on disk; an equal record is not written. Calls for one app run one
   * after another, each on the result of the one before.
   * @throws LongshoreError disk-full or state-unusable when it cannot be written; nothing has changed then
   */
  readonly updateApp: (name: string, change: (record: AppRecord) => AppRecord) => Promise<AppRecord>
  readonly device: () => DeviceRecord
  /** What could not be understood when it was opened, and is still there; `app`: it was the record of that app. */
  readonly setAside: () => readonly SetAside[]
  readonly updateDevice: (change: (record: DeviceRecord) => DeviceRecord) => Promise<DeviceRecord>
}
