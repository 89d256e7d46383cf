/** A model and the files beside it, as a deployment carries them. */
import type { Model } from '../compose/model.ts'
import type { SecretSource } from '../compose/read.ts'
import { writePayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { collectFiles, type ReleaseFiles } from './collect-files.ts'
import { wantedPaths } from './wanted-paths.ts'

export type PackedRelease = {
  readonly compose: Model
  readonly files: ReleaseFiles
  readonly notes: readonly string[]
}

/** What a message has besides the model and its files. */
const envelopeBytes = 1024

/**
 * @param maxBytes of the whole message
 * @throws FilesError with every fault of the files; LongshoreError payload-too-large, file-unreadable
 */
export const packRelease = async (compose: Model, folder: string, maxBytes: number): Promise<PackedRelease> => {
  const modelBytes = writePayload({ compose }).byteLength + envelopeBytes
  const wanted = wantedPaths(compose)
  const limitBytes = Math.max(0, maxBytes - modelBytes)
  const { files, notes } = wanted.length === 0 ? noFiles : await collectFiles({ folder, wanted, limitBytes })
  const sizeBytes = writePayload({ compose, files }).byteLength + envelopeBytes
  if (sizeBytes > maxBytes)
    throw new LongshoreError(
      'payload-too-large',
      `the deployment has ${sizeBytes} bytes, of which ${modelBytes} are the model; ${maxBytes} may be sent`,
    )
  return { compose, files, notes }
}

const noFiles = { files: {}, notes: [] }

/**
 * The values of the secrets that the Compose file names the source of, by name.
 * @throws FilesError, LongshoreError file-unreadable
 */
export const readSecretSources = async (
  sources: ReadonlyMap<string, SecretSource>,
  folder: string,
  limitBytes: number,
): Promise<Record<string, Uint8Array>> => {
  const values: Record<string, Uint8Array> = {}
  for (const [name, source] of sources) {
    if ('value' in source) values[name] = Buffer.from(source.value)
    else {
      const path = source.file.slice(2)
      const { files } = await collectFiles({
        folder,
        wanted: [{ path, at: source.at, mustExist: true, seed: true }],
        limitBytes: Math.ceil((limitBytes * 4) / 3) + 4,
      })
      const file = files[path]
      if (file === undefined)
        throw new LongshoreError('file-unreadable', `${source.at}: ${path} is a folder, and a secret is one file`)
      values[name] = Buffer.from(file.content, 'base64')
    }
  }
  return values
}
