/** A folder of records, one file of JSON each, called by their names. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { describeIssue } from '../../src/protocol/payload.ts'
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

/** By id of the token. @throws LongshoreError file-unreadable, config-invalid */
export const readTokens = (folder: string): Promise<ReadonlyMap<string, TokenRecord>> => readAll(folder, tokenSchema)

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

/** @param otherwise of a file that cannot be read; undefined: nothing is read then */
const readAll = async <T>(folder: string, schema: z.ZodType<T>, otherwise?: T): Promise<ReadonlyMap<string, T>> => {
  const files = (await attempt(folder, () => readdir(folder))).filter((file) => file.endsWith('.json')).sort()
  const records = new Map<string, T>()
  for (const file of files) {
    const record = await readOne(join(folder, file), schema).catch((error: unknown) => {
      if (otherwise === undefined) throw error
      return otherwise
    })
    records.set(file.slice(0, -'.json'.length), record)
  }
  return records
}

const readOne = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
  const parsed = schema.safeParse(parseJson(await attempt(path, () => readFile(path, 'utf8'))))
  if (parsed.success) return parsed.data
  throw new LongshoreError('config-invalid', describeIssue(parsed.error).message, { place: { file: path } })
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const attempt = async <T>(path: string, read: () => Promise<T>): Promise<T> => {
  try {
    return await read()
  } catch (error) {
    throw new LongshoreError('file-unreadable', `${path}: ${whyUnreadable(error)}`, { cause: error })
  }
}
