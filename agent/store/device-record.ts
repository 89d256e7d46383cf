/** What is kept of the device as a whole: how often it connected, and which commands it has answered. */
import { z } from 'zod'
import { replySchema } from '../../src/protocol/command.ts'
import { commandIdSchema, epochMsSchema } from '../../src/protocol/names.ts'
import { telemetryProfiles } from '../../src/protocol/telemetry.ts'

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
  answered: z.array(
    z.object({ id: commandIdSchema, reply: replySchema, at: epochMsSchema, expiresAt: epochMsSchema.optional() }),
  ),
  /** commands that were taken from the broker and whose reply is not safe yet */
  begun: z.array(z.object({ id: commandIdSchema, at: epochMsSchema, expiresAt: epochMsSchema.optional() })).optional(),
  /** set from outside, over those of the configuration; null: taken away */
  labels: z.record(z.string(), z.string().nullable()).optional(),
  /** what logs cost on a day: the day since 1970 UTC, and bytes */
  logBytes: z.object({ day: z.int(), bytes: z.int().nonnegative() }).optional(),
  /** how much is told of what the machine is doing, where it was said by a command; absent: as configured */
  telemetry: z
    .object({
      profile: z.enum(telemetryProfiles).optional(),
      /** for so long, ending then; over what was chosen for good */
      meanwhile: z.object({ profile: z.enum(telemetryProfiles), until: epochMsSchema, forMs: z.number() }).optional(),
    })
    .optional(),
  /** what may be removed again when nobody needs it, in the order in which it came */
  pulledImages: z.array(pulledImageSchema).optional(),
  /** pulls that have not ended yet: what they bring is ours also when the agent ends first */
  begunPulls: z.array(begunPullSchema).optional(),
})

/** An image that this agent pulled or loaded, under the name that it was brought for. */
export type PulledImage = z.infer<typeof pulledImageSchema>

export type DeviceRecord = z.infer<typeof deviceRecordSchema>

export const emptyDeviceRecord: DeviceRecord = { format: 1, session: 0, answered: [] }

/**
 * A brokerful of commands must not fill the disk. A command that has not expired is never forgotten, for a broker may
 * bring it once more: who has this many of those takes no other (commands.ts).
 */
export const answeredLimit = 128

/** Characters of all results together: the record is written anew at each connection. */
const mostResultLength = 64 * 1024

type Answered = DeviceRecord['answered'][number]

/** Answered commands that would be carried out if they came again and were not known. @param now epoch ms */
export const liveAnswers = ({ answered }: DeviceRecord, now: number): number =>
  answered.filter((answer) => isLive(answer, now)).length

const isLive = ({ expiresAt }: Answered, now: number): boolean => expiresAt !== undefined && expiresAt >= now

/** @param now epoch ms that expiry goes by */
export const withAnswer = (record: DeviceRecord, answer: Answered, now: number): DeviceRecord => {
  const all = [...record.answered.filter(({ id }) => id !== answer.id), answer]
  const answered = all.filter((one, index) => index >= all.length - answeredLimit || isLive(one, now))
  const unsent = new Set([answer.id, ...(record.begun ?? []).map(({ id }) => id)])
  return { ...record, answered: withoutLongResults(answered, unsent, now) }
}

/**
 * What has a result only looked, and may look once more; what changed something is answered without one, and stays. One
 * that could still come again stays too, without its result.
 */
const withoutLongResults = (answered: readonly Answered[], kept: ReadonlySet<string>, now: number): Answered[] => {
  let length = 0
  return answered
    .toReversed()
    .flatMap((answer) => {
      const { result, ...short } = answer.reply
      if (result === undefined) return [answer]
      length += JSON.stringify(result).length
      if (kept.has(answer.id) || length <= mostResultLength) return [answer]
      return isLive(answer, now) ? [{ ...answer, reply: short }] : []
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
