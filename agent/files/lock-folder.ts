/**
 * The folder in which an app says that it is busy. Its containers own what is in it: nothing there may lead the agent
 * elsewhere, or keep it waiting.
 */
import { constants } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import type { LockFile } from './project-files.ts'
import { openFolder, unsafe, within } from './safe-folder.ts'

const name = 'lock'
/** What a lock has to say is short; of a longer file only the time counts. */
const longestText = 4096

export const makeLockFolder = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o755 })
  const folder = await openFolder(path, '')
  if (folder === undefined) throw unsafe(path)
  try {
    // Whatever user a container runs as; on the device, nobody else gets past the folders around it.
    await folder.chmod(0o777)
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** undefined: there is no lock. */
export const readLock = async (path: string): Promise<LockFile | undefined> => {
  const folder = await openFolder(path, '')
  if (folder === undefined) return undefined
  try {
    const seen = await lstat(within(folder, name))
    const isReadable = seen.isFile() && seen.size <= longestText
    return { mtimeMs: seen.mtimeMs, text: isReadable ? await readText(within(folder, name)) : '' }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  } finally {
    await folder.close()
  }
}

/** Never waits for a pipe, never follows a link. Empty where it became something else since it was looked at. */
const readText = async (path: string): Promise<string> => {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      if (!(await file.stat()).isFile()) return ''
      const { buffer, bytesRead } = await file.read(Buffer.alloc(longestText), 0, longestText, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    // Taken back meanwhile; whatever else keeps it from being read, it is there.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error
    return ''
  }
}
