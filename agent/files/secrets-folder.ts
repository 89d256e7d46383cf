/** Where secrets lie on this device: in memory, and in a folder that nobody but root, or this agent, can have made. */
import { lstat, mkdir, realpath, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

/** As statfs(2) tells them: file systems that forget everything at a power cut. */
const memoryFileSystems = new Set([0x01021994, 0x858458f6])

/**
 * The first of the folders that lies, or would lie, in memory; undefined: none does. Secrets are nowhere else.
 * In /dev/shm anybody may make a folder of any name: one of another owner, or a link, is not taken.
 */
export const findSecretsFolder = async (candidates: readonly string[]): Promise<string | undefined> => {
  for (const candidate of candidates) {
    const { type } = await statfs(await existingAbove(candidate))
    if (!memoryFileSystems.has(type)) continue
    await mkdir(candidate, { recursive: true, mode: 0o700 })
    if (!(await isOnlyOurs(await realpath(candidate)))) continue
    return candidate
  }
  return undefined
}

const existingAbove = async (path: string): Promise<string> => {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  )
  return isThere || dirname(path) === path ? path : await existingAbove(dirname(path))
}

/** Every folder on the way: who owns one of them could put another in place of what is below. */
const isOnlyOurs = async (real: string): Promise<boolean> => {
  const { uid, mode } = await lstat(real)
  const isOwn = uid === 0 || uid === process.getuid?.()
  const isSticky = (mode & 0o1000) !== 0
  if (!isOwn || ((mode & 0o022) !== 0 && !isSticky)) return false
  return dirname(real) === real || (await isOnlyOurs(dirname(real)))
}
