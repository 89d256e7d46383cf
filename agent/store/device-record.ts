/** What is kept of the device as a whole: how often it connected, and which commands it has answered. */
import { z } from 'zod'
import { replySchema } from '../../src/protocol/command.ts'
import { commandIdSchema, epochMsSchema } from '../../src/protocol/names.ts'

const pulledImageSchema = z.object({ id: z.string(), reference: z.string(), at: epochMsSchema })

const begunPullSchema = z.object({
  reference: z.string(),
  before: z.array(z.string()).describe('ids that the reference, or its name on a mirror, had before'),
})

export const deviceRecordSchema = z.object({
  format: z.literal(1),
  /** of the latest connection; saved before CONNECT, so that no two connections share one */
  session: z.int().nonnegative(),
  /** finished commands with their last reply, oldest first: the same id again gets the same answer */
  answered: z.array(z.object({ id: commandIdSchema, reply: replySchema, at: epochMsSchema })),
  /** commands that were taken from the broker and whose reply is not safe yet */
  begun: z.array(z.object({ id: commandIdSchema, at: epochMsSchema })).optional(),
  /** set from outside, over those of the configuration; null: taken away */
  labels: z.record(z.string(), z.string().nullable()).optional(),
  /** what logs cost on a day: the day since 1970 UTC, and bytes */
  logBytes: z.object({ day: z.int(), bytes: z.int().nonnegative() }).optional(),
  /** what may be removed again when nobody needs it, in the order in which it came */
  pulledImages: z.array(pulledImageSchema).optional(),
  /** pulls that have not ended yet: what they bring is ours also when the agent ends first */
  begunPulls: z.array(begunPullSchema).optional(),
})

/** An image that this agent pulled or loaded, under the name that it was brought for. */
export type PulledImage = z.infer<typeof pulledImageSchema>

export type DeviceRecord = z.infer<typeof deviceRecordSchema>

export const emptyDeviceRecord: DeviceRecord = { format: 1, session: 0, answered: [] }

/** A brokerful of commands must not fill the disk; nobody sends one again after this many others. */
const answeredLimit = 100

/** Characters of all results together: the record is written anew at each connection. */
const mostResultLength = 64 * 1024

type Answered = DeviceRecord['answered'][number]

export const withAnswer = (record: DeviceRecord, answer: Answered): DeviceRecord => {
  const answered = [...record.answered.filter(({ id }) => id !== answer.id), answer].slice(-answeredLimit)
  const unsent = new Set([answer.id, ...(record.begun ?? []).map(({ id }) => id)])
  return { ...record, answered: withoutLongResults(answered, unsent) }
}

/** What has a result only looked, and may look once more; what changed something is answered without one, and stays. */
const withoutLongResults = (answered: readonly Answered[], kept: ReadonlySet<string>): Answered[] => {
  let length = 0
  return answered
    .toReversed()
    .filter(({ id, reply: { result } }) => {
      if (result === undefined) return true
      length += JSON.stringify(result).length
      return kept.has(id) || length <= mostResultLength
    })
    .reverse()
}

/** Its reply is safe: nothing of the command is left to do. */
export const withoutBegun = (record: DeviceRecord, id: string): DeviceRecord => ({
  ...record,
  begun: (record.begun ?? []).filter((begun) => begun.id !== id),
})

/**
 * The number of the next connection. It starts at the clock's epoch seconds where that is more, so that a device whose
 * state was wiped does not repeat itself.
 */
export const nextSession = (record: DeviceRecord, nowMs: number): number =>
  Math.max(record.session + 1, Math.floor(nowMs / 1000))
