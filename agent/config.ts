/** What an agent is told: by flags, by a file, or both. Everything wrong is said at once, with the field. */
import { z } from 'zod'
import { isBrokerUrl } from '../src/link/addresses.ts'
import { labelKeyPattern, mostLabelLength } from '../src/protocol/label.ts'
import { deviceIdSchema, rootSchema } from '../src/protocol/names.ts'
import { defaultMaxBytes } from '../src/protocol/payload.ts'
import { telemetryProfiles } from '../src/protocol/telemetry.ts'
import { defaultRoot } from '../src/protocol/topics.ts'
import { healthLimitsSchema } from './health/health-limits.ts'
import { registryOf } from './translate/registry.ts'

const registryHost = String.raw`(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+(?=:))(:\d+)?`
const registryHostSchema = z
  .string()
  .regex(new RegExp(`^${registryHost}$`), 'must be a registry as image names have it: host, or host:port')
  // Under another of its names it would be asked for nothing.
  .refine((host) => registryOf(`${host}/image`) === host, 'must be docker.io, for Docker Hub')

const mirrorSchema = z
  .string()
  .regex(
    new RegExp(`^${registryHost}(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`),
    'must be host[:port][/prefix], without https://; a host without a dot needs a port',
  )

/** Several addresses of one logical broker, as of a cluster: in order of preference, as a list or with commas between. */
const brokerSchema = z
  .union([z.string(), z.array(z.string()).transform((addresses) => addresses.join(','))])
  .refine(isBrokerUrl, 'must be mqtt://, mqtts://, ws:// or wss://')

export const agentConfigSchema = z.strictObject({
  device: deviceIdSchema,
  broker: brokerSchema,
  mqttVersion: z.enum(['3.1.1', '5']).default('3.1.1').describe('3.1.1 is what every broker speaks'),
  username: z.string().optional(),
  passwordFile: z.string().optional(),
  ca: z.string().optional().describe('path of a PEM file'),
  cert: z.string().optional(),
  key: z.string().optional(),
  renewCertificate: z
    .boolean()
    .default(false)
    .describe(
      'the broker is asked for a new certificate before the one in cert and key, which must be one file, runs out',
    ),
  clientId: z.string().min(1).optional().describe('default: the device id'),
  root: rootSchema.default(defaultRoot),
  state: z.string().min(1).default('/var/lib/longshore'),
  secrets: z
    .string()
    .min(1)
    .optional()
    .describe('folder on a tmpfs where secrets stand for containers; default: under /run or /dev/shm'),
  engine: z.string().optional().describe('default: DOCKER_HOST, or the first socket found'),
  namePrefix: z
    .string()
    .regex(/^([a-zA-Z0-9][a-zA-Z0-9_.-]*)?$/, 'must be the beginning of a container name')
    .default('')
    .describe('for a second agent on one engine: stands before every name'),
  allowPrivileged: z.boolean().default(false).describe('deployments may ask for privileged containers'),
  policy: z
    .string()
    .min(1)
    .default('/etc/longshore/policy.yaml')
    .describe('what deployments may ask for; missing: the default policy. Files of policy.d beside it come after it'),
  maxBytes: z.int().min(1024).default(defaultMaxBytes),
  outboxBytes: z
    .int()
    .min(1_048_576)
    .default(64 * 1_048_576)
    .describe('what waits on the disk for the broker: events, replies, telemetry'),
  capContainerLogs: z
    .boolean()
    .default(true)
    .describe(
      'what a container says is kept up to 3 files of 10 MB, where neither its service nor the engine says how it logs',
    ),
  logBytesPerDay: z
    .int()
    .nonnegative()
    .default(100_000_000)
    .describe(
      'what longshore logs may send in a day (UTC), so that a follower who is forgotten does not use up a data plan; 0: no limit',
    ),
  telemetry: z
    .enum(telemetryProfiles)
    .exclude(['live'])
    .default('thrifty')
    .describe('how much is told of what the machine and its containers are doing'),
  statusSocket: z
    .string()
    .min(1)
    .optional()
    .describe('where anybody on the machine may read how the device is; default: status.sock in the state folder'),
  health: healthLimitsSchema,
  keepaliveS: z.int().min(5).max(3600).default(60).describe('thin links: 600 costs a tenth'),
  connectTimeoutS: z.int().min(1).max(3600).default(15).describe('how long a broker may take to answer a connection'),
  acknowledgeS: z
    .int()
    .min(1)
    .max(3600)
    .default(60)
    .describe(
      'what the broker has not acknowledged by then ends the connection; a second for each 1,000 bytes comes to it',
    ),
  reconnectMaxS: z
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('the longest pause between two attempts to connect; a random part of it is waited'),
  keepReleases: z.int().min(1).max(20).default(3).describe('releases of an app that are kept to go back to'),
  registryMirrors: z
    .record(z.union([z.literal('*'), registryHostSchema]), z.array(mirrorSchema))
    .default({})
    .describe('mirrors by registry, tried in order before it; under * for every registry without an entry of its own'),
  registryCredentials: z.string().min(1).optional().describe('a Docker config.json that only the agent may read'),
  pullStallS: z.int().min(5).max(3600).default(120).describe('without a byte for this long a pull is given up'),
  diskReserve: z
    .union([z.int().nonnegative(), z.string().regex(/^\d{1,2}(\.\d+)?%$/, 'must be bytes, or a percentage as 5%')])
    .optional()
    .describe('free on the disk of the engine before a pull; default: 5 % of it, between 256 MB and 2 GB'),
  labels: z
    .record(
      z.string().regex(labelKeyPattern, 'must be a name such as line or site/hall'),
      z.union([z.string(), z.number(), z.boolean()]).transform(String).pipe(z.string().min(1).max(mostLabelLength)),
    )
    .default({})
    .describe('what deploy.placement may ask for as node.labels.NAME; longshore label wins over them'),
  devicePollS: z
    .int()
    .min(5)
    .max(86_400)
    .default(60)
    .describe('a look at the hardware, for what neither /dev nor udev told'),
  rebootCommand: z
    .array(z.string().min(1))
    .min(1)
    .default(['systemctl', 'reboot'])
    .describe('what the command reboot runs, where the policy lets it: a program and its arguments'),
  lookEveryS: z.int().min(1).default(60).describe('a full look at the engine, for events that were missed'),
})

export type AgentConfig = z.infer<typeof agentConfigSchema>
