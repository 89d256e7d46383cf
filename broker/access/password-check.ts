/**
 * Judges passwords, a few at a time: scrypt is slow on purpose, and the threads that do it write the journal too. What was
 * right once is known again at once, so that a fleet that reconnects does not wait for it.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { MinuteQuota } from './minute-quota.ts'
import { isPassword } from './password-file.ts'

export type PasswordVerdict = 'right' | 'wrong' | 'too-many'

export type PasswordCheck = (input: {
  readonly password: Uint8Array
  /** of the user; undefined: there is none of that name */
  readonly hash: string | undefined
  readonly address: string
}) => Promise<PasswordVerdict>

const mostAtOnce = 2

/** Of more than that many users the one known longest waits again. */
const mostKnown = 20_000

export const createPasswordCheck = (failedLogins: MinuteQuota, monotonicMs: () => number): PasswordCheck => {
  const secret = randomBytes(32)
  const known = new Set<string>()
  const waiting: (() => void)[] = []
  let running = 0

  const takeTurn = async (): Promise<void> => {
    if (running >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
  }
  const giveTurn = (): void => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  return async ({ password, hash, address }) => {
    // No password lies in memory, and what lies there is of no use to another process.
    const mark = createHmac('sha256', secret).update(`${hash}\0`).update(password).digest('base64')
    if (hash !== undefined && known.has(mark)) return 'right'
    await takeTurn()
    try {
      // Asked here, not before the wait: a thousand at once from one address are not all looked at.
      if (!failedLogins.isLeft(address, monotonicMs())) return 'too-many'
      if (!(await isPassword(password, hash))) {
        failedLogins.spend(address, monotonicMs())
        return 'wrong'
      }
    } finally {
      giveTurn()
    }
    known.add(mark)
    const [oldest] = known
    if (known.size > mostKnown && oldest !== undefined) known.delete(oldest)
    return 'right'
  }
}
