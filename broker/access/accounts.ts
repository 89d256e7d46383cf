/** The files of passwords and of access, as they are now: read again when they change. */
import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { openReloaded } from '../reloaded.ts'
import { type AccessFile, entryOf, noAccessFile, readAccess } from './access-file.ts'
import { type PasswordLines, readPasswords } from './password-file.ts'

export type Accounts = {
  readonly access: () => AccessFile
  readonly passwords: () => PasswordLines
  readonly check: () => Promise<void>
  readonly reload: () => Promise<void>
}

export type AccountsInput = {
  readonly users: string | undefined
  readonly access: string | undefined
  /** What holds for a user, by password or in all, is no more what it was. */
  readonly changed: (what: 'password' | 'access', isOther: (user: string) => boolean) => void
  readonly log: Logger
}

/** @throws LongshoreError file-unreadable, config-invalid */
export const openAccounts = async ({ users, access, changed, log }: AccountsInput): Promise<Accounts> => {
  const passwords = await openReloaded<PasswordLines>({
    files: users === undefined ? [] : [users],
    read: async () => (users === undefined ? new Map() : readPasswords(await readText(users), users)),
    changed: (next, before) => changed('password', (user) => next.get(user) !== before.get(user)),
    log,
  })
  const rules = await openReloaded<AccessFile>({
    files: access === undefined ? [] : [access],
    read: async () => (access === undefined ? noAccessFile : readAccess(await readText(access), access)),
    changed: (next, before) =>
      changed(
        'access',
        (user) => next.root !== before.root || !isDeepStrictEqual(entryOf(next, user), entryOf(before, user)),
      ),
    log,
  })
  const both = [passwords, rules] as const
  return {
    access: rules.current,
    passwords: passwords.current,
    check: async () => void (await Promise.all(both.map((one) => one.check()))),
    reload: async () => void (await Promise.all(both.map((one) => one.reload()))),
  }
}

const readText = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${file}: ${whyUnreadable(error)}`, { cause: error })
  }
}
