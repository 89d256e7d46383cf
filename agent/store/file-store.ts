/** The store in files: one JSON file an app and one for the device, each replaced as a whole or not at all. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { appRecordSchema, emptyRecord } from './app-record.ts'
import { type DeviceRecord, deviceRecordSchema, emptyDeviceRecord } from './device-record.ts'
import { openSetAside, readRecord, readRecords, replaceFile } from './record-file.ts'
import type { Store } from './store.ts'

/**
 * Reads what is there. A file that cannot be understood is set aside under another name and reported; the agent then
 * has the app's state from the retained messages and the container labels.
 * @throws LongshoreError state-unusable when the directory cannot be made or read
 */
export const openFileStore = async (directory: string, log: Logger): Promise<Store> => {
  const appsDirectory = join(directory, 'apps')
  try {
    await makeDirectory(appsDirectory)
  } catch (error) {
    throw new LongshoreError('state-unusable', `making the state directory ${directory}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const apps = await readRecords(appsDirectory, appRecordSchema, log)
  const devicePath = join(directory, 'device.json')
  let device: DeviceRecord = (await readRecord(devicePath, deviceRecordSchema, log)) ?? emptyDeviceRecord
  const deviceAside = await openSetAside(directory)
  const appsAside = await openSetAside(appsDirectory)
  const inTurn = turnstile()

  return {
    apps: () => [...apps.values()].sort((a, b) => (a.app < b.app ? -1 : 1)),
    app: (name) => apps.get(name),
    updateApp: (name, change) =>
      inTurn(name, async () => {
        const before = apps.get(name)
        const after = change(before ?? emptyRecord(name))
        if (!isDeepStrictEqual(before, after)) await replaceFile(join(appsDirectory, `${name}.json`), after)
        apps.set(name, after)
        return after
      }),
    device: () => device,
    setAside: () => [
      ...deviceAside().map(({ reason }) => ({ reason })),
      ...appsAside().map(({ name, reason }) => ({ app: name.replace(/\.json$/, ''), reason })),
    ],
    updateDevice: (change) =>
      // No app name has a dot, so this key is nobody else's.
      inTurn('device.json', async () => {
        const after = change(device)
        if (!isDeepStrictEqual(device, after)) await replaceFile(devicePath, after)
        device = after
        return after
      }),
  }
}

/** With its parents. Node's own recursive mkdir never ends where the kernel says ENOENT for good, as under /proc. */
const makeDirectory = async (path: string): Promise<void> => {
  const make = (): Promise<unknown> => mkdir(path, { mode: 0o700 })
  try {
    await make()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await make()
  }
}

/** Runs the work for one key one after another. A failure is the caller's, not the next one's. */
const turnstile = () => {
  const tails = new Map<string, Promise<unknown>>()
  return <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const result = (tails.get(key) ?? Promise.resolve()).then(work, work)
    tails.set(key, result)
    return result
  }
}
