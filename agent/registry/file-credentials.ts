/** Credentials of registries from a Docker `config.json` on the device, read anew each time: it may change. */
import { open } from 'node:fs/promises'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { RegistryCredentials } from '../engine/engine.ts'
import { askHelper } from './credential-helper.ts'
import { credentialsIn, type DockerConfig, readDockerConfig } from './docker-config.ts'

/** Of a registry by host and port; undefined: there are none, and it is asked without. */
export type CredentialSource = (registry: string) => Promise<RegistryCredentials | undefined>

/** @throws (each call) LongshoreError credentials-unusable: the file, or the helper that it names */
export const fileCredentials =
  (path: string, ask: typeof askHelper = askHelper): CredentialSource =>
  async (registry) => {
    const { helper, given } = credentialsIn(await readPrivately(path), registry)
    const answered = helper && (await ask(helper.name, helper.server))
    return answered ?? given
  }

/** A secret that others may read is one no more, and one that others may write names any program as helper. */
const readPrivately = async (path: string): Promise<DockerConfig> => {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new LongshoreError('credentials-unusable', `${path} cannot be read (${cause.code})`, { cause })
  })
  try {
    const { mode } = await file.stat()
    if ((mode & 0o066) !== 0) {
      const text = (mode & 0o777).toString(8).padStart(4, '0')
      throw new LongshoreError(
        'credentials-unusable',
        `${path} is open to group or others (${text}): chmod 600 ${path}`,
      )
    }
    return readDockerConfig(await file.readFile('utf8'), path)
  } finally {
    await file.close()
  }
}
