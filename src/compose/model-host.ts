/** The keys of a service that say what of the device it shares, and how it stands to the network around it. */
import { z } from 'zod'
import { stringMapSchema } from './schema-parts.ts'

const filledSchema = z.string().min(1)
const addressSchema = z.union([z.ipv4(), z.ipv6()])

/** `host=address`, sorted by the host; several addresses of one host keep their order. */
export const extraHostPattern = /^([^=\s]+)=([0-9.]+|[0-9A-Fa-f:.]+|host-gateway)$/

export const hostKeys = {
  domainname: filledSchema.optional(),
  mac_address: z
    .string()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'must be a MAC address in small letters')
    .optional(),
  extra_hosts: z.array(z.string().regex(extraHostPattern, 'must be HOST=ADDRESS')).optional(),
  dns: z.array(addressSchema).optional(),
  dns_search: z.array(filledSchema).optional(),
  dns_opt: z.array(filledSchema).optional(),
  ipc: z
    .string()
    .regex(
      /^(none|private|host|shareable|service:[A-Za-z0-9][A-Za-z0-9_-]*)$/,
      'must be none, private, host, shareable or service:NAME',
    )
    .optional(),
  pid: z
    .string()
    .regex(/^(host|service:[A-Za-z0-9][A-Za-z0-9_-]*)$/, 'must be host or service:NAME')
    .optional(),
  volumes_from: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*(:ro)?$/, 'must be SERVICE or SERVICE:ro'))
    .optional(),
  links: z
    .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*(:[A-Za-z0-9][A-Za-z0-9_.-]*)?$/, 'must be SERVICE[:ALIAS]'))
    .optional(),
  uts: z.literal('host').optional(),
  userns_mode: filledSchema.optional(),
  cgroup: z.enum(['host', 'private']).optional(),
  cgroup_parent: filledSchema.optional(),
  group_add: z.array(filledSchema).optional(),
  sysctls: stringMapSchema.optional(),
  storage_opt: stringMapSchema.optional(),
  annotations: stringMapSchema.optional(),
  privileged: z.boolean().optional(),
  runtime: filledSchema.optional(),
  platform: z
    .string()
    .regex(/^[a-z0-9_]+\/[a-z0-9_]+(\/[a-z0-9_.]+)?$/, 'must be a platform such as linux/arm64')
    .optional(),
}
