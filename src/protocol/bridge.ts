/** `bridge/<site>/status`: birth and last will of the bridge of a site, on the broker above. Retained, QoS 1. */
import { z } from 'zod'
import { deviceIdSchema, epochMsSchema } from './names.ts'

/** One topic level, and what stands in `via` of the status of a device. */
export const siteSchema = deviceIdSchema

export const bridgeStatusSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema.describe('in a will: when the connection was made'),
    online: z.boolean(),
    site: siteSchema,
    version: z.string().describe('of the broker of the site'),
    instance: z.string().describe('random, of the process: a bridge that gets its own back is part of a circle'),
  })
  .meta({ id: 'BridgeStatus' })

export type BridgeStatus = z.infer<typeof bridgeStatusSchema>
