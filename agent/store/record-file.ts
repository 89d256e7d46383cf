/** One file with one record: read with a schema, set aside when it cannot be understood, replaced as a whole or not at all. */
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { describeIssue } from '../../src/protocol/payload.ts'
import { LongshoreError, type Reason } from '../../src/protocol/reason.ts'

export const readRecord = async <T>(path: string, schema: z.ZodType<T>, log: Logger): Promise<T | undefined> => {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LongshoreError('state-unusable', `reading ${path}: ${(error as Error).message}`, { cause: error })
  }
  const fault = (() => {
    try {
      const result = schema.safeParse(JSON.parse(text))
      return result.success ? { value: result.data } : { why: describeIssue(result.error).message }
    } catch (error) {
      return { why: (error as Error).message }
    }
  })()
  if ('value' in fault) return fault.value
  const aside = `${path}${asideSuffix}`
  await rename(path, aside)
  log.error(
    { code: 'state-unusable', path: aside, why: fault.why },
    'a state file cannot be understood and was set aside',
  )
  return undefined
}

const asideSuffix = '.unreadable'

/** What was set aside in a folder, by the name of the file that it was: it is told of until somebody takes it away. */
export const readSetAside = async (folder: string): Promise<ReadonlyMap<string, Reason>> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith(asideSuffix)).sort()
  return new Map(
    names.map((name) => {
      const message = `${join(folder, name)} could not be understood and was set aside; remove it when nobody needs it`
      return [name.slice(0, -asideSuffix.length), { code: 'state-unusable', message }]
    }),
  )
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
