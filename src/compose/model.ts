/**
 * The Compose model: what a `compose.yaml` means, in one spelling, as JSON. The command makes it from YAML
 * (`read.ts`), the deployment carries it, the agent validates it again with this schema. It is itself valid Compose,
 * with every value in its long form, durations as `90s`, sizes in bytes. A key that is not here is refused by name.
 */
import { z } from 'zod'
import { appNameSchema, releasePathSchema, resourceNameSchema, serviceNameSchema } from '../protocol/names.ts'
import { isHostPortRange } from './host-ports.ts'
import { deploySchema } from './model-deploy.ts'
import { deviceSelectorSchema } from './model-device-selectors.ts'
import { deviceKeys } from './model-devices.ts'
import { gpuNeedsSchema } from './model-gpu.ts'
import { hostKeys } from './model-host.ts'
import { limitKeys } from './model-limits.ts'
import { attachmentSchema, networkSchema, volumeSchema } from './model-networks.ts'
import { projectPathSchema } from './project-path.ts'
import { absolutePathSchema, durationSchema, sizeBytesSchema, stringMapSchema, withExtensions } from './schema-parts.ts'
import { mostWindows } from './window.ts'

const hostPortSchema = z.int().min(0).max(65_535)
const hostPortRangeSchema = z
  .string()
  .regex(/^[1-9]\d{0,4}-[1-9]\d{0,4}$/, 'must be a range such as 3000-3005')
  .refine(isHostPortRange, { error: 'must be a range within 1 to 65535, from the lower port to the higher' })
const capabilitySchema = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be a capability such as NET_ADMIN')

const healthcheckSchema = withExtensions({
  /** `["CMD", …]`, `["CMD-SHELL", text]` or `["NONE"]`; absent: the image's own test with these times. */
  test: z.array(z.string()).min(1).optional(),
  interval: durationSchema.optional(),
  timeout: durationSchema.optional(),
  start_period: durationSchema.optional(),
  start_interval: durationSchema.optional(),
  retries: z.int().nonnegative().optional(),
})

const portSchema = withExtensions({
  target: z.int().min(1).max(65_535),
  published: z
    .union([hostPortSchema, hostPortRangeSchema])
    .optional()
    .describe('absent: a free port that the engine chooses; of a range, a free one of it'),
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  host_ip: z.union([z.ipv4(), z.ipv6()]).optional(),
})

const mountSchema = z.discriminatedUnion('type', [
  withExtensions({
    type: z.literal('volume'),
    source: resourceNameSchema.optional().describe('absent: a volume that the engine names'),
    target: absolutePathSchema,
    read_only: z.boolean().optional(),
    volume: withExtensions({ nocopy: z.boolean().optional(), subpath: releasePathSchema.optional() }).optional(),
  }),
  withExtensions({
    type: z.literal('bind'),
    source: z.union([absolutePathSchema, projectPathSchema]).describe('on the device, or in the project folder'),
    target: absolutePathSchema,
    read_only: z.boolean().optional(),
    'x-longshore': z
      .strictObject({ seed: z.literal(false).describe('what is in the folder stays with the operator') })
      .optional(),
    bind: withExtensions({
      create_host_path: z.boolean().optional().describe('absent: true'),
      propagation: z.enum(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']).optional(),
    }).optional(),
  }),
  withExtensions({
    type: z.literal('tmpfs'),
    target: absolutePathSchema,
    read_only: z.boolean().optional(),
    tmpfs: withExtensions({ size: sizeBytesSchema.optional(), mode: z.int().nonnegative().optional() }).optional(),
  }),
])

const dependencySchema = withExtensions({
  condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']),
  restart: z.boolean().optional(),
  required: z.boolean().optional(),
})

/** A config or a secret in a container. The mode is octal, as in 0440; absent it is 0444. */
const attachedFileSchema = withExtensions({
  source: resourceNameSchema,
  target: absolutePathSchema,
  uid: z
    .string()
    .regex(/^\d{1,10}$/, 'must be a number')
    .optional(),
  gid: z
    .string()
    .regex(/^\d{1,10}$/, 'must be a number')
    .optional(),
  mode: z
    .string()
    .regex(/^0[0-7]{3}$/, 'must be four octal digits, as in 0440')
    .optional(),
})

const longshoreServiceSchema = z.strictObject({
  secretEnv: z
    .record(z.string().regex(/^[^=\0]+$/, 'must be the name of a variable'), resourceNameSchema)
    .optional()
    .describe('environment variables with the value of a secret: encrypted on the way, visible in inspect'),
  lock: z.literal(true).optional().describe('a file `lock` that it makes in /run/longshore keeps updates waiting'),
  devices: z
    .array(deviceSelectorSchema)
    .optional()
    .describe('hardware by what it is, also when it is plugged in again'),
  gpu: gpuNeedsSchema.optional().describe('what a GPU must be; without `gpus` it asks for one'),
})

export const serviceSchema = withExtensions({
  image: z.string().min(1),
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional().describe('an empty list clears the entrypoint of the image'),
  environment: stringMapSchema.optional(),
  ports: z.array(portSchema).optional(),
  expose: z.array(z.string().regex(/^\d+(-\d+)?(\/(tcp|udp|sctp))?$/)).optional(),
  volumes: z.array(mountSchema).optional(),
  networks: z.record(resourceNameSchema, attachmentSchema).optional(),
  network_mode: z
    .string()
    .regex(/^(bridge|host|none|service:[A-Za-z0-9][A-Za-z0-9_-]*)$/, 'must be bridge, host, none or service:NAME')
    .optional(),
  depends_on: z.record(serviceNameSchema, dependencySchema).optional(),
  healthcheck: healthcheckSchema.optional(),
  restart: z
    .string()
    .regex(/^(no|always|unless-stopped|on-failure(:\d+)?)$/, 'must be no, always, unless-stopped or on-failure[:N]')
    .optional(),
  labels: stringMapSchema.optional(),
  container_name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/, 'must be a container name')
    .optional(),
  user: z.string().optional(),
  working_dir: z.string().optional(),
  hostname: z.string().optional(),
  stop_signal: z.string().optional(),
  stop_grace_period: durationSchema.optional(),
  init: z.boolean().optional(),
  tty: z.boolean().optional(),
  stdin_open: z.boolean().optional(),
  read_only: z.boolean().optional(),
  tmpfs: z.array(z.string()).optional().describe('/path or /path:options'),
  cap_add: z.array(capabilitySchema).optional(),
  cap_drop: z.array(capabilitySchema).optional(),
  security_opt: z.array(z.string()).optional(),
  deploy: deploySchema.optional(),
  logging: withExtensions({ driver: z.string().optional(), options: stringMapSchema.optional() }).optional(),
  pull_policy: z.enum(['always', 'missing', 'never']).optional(),
  ...hostKeys,
  ...limitKeys,
  ...deviceKeys,
  configs: z.array(attachedFileSchema).optional(),
  secrets: z.array(attachedFileSchema).optional(),
  'x-longshore': longshoreServiceSchema.optional(),
})

const configSchema = z.union([withExtensions({ file: projectPathSchema }), withExtensions({ content: z.string() })])

/** A value that travels on a topic of its own, encrypted for the device; a release only names it. */
const secretSchema = withExtensions({ external: z.literal(true), name: resourceNameSchema.optional() })

const longshoreSchema = z.strictObject({
  update: z
    .strictObject({
      deadline: durationSchema.optional().describe('until every service must be as wanted; default 5m'),
      tolerateRestarts: z
        .int()
        .nonnegative()
        .optional()
        .describe('so often a container may end while an update is watched; default 0'),
      window: z
        .array(z.string())
        .min(1)
        .max(mostWindows)
        .optional()
        .describe('when an update may begin: `0 2 * * 1-5 for 3h`, cron in the time zone of the device or `in ZONE`'),
      lockExpiry: durationSchema.optional().describe('a lock ends so long after it was last written; default 24h'),
    })
    .optional(),
  files: z
    .record(projectPathSchema, z.enum(['release', 'data']))
    .optional()
    .describe('of writable files: the version of the release always wins, or that of the device'),
})

export const modelSchema = withExtensions({
  name: appNameSchema,
  services: z
    .record(serviceNameSchema, serviceSchema)
    .refine((services) => Object.keys(services).length > 0, { error: 'must name at least one service' }),
  networks: z.record(resourceNameSchema, networkSchema).optional(),
  volumes: z.record(resourceNameSchema, volumeSchema).optional(),
  configs: z.record(resourceNameSchema, configSchema).optional(),
  secrets: z.record(resourceNameSchema, secretSchema).optional(),
  'x-longshore': longshoreSchema.optional(),
}).meta({ id: 'ComposeModel' })

export type Model = z.infer<typeof modelSchema>
export type Service = z.infer<typeof serviceSchema>
export type Mount = z.infer<typeof mountSchema>
export type Port = z.infer<typeof portSchema>
export type AttachedFile = z.infer<typeof attachedFileSchema>
export type Config = z.infer<typeof configSchema>
export type Healthcheck = z.infer<typeof healthcheckSchema>
export type DependencyCondition = z.infer<typeof dependencySchema>['condition']

/** A job ends by itself and is then done; everything else is kept running. */
export const isJob = (service: Service, isAwaited: boolean): boolean =>
  isAwaited ||
  service.deploy?.mode !== undefined ||
  service.restart === 'no' ||
  service.restart?.startsWith('on-failure') === true

/** How many containers of a service run side by side. */
export const replicasOf = (service: Service): number => service.deploy?.replicas ?? 1
