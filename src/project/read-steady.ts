/** Reads a file whole, as it stood at one moment, and only if it is still the file that was found inside the project folder. */
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises'

export type SteadyFile = {
  readonly kind: 'read'
  readonly content: Buffer
  /** permission bits only */
  readonly mode: number
}

/** `changed`: it was written, replaced or moved while it was read, each time. `too-large`: more than `limitBytes`, not read. */
export type SteadyRead =
  | SteadyFile
  | { readonly kind: 'changed' }
  | { readonly kind: 'too-large'; readonly sizeBytes: number }

/** How often a file that changes under the reader is read before that is taken as the answer. */
const tries = 5

/**
 * `real` has no link in it, as `locate` gives it. @throws what the file system throws when it cannot be read
 * `openFile` is another one in tests only.
 */
export const readSteady = async (
  real: string,
  limitBytes: number,
  openFile: (path: string) => Promise<FileHandle> = openUnblocked,
): Promise<SteadyRead> => {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const result = await readOnce(real, limitBytes, openFile)
    if (result.kind !== 'changed') return result
  }
  return { kind: 'changed' }
}

/** Neither a link nor a pipe that took the file's place since it was looked at: the one fails, the other does not block. */
const openUnblocked = (path: string): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))

const readOnce = async (
  real: string,
  limitBytes: number,
  openFile: (path: string) => Promise<FileHandle>,
): Promise<SteadyRead> => {
  const handle = await openFile(real)
  try {
    const before = await handle.stat({ bigint: true })
    if (!before.isFile() || !(await isStillAt(real, before))) return { kind: 'changed' }
    if (before.size > limitBytes) return { kind: 'too-large', sizeBytes: Number(before.size) }
    const content = await readAtMost(handle, Number(before.size) + 1)
    const after = await handle.stat({ bigint: true })
    const isSteady = after.size === before.size && after.mtimeNs === before.mtimeNs
    if (!isSteady || BigInt(content.byteLength) !== after.size || !(await isStillAt(real, after)))
      return { kind: 'changed' }
    return { kind: 'read', content, mode: Number(after.mode & 0o777n) }
  } finally {
    await handle.close()
  }
}

/** A folder on the way may have become a link to elsewhere: then the file that was opened does not stand where it was found. */
const isStillAt = async (real: string, { dev, ino }: BigIntStats): Promise<boolean> => {
  if ((await realpath(real)) !== real) return false
  const found = await lstat(real, { bigint: true })
  return found.dev === dev && found.ino === ino
}

const readAtMost = async (handle: FileHandle, mostBytes: number): Promise<Buffer> => {
  const buffer = Buffer.alloc(mostBytes)
  let length = 0
  while (length < mostBytes) {
    const { bytesRead } = await handle.read(buffer, length, mostBytes - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}
