/** `<device>/status`: birth and last will on one topic. Retained, QoS 1. */
import { z } from 'zod'
import { healthSchema } from './health.ts'
import { epochMsSchema } from './names.ts'

export const statusSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema.describe('in a will: when the connection was made'),
    online: z.boolean(),
    session: z.int().nonnegative().describe('counts connections; compare for equality with the latest birth only'),
    agent: z.string().describe('version of the agent'),
    health: healthSchema.optional().describe('the own verdict; absent in a will'),
    via: z
      .array(z.string())
      .optional()
      .describe('the sites whose bridges it came through, the nearest to the device first'),
    instance: z.string().optional().describe('random, of the process: two agents under one id differ in it'),
  })
  .meta({ id: 'Status' })

export type Status = z.infer<typeof statusSchema>
