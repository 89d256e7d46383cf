/** The files that a deployment carries: read from beside the Compose file, never from outside its folder. */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { LongshoreError } from '../protocol/reason.ts'
import { whyUnreadable } from '../why-unreadable.ts'
import { type FileFault, FilesError } from './files-error.ts'
import { readIgnoreRules } from './ignore-rules.ts'
import { unreadable } from './inside.ts'
import { type FoundFile, listFiles } from './list-files.ts'
import { printable } from './printable.ts'
import { readSteady } from './read-steady.ts'

export type WantedPath = {
  /** relative to the project folder, POSIX, normalised, no leading `./`; `.` is the folder itself */
  readonly path: string
  /** where the Compose file names it, for messages: `services.web.volumes[0]` */
  readonly at: string
  readonly mustExist: boolean
  /** false: nothing of it is sent, not with another mount that has it below either */
  readonly seed: boolean
}

/** `files` of a deployment: mode in four octal digits, content in base64. */
export type ReleaseFiles = Readonly<
  Record<string, { readonly sha256: string; readonly mode: string; readonly content: string }>
>

export type CollectedFiles = { readonly files: ReleaseFiles; readonly notes: readonly string[] }

type CollectInput = {
  readonly folder: string
  readonly wanted: readonly WantedPath[]
  /** of all contents together, in base64 */
  readonly limitBytes: number
}

/**
 * Names and sizes first, contents only when all of them may travel. `.longshoreignore` says what in mounted folders stays
 * behind; a single file that the Compose file names travels nonetheless.
 * @throws FilesError with every fault: file-outside, file-unsuitable, file-unreadable, files-too-large
 * @throws LongshoreError file-unreadable when there is no such folder
 */
export const collectFiles = async ({ folder, wanted, limitBytes }: CollectInput): Promise<CollectedFiles> => {
  const root = await realpath(folder).catch((error) => {
    throw new LongshoreError('file-unreadable', `project folder ${printable(folder)}: ${whyUnreadable(error)}`, {
      cause: error,
    })
  })
  const { files: found, faults, notes } = await listFiles(root, wanted, await readIgnoreRules(root))
  if (faults.length > 0) throw new FilesError(faults)
  refuseTooLarge(found, limitBytes)
  const read = await readAll(found, limitBytes)
  // They may have grown since they were listed.
  refuseTooLarge(
    read.map(({ file, content }) => ({ ...file, sizeBytes: content.byteLength })),
    limitBytes,
  )
  return {
    files: Object.fromEntries(read.map(({ file, content, mode }) => [file.path, releaseFile(content, mode)])),
    notes,
  }
}

type ReadFile = { readonly file: FoundFile; readonly content: Buffer; readonly mode: number }

/** @throws FilesError with every file that could not be read */
const readAll = async (found: readonly FoundFile[], limitBytes: number): Promise<ReadFile[]> => {
  const read: ReadFile[] = []
  const faults: FileFault[] = []
  const fault = ({ path, at }: FoundFile, code: FileFault['code'], why: string): void => {
    faults.push({ code, path: printable(path), at, message: `${printable(path)} ${why}` })
  }
  for (const file of found) {
    try {
      const result = await readSteady(file.real, limitBytes)
      if (result.kind === 'read') read.push({ file, content: result.content, mode: result.mode })
      else if (result.kind === 'changed') fault(file, 'file-unsuitable', 'changes while it is read')
      else refuseTooLarge([{ ...file, sizeBytes: result.sizeBytes }], limitBytes)
    } catch (error) {
      if (error instanceof FilesError) throw error
      const { code, why } = unreadable(error)
      fault(file, code, why)
    }
  }
  if (faults.length > 0) throw new FilesError(faults)
  return read
}

const releaseFile = (content: Buffer, mode: number): ReleaseFiles[string] => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  mode: travellingMode(mode),
  content: content.toString('base64'),
})

/**
 * Executable or not, and private or not: all else of a mode is the umask of whoever checked the file out, and would name
 * the same release differently on two machines.
 */
const travellingMode = (mode: number): string => {
  const isPrivate = (mode & 0o077) === 0
  if ((mode & 0o100) !== 0) return isPrivate ? '0700' : '0755'
  return isPrivate ? '0600' : '0644'
}

/** RFC 4648: four characters for each three bytes begun. */
const encodedBytes = (sizeBytes: number): number => 4 * Math.ceil(sizeBytes / 3)

const refuseTooLarge = (files: readonly FoundFile[], limitBytes: number): void => {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + encodedBytes(sizeBytes), 0)
  if (totalBytes <= limitBytes) return
  const largest = [...files].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 5)
  const list = largest.map(({ path, sizeBytes }) => `${printable(path)} (${sizeBytes} bytes)`).join(', ')
  const [first] = largest
  throw new FilesError([
    {
      code: 'files-too-large',
      path: printable(first?.path ?? ''),
      at: first?.at ?? '',
      message: `the files have ${totalBytes} bytes in base64, ${limitBytes} may travel; the largest: ${list}`,
    },
  ])
}
