/** One file with one record: read with a schema, set aside when it cannot be understood, replaced as a whole or not at all. */
import { existsSync } from 'node:fs'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { describeIssue } from '../../src/protocol/payload.ts'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'

/**
 * All records of a folder, by app. What cannot be read or understood is set aside, and so is one under another name than
 * its own, as a copy that somebody made: which of two is the newest nobody could tell.
 * @throws LongshoreError state-unusable
 */
export const readRecords = async <T extends { readonly app: string }>(
  folder: string,
  schema: z.ZodType<T>,
  log: Logger,
): Promise<Map<string, T>> => {
  const records = new Map<string, T>()
  const files = await readdir(folder).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  for (const file of files) {
    if (file.endsWith('.tmp')) await rm(join(folder, file), { force: true })
    if (!file.endsWith('.json')) continue
    const own = schema.refine(({ app }) => file === `${app}.json`, 'it is of another app than its name says')
    const record = await readRecord(join(folder, file), own, log)
    if (record !== undefined) records.set(record.app, record)
  }
  return records
}

/**
 * undefined: there is none, or it was set aside.
 * @throws LongshoreError state-unusable: it can neither be read nor set aside
 */
export const readRecord = async <T>(path: string, schema: z.ZodType<T>, log: Logger): Promise<T | undefined> => {
  let why: string
  try {
    const result = schema.safeParse(JSON.parse(await readFile(path, 'utf8')))
    if (result.success) return result.data
    why = describeIssue(result.error).message
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    // One bad sector must not keep the agent from all other apps; a lack of rights or handles is no fault of the file.
    if (code !== undefined && !['EIO', 'EISDIR', 'EUCLEAN', 'ELOOP'].includes(code)) throw unreadable(path, error)
    why = message
  }
  const aside = `${path}${asideSuffix}`
  try {
    await rm(aside, { recursive: true, force: true })
    await rename(path, aside)
  } catch (error) {
    throw unreadable(path, error)
  }
  log.error({ code: 'state-unusable', path: aside, why }, 'a state file cannot be understood and was set aside')
  return undefined
}

const unreadable = (path: string, error: unknown): LongshoreError =>
  new LongshoreError('state-unusable', `reading ${path}: ${(error as Error).message}`, { cause: error })

const asideSuffix = '.unreadable'

export type AsideFile = { readonly name: string; readonly reason: Reason }

/** What was set aside in a folder, by the name of the file that it was: it is told of until somebody takes it away. */
export const openSetAside = async (folder: string): Promise<() => readonly AsideFile[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(asideSuffix)).sort()
  const files = names.map((name) => {
    const path = join(folder, name)
    const message = `${path} could not be understood and was set aside; remove it when nobody needs it`
    return { path, name: name.slice(0, -asideSuffix.length), reason: { code: 'state-unusable', message } as const }
  })
  return () => files.filter(({ path }) => existsSync(path))
}

/**
 * Written beside, flushed, renamed over, and the directory flushed: a power cut leaves the old file or the new one.
 * @throws LongshoreError disk-full, state-unusable
 */
export const replaceFile = (path: string, record: object): Promise<void> => replaceText(path, JSON.stringify(record))

/** The same for any text; only root may read it. */
export const replaceText = async (path: string, text: string): Promise<void> => {
  const beside = `${path}.tmp`
  try {
    const file = await open(beside, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    const directory = await open(join(path, '..'), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    // The part that was written would keep the disk full.
    await rm(beside, { force: true }).catch(() => undefined)
    throw writeError(error, `writing ${path}`)
  }
}

/** Of whatever the agent could not write: space comes back by itself more often than a broken disk does. */
export const writeError = (error: unknown, doing: string): LongshoreError => {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new LongshoreError('disk-full', `${doing}: no space left on the disk`, { cause: error })
  return new LongshoreError('state-unusable', `${doing}: ${message}`, { cause: error })
}
