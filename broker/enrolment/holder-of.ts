/** Who has a name by the files of users and access: nobody may take it by a token. Pure. */
import { entryOf } from '../access/access-file.ts'
import type { Accounts } from '../access/accounts.ts'
import type { Holder } from './judge-request.ts'

export const holderOf = (accounts: Pick<Accounts, 'access' | 'passwords'>, name: string): Holder | undefined => {
  const access = accounts.access()
  const entry = entryOf(access, name)
  if (entry !== undefined && !(entry.role === 'device' && (entry.device ?? name) === name)) return 'user'
  const isUnderAnotherName = Object.entries(access.users).some(
    ([user, { role, ...rest }]) => user !== name && role === 'device' && 'device' in rest && rest.device === name,
  )
  return isUnderAnotherName || accounts.passwords().has(name) ? 'device' : undefined
}
