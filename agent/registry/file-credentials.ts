/** Credentials of registries from a Docker `config.json` on the device, read anew each time: it may change. */
import { constants } from 'node:fs'
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
  const fail = (why: string, cause?: unknown): never => {
    throw new LongshoreError('credentials-unusable', `${path} ${why}`, { cause })
  }
  let text: string
  try {
    // Not waiting for a writer: a pipe would hold up every pull.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const status = await file.stat()
      if (!status.isFile()) fail('is no file')
      const mode = status.mode & 0o777
      if ((mode & 0o066) !== 0)
        fail(`is open to group or others (${mode.toString(8).padStart(4, '0')}): chmod 600 ${path}`)
      const self = process.getuid?.() ?? 0
      if (![0, self].includes(status.uid))
        fail(`belongs to another user (${status.uid}), who could change it: chown ${self} ${path}`)
      text = await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof LongshoreError) throw error
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code})`, error)
  }
  return readDockerConfig(text, path)
}
