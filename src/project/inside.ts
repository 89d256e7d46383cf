/** Where a path of the project folder really leads: nothing outside the folder is ever read. */
import { lstat, readlink, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { whyUnreadable } from '../why-unreadable.ts'
import type { FileFault } from './files-error.ts'
import { printable } from './printable.ts'

export type Place =
  | { readonly kind: 'there'; readonly real: string; readonly type: EntryType; readonly sizeBytes: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'fault'; readonly code: FileFault['code']; readonly why: string; readonly remedy?: string }

export type EntryType = 'file' | 'folder' | 'socket' | 'pipe' | 'device'

/**
 * Goes down from a real folder name by name and follows links that stay in `root`. Only names are looked at here:
 * nothing is opened, so a pipe cannot make this wait.
 */
export const locate = async (root: string, from: string, names: readonly string[]): Promise<Place> => {
  let real = from
  for (const name of names) {
    const next = join(real, name)
    const step = await stepInto(root, next)
    if (step.kind !== 'there') return step
    real = step.real
  }
  return await there(real)
}

type Step = Exclude<Place, { kind: 'there' }> | { readonly kind: 'there'; readonly real: string }

const stepInto = async (root: string, path: string): Promise<Step> => {
  try {
    if (!(await lstat(path)).isSymbolicLink()) return { kind: 'there', real: path }
  } catch (error) {
    return isAbsent(error) ? { kind: 'absent' } : unreadable(error)
  }
  return await followLink(root, path)
}

const followLink = async (root: string, path: string): Promise<Step> => {
  try {
    const real = await realpath(path)
    if (isInside(root, real)) return { kind: 'there', real }
    return { kind: 'fault', code: 'file-outside', why: `is a link to ${printable(real)}, outside the project folder` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ELOOP') return unreadable(error)
    const target = printable(await readlink(path).catch(() => '?'))
    const why =
      code === 'ELOOP'
        ? `is a link to ${target}, which leads back to itself`
        : `is a link to ${target}, which is not there`
    return { kind: 'fault', code: 'file-unsuitable', why, remedy: 'mend the link, or name it in .longshoreignore' }
  }
}

const there = async (real: string): Promise<Place> => {
  try {
    const stats = await lstat(real)
    const type = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'folder'
        : stats.isSocket()
          ? 'socket'
          : stats.isFIFO()
            ? 'pipe'
            : 'device'
    return { kind: 'there', real, type, sizeBytes: stats.size }
  } catch (error) {
    return isAbsent(error) ? { kind: 'absent' } : unreadable(error)
  }
}

export const isInside = (root: string, real: string): boolean =>
  real === root || real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)

export const unreadable = (error: unknown): Extract<Place, { kind: 'fault' }> => ({
  kind: 'fault',
  code: 'file-unreadable',
  why: `cannot be read: ${whyUnreadable(error)}`,
})

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
