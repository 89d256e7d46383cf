/** A bundle from a file: its manifest, checked, and the archive of its images as a stream. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Bundle } from '../protocol/bundle.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import { archiveOffset, blockBytes, manifestBytes, readManifest } from './bundle-head.ts'

export type OpenBundle = {
  readonly bundle: Bundle
  readonly archiveBytes: number
  /** What the engine saved; once. */
  readonly archive: () => Readable
  readonly close: () => Promise<void>
}

/** @throws LongshoreError file-unreadable, bundle-invalid, release-mismatch */
export const openBundle = async (path: string): Promise<OpenBundle> => {
  let file: FileHandle
  try {
    // Not waiting for a writer, where it is a pipe.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${path}: ${whyUnreadable(error)}`, { cause: error })
  }
  try {
    const status = await file.stat()
    if (!status.isFile() && !status.isDirectory())
      throw new LongshoreError('file-unreadable', 'it is no plain file: copy the bundle to one')
    const { size } = status
    const length = manifestBytes(await readAt(file, 0, blockBytes))
    const bundle = readManifest(await readAt(file, blockBytes, length))
    const offset = archiveOffset(length)
    await requireEnd(file, offset, size)
    return {
      bundle,
      archiveBytes: size - offset,
      archive: () => file.createReadStream({ start: offset, autoClose: false, highWaterMark: 1024 * 1024 }),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    if (error instanceof LongshoreError)
      throw new LongshoreError(error.code, `${path}: ${error.message}`, { cause: error })
    throw new LongshoreError('file-unreadable', `${path}: ${whyUnreadable(error)}`, { cause: error })
  }
}

/** A tar ends with two blocks of zeros. The engine checks every byte in between, but only after minutes. */
const requireEnd = async (file: FileHandle, offset: number, size: number): Promise<void> => {
  const end = size - 2 * blockBytes
  if (end < offset || (await readAt(file, end, 2 * blockBytes)).some((byte) => byte !== 0))
    throw new LongshoreError('bundle-invalid', 'the bundle was cut off: it has no end')
}

const readAt = async (file: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
