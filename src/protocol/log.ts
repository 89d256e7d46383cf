/**
 * The command `logs`, and `<device>/log/<command id>`: what containers, or the agent, said. Not retained, QoS 0: chunks are
 * numbered from 1, the device keeps each until it is acknowledged on `<device>/log/<command id>/credit`, and sends what was lost again.
 */
import { z } from 'zod'
import { appNameSchema, commandIdSchema, epochMsSchema, serviceNameSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

/** What may be on its way, in bytes of payload. */
export const leastWindow = 8 * 1024
export const firstWindow = 32 * 1024
export const mostWindow = 1024 * 1024

/** A reader says what it has at least this often, in bytes: the device may have less room for it than it has itself. */
export const creditEveryBytes = 64 * 1024

/** Without a word for so long, each end takes the other for gone. */
export const silenceMs = 60_000

/** So often each end says something, whatever there is to say. */
export const wordEveryMs = 15_000

/** The longest pattern of `grep`, in characters. */
const longestPattern = 1_000

const momentSchema = z.union([
  z.strictObject({ at: epochMsSchema }),
  z.strictObject({ agoMs: z.number().nonnegative() }).describe('before now, by the clock of the device'),
])

/** Either `app`, or `agent` for the log of the agent itself. */
export const logArgsSchema = z.object({
  app: appNameSchema.optional(),
  agent: z.literal(true).optional(),
  service: serviceNameSchema.optional(),
  follow: z.boolean().default(false),
  since: momentSchema.optional(),
  until: momentSchema.optional(),
  tail: z.int().nonnegative().optional().describe('so many lines of each container, before grep; absent: all'),
  grep: z.string().min(1).max(longestPattern).optional().describe('a regular expression, as of JavaScript'),
  timestamps: z.boolean().default(false).describe('each line begins with its time and a space'),
  window: z.int().min(leastWindow).default(firstWindow).describe('bytes that may be on their way at first'),
})

const entrySchema = z.union([
  z.object({
    source: z.string().describe('the container, as web-1, or agent'),
    stream: z.enum(['stdout', 'stderr']),
    text: z
      .string()
      .optional()
      .describe('lines with their ends; a long line may go on in the next entry of the source'),
    base64: z.string().optional().describe('in place of text: bytes that are not UTF-8'),
  }),
  z.object({ source: z.string(), fault: reasonSchema.describe('why nothing more comes from this source') }),
])

export const logChunkSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    id: commandIdSchema,
    n: z.int().nonnegative().describe('rises from 1; of a beat: that of the last chunk'),
    beat: z.boolean().optional().describe('only a sign of life'),
    entries: z.array(entrySchema),
    end: z.boolean().optional().describe('nothing comes after this chunk'),
    reason: reasonSchema.optional().describe('with end: why nothing could be read'),
  })
  .meta({ id: 'LogChunk' })

/** `<device>/log/<command id>/credit`: what the reader has, and what it can take. */
export const logCreditSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    received: z.int().nonnegative().describe('this chunk and all before it were read'),
    window: z.int().nonnegative().describe('bytes that may be on their way'),
    again: z.boolean().optional().describe('something is missing: send all after received once more'),
    stop: z.boolean().optional().describe('the reader wants no more'),
  })
  .meta({ id: 'LogCredit' })

export type LogArgs = z.infer<typeof logArgsSchema>
export type LogEntry = z.infer<typeof entrySchema>
export type LogChunk = z.infer<typeof logChunkSchema>
export type LogCredit = z.infer<typeof logCreditSchema>
