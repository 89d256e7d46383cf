/** The Compose files of a project on the operator's machine, read with their variables, to one model. */
import { existsSync, realpathSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Model } from '../compose/model.ts'
import { type Note, readCompose, type SecretSource } from '../compose/read.ts'
import { isInside } from '../project/inside.ts'
import { ComposeError } from './compose-error.ts'
import type { ComposeOptions } from './compose-options.ts'
import { findProject, readTextFile } from './find-project.ts'

export type LoadedCompose = {
  readonly model: Model
  readonly notes: readonly Note[]
  /** The files of the project, as people are shown them. */
  readonly names: readonly string[]
  /** The project folder, absolute. */
  readonly folder: string
  readonly secretSources: ReadonlyMap<string, SecretSource>
}

/**
 * Without an app it is called as its folder is.
 * @throws ComposeError with all faults; LongshoreError file-unreadable, usage
 */
export const loadCompose = async (options: ComposeOptions, app?: string): Promise<LoadedCompose> => {
  const project = await findProject(options)
  const result = readCompose({
    ...project,
    app: app ?? folderName(project.folder),
    readFile: (path) => {
      const absolute = resolve(project.folder, path)
      return existsSync(absolute) ? readTextFile(absolute) : undefined
    },
    isOutside: (path) => {
      const absolute = resolve(project.folder, path)
      return existsSync(absolute) && !isInside(realpathSync(project.folder), realpathSync(absolute))
    },
  })
  if (!result.ok) throw new ComposeError(result.faults)
  const { model, notes, secretSources } = result
  return {
    model,
    notes: [...project.notes, ...notes],
    names: project.files.map(({ file }) => file),
    folder: project.folder,
    secretSources,
  }
}

/** Compose's own default project name: the folder, in the letters that a project name may have. */
const folderName = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63) || 'app'
