/** Networks and volumes of the model: what they are, and how a service attaches to a network. */
import { z } from 'zod'
import { resourceNameSchema } from '../protocol/names.ts'
import { withExtensions } from './schema-parts.ts'

const stringMapSchema = z.record(z.string(), z.string())
const driverSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'must be the name of a driver')
export const addressSchema = z.union([z.ipv4(), z.ipv6()])
export const subnetSchema = z.union([z.cidrv4(), z.cidrv6()])
export const hardwareAddressSchema = z
  .string()
  .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'must be a hardware address such as 02:42:ac:11:00:02')

const poolSchema = withExtensions({
  subnet: subnetSchema.optional(),
  ip_range: subnetSchema.optional(),
  gateway: addressSchema.optional(),
  aux_addresses: z.record(z.string(), addressSchema).optional(),
})

/** An external one is there already: it is never made, changed or removed, and so has nothing but its name. */
export const networkSchema = withExtensions({
  name: resourceNameSchema.optional(),
  labels: stringMapSchema.optional(),
  external: z.literal(true).optional(),
  driver: driverSchema.optional(),
  driver_opts: stringMapSchema.optional(),
  internal: z.boolean().optional(),
  enable_ipv4: z.boolean().optional().describe('absent: true'),
  enable_ipv6: z.boolean().optional(),
  ipam: withExtensions({
    driver: driverSchema.optional(),
    config: z.array(poolSchema).optional(),
    options: stringMapSchema.optional(),
  }).optional(),
})

export const volumeSchema = withExtensions({
  name: resourceNameSchema.optional(),
  labels: stringMapSchema.optional(),
  external: z.literal(true).optional(),
  driver: driverSchema.optional(),
  driver_opts: stringMapSchema.optional(),
})

/** How a service is on a network. */
export const attachmentSchema = withExtensions({
  aliases: z.array(z.string()).optional(),
  ipv4_address: z.ipv4().optional(),
  ipv6_address: z.ipv6().optional(),
  link_local_ips: z.array(addressSchema).optional(),
  mac_address: hardwareAddressSchema.optional(),
  driver_opts: stringMapSchema.optional(),
  priority: z.int().optional().describe('the highest is the first network of the container; absent: 0'),
})

export type Network = z.infer<typeof networkSchema>
export type Volume = z.infer<typeof volumeSchema>
export type Attachment = z.infer<typeof attachmentSchema>
