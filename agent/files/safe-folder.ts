/**
 * Walks below a folder that others may write to, and never out of it. Each step is opened through the folder before it
 * (`/proc/self/fd/N/name`, which is what openat does) and links are not followed, so that what a container puts in the
 * way between a look and a write leads nowhere else.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { LongshoreError } from '../../src/protocol/reason.ts'
import type { Owner } from './project-files.ts'

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

/** An entry of an open folder, as a path that cannot be led astray. */
export const within = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`

/**
 * Opens a folder below `root`, step by step. undefined: it is not there, and was not to be made.
 * @throws LongshoreError path-unsafe where a step is a link or no folder
 */
export const openFolder = async (
  root: string,
  path: string,
  options: { readonly create?: { readonly owner?: Owner | undefined } } = {},
): Promise<FileHandle | undefined> => {
  let folder = await openStep(root, path)
  if (folder === undefined) return undefined
  try {
    for (const step of path === '' ? [] : path.split('/')) {
      let next = await openStep(within(folder, step), path)
      if (next === undefined && options.create !== undefined) next = await makeStep(folder, step, options.create.owner)
      await folder.close()
      if (next === undefined) return undefined
      folder = next
    }
    return folder
  } catch (error) {
    await folder.close().catch(() => undefined) // closed above when a later step failed
    throw error
  }
}

const openStep = async (step: string, path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(step, folderFlags)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ELOOP' || code === 'ENOTDIR') throw unsafe(path)
    if (code !== 'ENOENT') throw error
    return undefined
  }
}

const makeStep = async (folder: FileHandle, step: string, owner: Owner | undefined): Promise<FileHandle> => {
  try {
    await mkdir(within(folder, step), { mode: 0o755 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // Another operation of the same turn made it, and whose it is: unless a link came in its place, it will do.
    const other = await openStep(within(folder, step), step)
    if (other !== undefined) return other
    throw error
  }
  const made = await open(within(folder, step), folderFlags)
  // The umask of the agent must not decide what a container can read.
  await made.chmod(0o755)
  if (owner !== undefined) await made.chown(owner.uid, owner.gid)
  await folder.sync()
  return made
}

export const unsafe = (path: string): LongshoreError =>
  new LongshoreError('path-unsafe', `${path || 'the data folder'}: a link or something that is no folder is in the way`)
