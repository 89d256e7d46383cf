/** What stands in a policy file of the device: which deployments it takes. Every key may be left out. Pure. */
import { z } from 'zod'
import { parseSizeBytes } from '../../src/compose/units.ts'

/** One `*` stands for any text within one step of a path; a pattern is for what it names and for all below it. */
const patternSchema = z.string().min(1)

const hostPathSchema = z
  .string()
  .regex(/^\/([^/\0]+(\/[^/\0]+)*)?$/, 'must be an absolute path, with no slash at its end')
  .refine((path) => !path.split('/').some((step) => step === '.' || step === '..'), {
    error: 'must be a path without . and ..',
  })

export const accessSchema = z.enum(['none', 'read', 'write'])
export type Access = z.infer<typeof accessSchema>

export const hostNamespaceSchema = z.enum(['network', 'pid', 'ipc', 'uts', 'userns', 'cgroup'])
export type HostNamespace = z.infer<typeof hostNamespaceSchema>

const sizeSchema = z
  .union([z.int().positive(), z.string()])
  .refine((size) => typeof size === 'number' || (parseSizeBytes(size) ?? 0) > 0, {
    error: 'must be a size such as 512m',
  })

/** What all files say together, over the default. */
export const policySchema = z.strictObject({
  privileged: z.boolean().describe('privileged containers, which are root on the device'),
  capabilities: z
    .array(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be a capability such as NET_ADMIN, or ALL'))
    .describe('what cap_add may name; ALL: any of them'),
  hostPaths: z
    .record(hostPathSchema, accessSchema)
    .describe(
      'paths that may be mounted; the longest that fits decides, and a folder gives no more than what is in it',
    ),
  readOnlyPaths: z
    .array(hostPathSchema)
    .describe(
      'these very paths may be mounted read-only, with all that is in them, whatever hostPaths and engineSocket say',
    ),
  engineSocket: z.boolean().describe('the socket of the container engine, which is root on the device'),
  volumeTypes: z.array(z.string().min(1)).describe('file systems that a volume may mount by driver_opts, beside binds'),
  hostNamespaces: z.array(hostNamespaceSchema).describe('namespaces of the device that a service may be in'),
  hostSysctls: z.boolean().describe('sysctls of a service in the network or ipc namespace of the device'),
  securityOptions: z
    .array(patternSchema)
    .describe('what security_opt may say, as NAME or NAME=VALUE; * stands for any text'),
  devices: z.array(patternSchema).describe('devices that may be asked for: paths, or names of CDI'),
  refusedDevices: z.array(patternSchema).describe('of those, the ones that may not'),
  deviceRules: z
    .array(z.string().regex(/^[bc] (\d+|\*):(\d+|\*)$/, 'must be as c 188:*'))
    .describe('what device_cgroup_rules, and devices that follow, may ask for'),
  refusedDeviceRules: z
    .array(z.string().regex(/^[bc] (\d+|\*):(\d+|\*)$/, 'must be as c 1:1'))
    .describe('a rule that lets any of these through is refused'),
  gpus: z.boolean().describe('gpus, and reservations.devices of deploy.resources'),
  runtimes: z.array(patternSchema).describe('runtimes of the engine that may be named'),
  images: z.array(patternSchema).describe('registry and name in full, as docker.io/library/nginx or ghcr.io/acme'),
  imageDigest: z.boolean().describe('images must be named by digest'),
  maxMemory: sizeSchema
    .nullable()
    .describe('the highest memory limit of a service, each of which must then have one; null: no such rule'),
  commands: z.array(patternSchema).describe('verbs of commands that the device answers'),
  refusedCommands: z.array(patternSchema).describe('of those, the ones that it does not answer'),
})

/** What one file says. */
export const policyFileSchema = policySchema.partial().meta({ id: 'Policy' })

export type Policy = Readonly<z.infer<typeof policySchema>>
export type PolicyFile = z.infer<typeof policyFileSchema>
