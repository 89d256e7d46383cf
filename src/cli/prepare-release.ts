/** From the options of a command to what a deployment carries: the model, and the files beside the Compose files. */
import type { Model } from '../compose/model.ts'
import type { SecretSource } from '../compose/read.ts'
import type { ReleaseFiles } from '../project/collect-files.ts'
import { packRelease } from '../project/pack-release.ts'
import { defaultMaxBytes } from '../protocol/payload.ts'
import { loadCompose } from './compose-file.ts'
import type { ComposeOptions } from './compose-options.ts'

export type PreparedRelease = {
  readonly compose: Model
  readonly files: ReleaseFiles
  /** one line each, for people */
  readonly notes: readonly string[]
  readonly names: readonly string[]
  readonly folder: string
  readonly secretSources: ReadonlyMap<string, SecretSource>
}

/** @throws ComposeError, FilesError with all faults; LongshoreError file-unreadable, payload-too-large, usage */
export const prepareRelease = async (
  options: ComposeOptions & { readonly maxBytes?: number },
  app?: string,
): Promise<PreparedRelease> => {
  const { model, notes, names, folder, secretSources } = await loadCompose(options, app)
  const packed = await packRelease(model, folder, options.maxBytes ?? defaultMaxBytes)
  const lines = [...notes.map(({ path, message }) => `${path}: ${message}`), ...packed.notes]
  return { compose: packed.compose, files: packed.files, notes: lines, names, folder, secretSources }
}
