/** A folder of records, one file of JSON each, called by their names. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LongshoreError } from '../../src/protocol/reason.ts'
import { whyUnreadable } from '../../src/why-unreadable.ts'
import { writeSiteFile } from './site-files.ts'

const tokenSchema = z.object({
  /** SHA-256 of the secret, in hexadecimal */
  secret: z.string().length(64),
  /** epoch ms */
  createdAt: z.int(),
  expiresAt: z.int(),
  uses: z.int().min(1),
  /** for that device alone */
  device: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
})

const revocationSchema = z.object({
  /** epoch ms: what came of a token that is not younger is revoked */
  at: z.int(),
})

export type TokenRecord = z.infer<typeof tokenSchema>
export type Revocation = z.infer<typeof revocationSchema>

/**
 * By id of the token. One that cannot be read is none, and holds up no other, nor what is taken back.
 * @throws LongshoreError file-unreadable: not even the folder can be
 */
export const readTokens = (folder: string): Promise<ReadonlyMap<string, TokenRecord>> =>
  readAll(folder, tokenSchema, undefined)

/**
 * By name of whom it is about. A file that cannot be read shuts out all the same, and no token lets in again: there is
 * one because somebody is not to come in. @throws LongshoreError file-unreadable: not even the folder can be
 */
export const readRevocations = (folder: string): Promise<ReadonlyMap<string, Revocation>> =>
  readAll(folder, revocationSchema, { at: Number.MAX_SAFE_INTEGER })

/** @throws LongshoreError file-unwritable */
export const writeRecord = (folder: string, name: string, record: TokenRecord | Revocation): Promise<void> =>
  writeSiteFile(join(folder, `${name}.json`), `${JSON.stringify(record)}\n`)

/** @throws LongshoreError usage: there is none */
export const removeRecord = async (folder: string, name: string): Promise<void> => {
  try {
    await rm(join(folder, `${name}.json`))
  } catch (error) {
    throw new LongshoreError('usage', `there is no ${name} in ${folder}`, { cause: error })
  }
}

/** @param otherwise of a file that cannot be read; undefined: it is left out */
const readAll = async <T>(
  folder: string,
  schema: z.ZodType<T>,
  otherwise: T | undefined,
): Promise<ReadonlyMap<string, T>> => {
  const files = (await list(folder)).filter((file) => file.endsWith('.json')).sort()
  const records = new Map<string, T>()
  for (const file of files) {
    const record = (await readOne(join(folder, file), schema)) ?? otherwise
    if (record !== undefined) records.set(file.slice(0, -'.json'.length), record)
  }
  return records
}

/** undefined: it cannot be read, or means nothing. */
const readOne = async <T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> => {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
  } catch {
    return undefined
  }
}

const list = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder)
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${folder}: ${whyUnreadable(error)}`, { cause: error })
  }
}
