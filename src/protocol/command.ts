/** `<device>/command/<id>` and `<device>/reply/<id>`: one question, and its answers. Not retained, QoS 1. */
import { z } from 'zod'
import { commandIdSchema, epochMsSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

export const commandSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    verb: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be a lower-case word'),
    args: z.record(z.string(), z.json()),
    expiresAt: epochMsSchema,
  })
  .meta({ id: 'Command' })

export const replyOutcomes = ['done', 'failed', 'refused', 'expired', 'unsupported', 'busy'] as const

/** `n` rises from 1; the last one has `final: true` and an outcome. */
export const replySchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    id: commandIdSchema,
    n: z.int().positive(),
    final: z.boolean(),
    outcome: z.enum(replyOutcomes).optional(),
    reason: reasonSchema.optional(),
    result: z.json().optional(),
  })
  .meta({ id: 'Reply' })

export type Command = z.infer<typeof commandSchema>
export type ReplyOutcome = (typeof replyOutcomes)[number]
export type Reply = z.infer<typeof replySchema>
