/**
 * The two small files beside the segments. `epoch.json` is on disk before its number is used. `cursor.json` says what was
 * settled; it is written now and then and never waited for: losing it sends messages again, and loses none.
 */
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { messageClassSchema } from '../protocol/queued.ts'
import type { OutboxFiles } from './files.ts'
import { mostEpoch } from './segment.ts'

const mostBytes = 64 * 1024
const wholeNumber = z.int().nonnegative()
const epochNumber = wholeNumber.max(mostEpoch)

/** Whatever else a later version may say, the epoch stays where it is. */
const epochSchema = z.looseObject({ version: z.int(), epoch: epochNumber })

const cursorSchema = z.object({
  version: z.literal(1),
  /** By class: everything before it was acknowledged or dropped. */
  settled: z.partialRecord(
    messageClassSchema,
    z.object({ epoch: epochNumber, number: wholeNumber, offset: wholeNumber }),
  ),
  clocks: z.record(z.string(), z.number()),
})

export type Cursor = Omit<z.infer<typeof cursorSchema>, 'version'>

/** undefined where there is none, or none that can be read. */
export const readEpoch = async (files: OutboxFiles): Promise<number | undefined> =>
  (await readJson(files, 'epoch.json', epochSchema))?.epoch

/** On disk when it resolves. */
export const writeEpoch = (files: OutboxFiles, epoch: number): Promise<void> =>
  files.replace('epoch.json', Buffer.from(`${JSON.stringify({ version: 1, epoch })}\n`), true)

export const readCursor = async (files: OutboxFiles): Promise<Cursor> => {
  const { settled, clocks } = (await readJson(files, 'cursor.json', cursorSchema)) ?? { settled: {}, clocks: {} }
  return { settled, clocks }
}

/** @param isDurable on disk when it resolves */
export const writeCursor = (files: OutboxFiles, cursor: Cursor, isDurable: boolean): Promise<void> => {
  const text = JSON.stringify({ version: 1, ...cursor })
  return files.replace('cursor.json', Buffer.from(`${text}\n${checksum(text)}\n`), isDurable)
}

/** A cursor that is not to the letter as it was written could lose messages; an epoch cannot. */
const readJson = async <T>(files: OutboxFiles, name: string, schema: z.ZodType<T>): Promise<T | undefined> => {
  try {
    const [text = '', sum = ''] = (await files.read(name, 0, mostBytes)).toString().split('\n')
    if (name === 'cursor.json' && sum !== checksum(text)) return undefined
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0')
