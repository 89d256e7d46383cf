/**
 * The file with the passwords of users, hashed with scrypt. One line a user; `v1` is the version of what follows.
 *
 *   ada:v1$14$8$1$<salt>$<key>          log2 of N, r, p; salt and key in base64url
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { LongshoreError } from '../../src/protocol/reason.ts'

/** By name of the user, what stands behind the colon. */
export type PasswordLines = ReadonlyMap<string, string>

/** A name has no colon, and nothing that an editor would change. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/
const hashPattern = /^v1\$(1[0-9]|20)\$([1-9]|1[0-6])\$([1-9]|1[0-6])\$([\w-]{16,})\$([\w-]{43})$/

const cost = { log2N: 14, r: 8, p: 1 } as const
const keyBytes = 32

/** @throws LongshoreError usage */
export const checkUserName = (name: string): void => {
  if (!namePattern.test(name))
    throw new LongshoreError(
      'usage',
      'a user name is 1 to 128 of A-Z a-z 0-9 . _ @ - and starts with a letter or digit',
    )
}

/** Lines that are empty or begin with # say nothing. @throws LongshoreError config-invalid, which never quotes a hash */
export const readPasswords = (text: string, file: string): PasswordLines => {
  const lines = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const [name = '', hash = ''] = split(trimmed)
    const fault = !namePattern.test(name)
      ? 'a line is USER:HASH, as longshore broker passwd writes it'
      : !hashPattern.test(hash)
        ? `what is said of ${name} is no hash of version 1: set the password again with longshore broker passwd`
        : lines.has(name)
          ? `${name} is there twice`
          : undefined
    if (fault !== undefined) throw new LongshoreError('config-invalid', fault, { place: { file, line: index + 1 } })
    lines.set(name, hash)
  }
  return lines
}

/** The text with one user's line set, or taken away; everything else stays as it is. */
export const changePasswords = (text: string, user: string, hash: string | undefined): string => {
  const lines = text.split('\n').filter((line, index, { length }) => !(line === '' && index === length - 1))
  const others = lines.filter((line) => split(line.trim())[0] !== user)
  const at = lines.findIndex((line) => split(line.trim())[0] === user)
  if (hash !== undefined) others.splice(at < 0 ? others.length : at, 0, `${user}:${hash}`)
  return others.length === 0 ? '' : `${others.join('\n')}\n`
}

export const hashPassword = async (password: Uint8Array): Promise<string> => {
  const salt = randomBytes(16)
  const key = await derive(password, salt, cost)
  return `v1$${cost.log2N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/** Takes as long for a user that there is not: who is there stays unknown. @param hash undefined: there is no such user */
export const isPassword = async (password: Uint8Array, hash: string | undefined): Promise<boolean> => {
  const [, log2N = '', r = '', p = '', salt = '', key = ''] = hashPattern.exec(hash ?? nobody) ?? []
  const expected = Buffer.from(key, 'base64url')
  const found = await derive(password, Buffer.from(salt, 'base64url'), { log2N: +log2N, r: +r, p: +p })
  return timingSafeEqual(found, expected) && hash !== undefined
}

const nobody = `v1$${cost.log2N}$${cost.r}$${cost.p}$${'A'.repeat(22)}$${'A'.repeat(43)}`

const derive = (
  password: Uint8Array,
  salt: Uint8Array,
  { log2N, r, p }: { readonly log2N: number; readonly r: number; readonly p: number },
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const N = 2 ** log2N
    scrypt(password, salt, keyBytes, { N, r, p, maxmem: 256 * N * r + 1024 * r * p }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })

const split = (line: string): readonly [string, string] | readonly [] => {
  const colon = line.indexOf(':')
  return colon < 0 ? [] : [line.slice(0, colon), line.slice(colon + 1)]
}
