/**
 * A token for enrolment, as it is handed over: who it is, the secret, and the SHA-256 of the authority's certificate, so that
 * a device knows the broker before it says the secret. Pure but for the random of a new one.
 *
 *   longshore1.<id>.<secret>.<authority>         id and authority in hexadecimal, the secret in base64url
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { LongshoreError } from '../protocol/reason.ts'

export type Token = { readonly id: string; readonly secret: string; readonly authority: string }

const pattern = /^longshore1\.([0-9a-f]{16})\.([\w-]{43})\.([0-9a-f]{64})$/

export const newToken = (authority: string): Token => ({
  id: randomBytes(8).toString('hex'),
  secret: randomBytes(32).toString('base64url'),
  authority,
})

export const tokenText = ({ id, secret, authority }: Token): string => `longshore1.${id}.${secret}.${authority}`

/** @throws LongshoreError usage, which never quotes it */
export const readToken = (text: string): Token => {
  const [, id, secret, authority] = pattern.exec(text.trim()) ?? []
  if (id !== undefined && secret !== undefined && authority !== undefined) return { id, secret, authority }
  throw new LongshoreError('usage', 'that is no token: longshore enroll token prints one, from longshore1. to its end')
}

/** 256 bits of random need no slow hash. */
export const hashOfSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

export const isSecret = (secret: string, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashOfSecret(secret)), Buffer.from(hash))

/** The name that a token comes with at the broker; nobody else can be called so. */
export const tokenUserPrefix = 'token:'
