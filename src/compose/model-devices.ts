/** The keys of a service that hand it devices of the machine. */
import { z } from 'zod'
import { absolutePathSchema, stringMapSchema, withExtensions } from './schema-parts.ts'

/** A name of the Container Device Interface: `vendor.com/class=name`. */
export const cdiPattern = /^[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]\/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*$/

export const deviceSchema = withExtensions({
  source: z.union([absolutePathSchema, z.string().regex(cdiPattern)]).describe('on the device, or a name of CDI'),
  target: absolutePathSchema.optional().describe('absent: as the source'),
  permissions: z
    .string()
    .regex(/^(?=.)r?w?m?$/, 'must be letters of rwm')
    .optional()
    .describe('absent: rwm'),
})

/** `count` or `device_ids`, never both. */
export const deviceRequestSchema = withExtensions({
  driver: z.string().min(1).optional(),
  count: z.union([z.literal('all'), z.int().positive()]).optional(),
  device_ids: z.array(z.string().min(1)).min(1).optional(),
  capabilities: z.array(z.string().min(1)).optional(),
  options: stringMapSchema.optional(),
})

export type DeviceRequest = z.infer<typeof deviceRequestSchema>

export const deviceKeys = {
  devices: z.array(deviceSchema).optional(),
  device_cgroup_rules: z
    .array(z.string().regex(/^[acb] (\d+|\*):(\d+|\*) (?=.)r?w?m?$/, 'must be a rule such as c 188:* rwm'))
    .optional(),
  gpus: z.array(deviceRequestSchema).min(1).optional(),
}
