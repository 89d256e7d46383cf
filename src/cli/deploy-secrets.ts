/** The secrets of an app that its Compose file names the source of: sealed for each device before the app is sent to it. */
import { secretNames } from '../compose/secret-names.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { putSecrets, readSecrets } from '../fleet/secrets.ts'
import { readSecretSources } from '../project/pack-release.ts'
import { maxSecretBytes } from '../protocol/secret.ts'
import { operator } from './arguments.ts'
import { trustedRecipient, type Where } from './known-devices-file.ts'
import type { PreparedRelease } from './prepare-release.ts'

/** Sends the secrets of one device; resolves with the names that the app uses and that the device has not. */
export type SendSecrets = (fleet: Fleet, device: string) => Promise<readonly string[]>

/** @throws FilesError, LongshoreError file-unreadable: all values are read before anything is sent */
export const prepareSecrets = async (
  app: string,
  { compose, secretSources, folder }: PreparedRelease,
  where: Where,
): Promise<SendSecrets> => {
  const set = await readSecretSources(secretSources, folder, maxSecretBytes)
  const used = secretNames(compose)
  return async (fleet, device) => {
    if (used.length === 0) return []
    if (Object.keys(set).length > 0) {
      const now = Date.now()
      const recipient = await trustedRecipient(fleet, where, device, now)
      await putSecrets(fleet, { app, set, remove: [], by: operator(), now, device, recipient })
    }
    const known = (await readSecrets(fleet, device, app))?.secrets ?? {}
    return used.filter((name) => !Object.hasOwn(known, name))
  }
}
