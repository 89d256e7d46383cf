/** A bundle into a file, which is there as a whole or not at all. */
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Bundle } from '../protocol/bundle.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { blockBytes, writeHead } from './bundle-head.ts'

export type WriteInput = {
  readonly path: string
  readonly bundle: Bundle
  /** opened after the file was: an engine is not asked for gigabytes that could not be written */
  readonly archive: () => Promise<Readable>
  readonly onBytes: (writtenBytes: number) => void
  readonly signal: AbortSignal
}

/**
 * Written beside, flushed, and renamed. Resolves with the size in bytes.
 * @throws LongshoreError file-unwritable, engine-error where the engine broke off, and what `archive` fails with
 */
export const writeBundle = async ({ path, bundle, archive, onBytes, signal }: WriteInput): Promise<number> => {
  const partial = `${path}.partial`
  await requireFileOrNothing(path)
  await requireFileOrNothing(partial)
  const file = await writing(path, async () => {
    await rm(partial, { force: true })
    return await open(partial, 'wx', 0o600)
  })
  try {
    const head = writeHead(bundle)
    await writing(path, () => file.writeFile(head))
    let size = head.length
    let tail = Buffer.alloc(0)
    await pipeline(
      await archive(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          await writing(path, () => file.writeFile(chunk))
          size += chunk.length
          tail = Buffer.concat([tail, chunk.subarray(-2 * blockBytes)]).subarray(-2 * blockBytes)
          onBytes(size)
        }
      },
      { signal },
    ).catch((error: unknown) => {
      throw error instanceof LongshoreError || signal.aborted ? error : brokenOff((error as Error).message)
    })
    // An engine that fails on its way writes its error into the archive.
    if (tail.length < 2 * blockBytes || tail.some((byte) => byte !== 0)) throw brokenOff(printable(tail))
    await writing(path, async () => {
      await file.sync()
      if (!(await isUnder(partial, file))) throw new Error('somebody else writes it at the same time')
      await file.close()
      await rename(partial, path)
      await syncFolder(dirname(path))
    })
    return size
  } catch (error) {
    const isOurs = await isUnder(partial, file).catch(() => false) // closed already, and renamed
    await file.close().catch(() => undefined)
    if (isOurs) await rm(partial, { force: true })
    throw error
  }
}

/** Another process may have begun anew under the name. */
const isUnder = async (path: string, file: FileHandle): Promise<boolean> => {
  const [found, own] = await Promise.all([lstat(path).catch(() => undefined), file.stat()])
  return found?.ino === own.ino && found.dev === own.dev
}

/** A link would have something written elsewhere than it says. */
const requireFileOrNothing = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || found.isFile()) return
  const what = found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a folder' : 'no plain file'
  throw new LongshoreError('file-unwritable', `${path} is ${what}: name a file`)
}

const writing = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw new LongshoreError('file-unwritable', `writing ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** So that the name outlives a power cut, too, where a system has such a thing. */
const syncFolder = async (path: string): Promise<void> => {
  try {
    const folder = await open(path, 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Not every system opens a folder; the file itself is written.
  }
}

const brokenOff = (why: string): LongshoreError =>
  new LongshoreError('engine-error', `saving the images: the engine broke off${why === '' ? '' : `: ${why}`}`)

/** The last words in an archive that does not end as one. */
const printable = (tail: Buffer): string => /\{[ -~]*\}\s*$/.exec(tail.toString('latin1'))?.[0].trim() ?? ''
