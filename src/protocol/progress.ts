/** `<device>/progress/<app>`: pulls and operations while they happen. Not retained, QoS 0, at most one a second. */
import { z } from 'zod'
import { epochMsSchema, generationSchema } from './names.ts'

export const progressSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    generation: generationSchema,
    pulls: z.array(
      z.looseObject({ image: z.string(), currentBytes: z.int().nonnegative(), totalBytes: z.int().nonnegative() }),
    ),
    operations: z.array(z.string()).describe('the plan text of what was done since the last message'),
  })
  .meta({ id: 'Progress' })

export type Progress = z.infer<typeof progressSchema>
