/** `.longshoreignore` in the project folder: which of what stands in mounted folders does not travel. Syntax of .gitignore. */
import ignore from 'ignore'
import { FilesError } from './files-error.ts'
import { locate } from './inside.ts'
import { decodeUtf8 } from './printable.ts'
import { readSteady } from './read-steady.ts'

export const ignoreFileName = '.longshoreignore'

export type IgnoreRules = {
  /** `path` relative to the project folder; what is below an ignored folder is ignored too */
  readonly isIgnored: (path: string, isFolder: boolean) => boolean
}

/** Of no use on a device; `!.git` in the file brings it back. */
const always = ['.git', `/${ignoreFileName}`]

const mostBytes = 64 * 1024

/** `root` is a real path. @throws FilesError file-unreadable, file-unsuitable, file-outside */
export const readIgnoreRules = async (root: string): Promise<IgnoreRules> => {
  // Case counts, as on the device: https://git-scm.com/docs/gitignore leaves it to core.ignorecase.
  const rules = ignore({ ignorecase: false, allowRelativePaths: true })
    .add(always)
    .add(await readText(root))
  return { isIgnored: (path, isFolder) => path !== '.' && rules.ignores(isFolder ? `${path}/` : path) }
}

const readText = async (root: string): Promise<string> => {
  const refuse = (why: string, code: 'file-unsuitable' | 'file-outside' | 'file-unreadable' = 'file-unsuitable') =>
    new FilesError([{ code, path: ignoreFileName, at: '', message: `${ignoreFileName} ${why}` }])
  const place = await locate(root, root, [ignoreFileName])
  if (place.kind === 'absent') return ''
  if (place.kind === 'fault') throw refuse(place.why, place.code as 'file-outside')
  if (place.type !== 'file') throw refuse(`is a ${place.type}, not a file`)
  const read = await readSteady(place.real, mostBytes).catch((error) => {
    throw refuse(`cannot be read: ${(error as Error).message}`, 'file-unreadable')
  })
  if (read.kind === 'changed') throw refuse('changes while it is read')
  if (read.kind === 'too-large') throw refuse(`has ${read.sizeBytes} bytes, ${mostBytes} are read`)
  const text = decodeUtf8(read.content)
  if (text === undefined) throw refuse('is not UTF-8')
  return text.replace(/^\uFEFF/, '')
}
