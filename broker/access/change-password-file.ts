/** Sets or takes away one user in the file of passwords: replaced as a whole, so that the broker never reads half of it. */
import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { changePasswords, readPasswords } from './password-file.ts'

/** @param hash undefined: take the user away. @throws LongshoreError usage (no such user), config-invalid, file-unreadable, file-unwritable */
export const changePasswordFile = async (file: string, user: string, hash: string | undefined): Promise<void> => {
  const text = await readIfThere(file)
  if (!readPasswords(text, file).has(user) && hash === undefined)
    throw new LongshoreError('usage', `there is no user ${user} in ${file}`)
  try {
    await replace(file, changePasswords(text, user, hash))
  } catch (error) {
    throw new LongshoreError('file-unwritable', `${file}: ${(error as Error).message}`, { cause: error })
  }
}

const readIfThere = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}

/** Whoever could read the file, the broker's user among them, can read the new one. */
const replace = async (file: string, text: string): Promise<void> => {
  const before = await stat(file).catch(() => undefined)
  const next = `${file}.${randomUUID()}`
  try {
    const handle = await open(next, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (before !== undefined) {
        await handle.chown(before.uid, before.gid)
        await handle.chmod(before.mode & 0o777)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
