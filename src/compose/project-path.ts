/**
 * Paths inside the project folder, the folder of the Compose file. In a model they are `.` or `./config/telegraf.conf`,
 * in the files of a release `config/telegraf.conf`. Nothing else is one: no `..`, no empty step, no control character.
 */
import { posix } from 'node:path'
import { z } from 'zod'
import { isReleasePath } from '../protocol/names.ts'

export const isProjectPath = (text: string): boolean =>
  text === '.' || (text.startsWith('./') && isReleasePath(text.slice(2)))

export const projectPathSchema = z.string().refine(isProjectPath, { error: 'must be a path inside the project folder' })

/** What a person wrote, in its one spelling; undefined: it leads out of the project folder. */
export const toProjectPath = (written: string): string | undefined => {
  if (posix.isAbsolute(written) || written.startsWith('~')) return undefined
  const path = posix.normalize(written).replace(/\/+$/, '')
  if (path === '' || path === '.') return '.'
  return isReleasePath(path) ? `./${path}` : undefined
}

/** The same path among the files of a release; the folder itself is the empty text. */
export const releasePathOf = (projectPath: string): string => (projectPath === '.' ? '' : projectPath.slice(2))

/** Whether a path of a release is `root` itself or lies under it; everything lies under the empty root. */
export const isUnder = (path: string, root: string): boolean =>
  root === '' || path === root || path.startsWith(`${root}/`)
