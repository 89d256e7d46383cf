/** `known-devices.json` beside the contexts: the keys of devices, pinned at first use. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Fleet } from '../fleet/fleet.ts'
import {
  type DeviceKey,
  type KnownDevices,
  keyOf,
  knownDevicesSchema,
  noKnownDevices,
  pin,
  pinnedRecipient,
} from '../fleet/known-devices.ts'
import { readRecipient } from '../fleet/recipient.ts'
import { describeIssue } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import { contextDirectory } from './context.ts'
import { remark } from './output.ts'

export type Where = { readonly broker: string; readonly root: string }

const fileName = (): string => join(contextDirectory(), 'known-devices.json')

/**
 * The key that secrets for the device are sealed for: what it publishes, if that is what was pinned, or is pinned now.
 * @throws LongshoreError recipient-changed, recipient-missing, recipient-invalid, config-invalid, file-unreadable,
 * state-unusable
 */
export const trustedRecipient = async (fleet: Fleet, where: Where, device: string, now: number): Promise<string> => {
  const key = keyOf(where.broker, where.root, device)
  const published = await readRecipient(fleet, device)
  const pinned = await readPin(key)
  if (pinned === published) return published
  if (pinned !== undefined)
    throw new LongshoreError(
      'recipient-changed',
      `${device}: it publishes the key ${published}, and ${pinned} is pinned`,
    )
  await writePin(key, published, now)
  remark(`${device}: first secret from here, its key ${published} is pinned`)
  return published
}

export const readPin = async (key: DeviceKey): Promise<string | undefined> =>
  pinnedRecipient(await readKnownDevices(), key)

/** @throws LongshoreError state-unusable when it cannot be written */
export const writePin = async (key: DeviceKey, recipient: string, now: number): Promise<void> => {
  // Read again, right before: another command may have pinned another device.
  const file = fileName()
  const text = `${JSON.stringify(pin(await readKnownDevices(), key, recipient, now), undefined, 2)}\n`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await replaceFile(file, text)
  } catch (error) {
    throw new LongshoreError('state-unusable', `${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A file that is there and cannot be read is an error: taken for empty, it would trust any key. */
const readKnownDevices = async (): Promise<KnownDevices> => {
  const file = fileName()
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return noKnownDevices
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new LongshoreError('config-invalid', `the file is not JSON: ${(error as Error).message}`, {
      place: { file },
      cause: error,
    })
  }
  const parsed = knownDevicesSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new LongshoreError('config-invalid', describeIssue(parsed.error).message, { place: { file } })
}

/** Written beside and renamed over: a command that is killed leaves the old file or the new one. */
const replaceFile = async (path: string, text: string): Promise<void> => {
  const beside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
