/** The encrypted secrets of each app on disk, and the identity file. Its own files: no record of an app names a secret. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { z } from 'zod'
import { epochMsSchema, secretScopeSchema } from '../../src/protocol/names.ts'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'
import { openSetAside, readRecords, replaceFile } from '../store/record-file.ts'

const secretRecordSchema = z.object({
  format: z.literal(1),
  app: secretScopeSchema,
  issuedAt: epochMsSchema,
  secrets: z.record(
    z.string(),
    z.object({ age: z.base64(), version: z.string().optional().describe('absent: it cannot be decrypted') }),
  ),
})

export type SecretRecord = z.infer<typeof secretRecordSchema>

export type SecretStore = {
  readonly get: (app: string) => SecretRecord | undefined
  /** @throws LongshoreError state-unusable */
  readonly put: (record: SecretRecord) => Promise<void>
  readonly remove: (app: string) => Promise<void>
  /** what could not be understood when it was opened, and is still there */
  readonly setAside: () => readonly Reason[]
}

export const openSecretStore = async (stateFolder: string, log: Logger): Promise<SecretStore> => {
  const folder = join(stateFolder, 'secrets')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const records = await readRecords(folder, secretRecordSchema, log)
  const setAside = await openSetAside(folder)
  return {
    setAside: () => setAside().map(({ reason }) => reason),
    get: (app) => records.get(app),
    put: async (record) => {
      await replaceFile(join(folder, `${record.app}.json`), record)
      records.set(record.app, record)
    },
    remove: async (app) => {
      await rm(join(folder, `${app}.json`), { force: true })
      records.delete(app)
    },
  }
}

export const memorySecretStore = (): SecretStore => {
  const records = new Map<string, SecretRecord>()
  return {
    setAside: () => [],
    get: (app) => records.get(app),
    put: async (record) => void records.set(record.app, record),
    remove: async (app) => void records.delete(app),
  }
}

/** The text of a file that may not be there yet. @throws LongshoreError state-unusable */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LongshoreError('state-unusable', `reading ${path}: ${(error as Error).message}`, { cause: error })
  }
}
