/** The file of `--config`, and the flags beside it. docs/broker.md explains each setting. */
import { z } from 'zod'
import { defined } from '../src/defined.ts'
import { LongshoreError } from '../src/protocol/reason.ts'
import { bridgeSchema } from './bridge/bridge-settings.ts'
import { listenerSchema } from './listen/listener-settings.ts'
import { isLoopback } from './rules.ts'
import { type BrokerSettings, defaultSettings } from './settings.ts'

const portSchema = z.int().min(0).max(65_535)
const count = z.int().min(1).optional()

export const brokerConfigSchema = z.strictObject({
  host: z.string().min(1).optional(),
  port: portSchema.optional(),
  wsPort: portSchema.optional(),
  allowedOrigins: z.array(z.string()).optional(),
  listeners: z.array(listenerSchema).min(1).optional(),
  users: z.string().min(1).optional(),
  access: z.string().min(1).optional(),
  enrolment: z
    .strictObject({
      folder: z.string().min(1),
      lifetimeS: z
        .int()
        .min(1)
        .default(365 * 86_400),
    })
    .optional(),
  maxFailedLogins: count,
  state: z.string().min(1).optional(),
  fsync: z.enum(['always', 'interval', 'never']).optional(),
  willDelayS: count,
  maxPacketBytes: z.int().min(1024).optional(),
  writeBufferBytes: z.int().min(1024).optional(),
  maxStillS: count,
  maxConnections: count,
  maxConnectionsPerAddress: count,
  maxConnectRate: count,
  maxSubscriptions: count,
  maxClientIdBytes: z.int().min(23).optional(),
  maxTopicBytes: z.int().min(1).max(65_535).optional(),
  maxTopicLevels: z.int().min(1).max(100).optional(),
  maxInFlight: z.int().min(1).max(10_000).optional(),
  maxQueuedBytes: count,
  maxQueuedBytesPerClient: count,
  maxQueuedAgeS: count,
  maxRetainedBytes: count,
  maxSessions: count,
  sessionExpiryS: count,
  bridge: bridgeSchema.optional(),
  sysIntervalS: z.int().min(0).optional(),
  metrics: z.strictObject({ host: z.string().min(1).optional(), port: portSchema }).optional(),
})

export type BrokerConfig = z.infer<typeof brokerConfigSchema>

/**
 * `host`, `port`, `wsPort` and `allowedOrigins` are the short way to one or two listeners. Pure.
 * @throws LongshoreError config-invalid
 */
export const settingsOf = ({
  host,
  port,
  wsPort,
  allowedOrigins,
  listeners,
  ...rest
}: BrokerConfig): BrokerSettings => {
  const short = defined({ host, port, wsPort, allowedOrigins })
  const given = Object.keys(short)
  if (listeners !== undefined && given.length > 0)
    throw new LongshoreError(
      'config-invalid',
      `listeners stands in place of ${given.join(', ')}: say there what these say`,
    )
  if (rest.bridge !== undefined && rest.state === undefined)
    throw new LongshoreError('config-invalid', 'a bridge needs a place for what waits for its link: set state')
  if (rest.metrics?.host !== undefined && !isLoopback(rest.metrics.host))
    throw new LongshoreError(
      'config-invalid',
      `metrics.host is ${rest.metrics.host}: whoever asks is answered there, so it must be an address of loopback`,
    )
  return { ...defaultSettings, ...defined(rest), listeners: listeners ?? shortListeners(short) }
}

const shortListeners = (short: {
  readonly host?: string
  readonly port?: number
  readonly wsPort?: number
  readonly allowedOrigins?: readonly string[]
}): BrokerSettings['listeners'] => {
  const { host = '127.0.0.1', port = 1883, wsPort, allowedOrigins = [] } = short
  const tcp = { type: 'tcp' as const, host, port }
  if (wsPort === undefined) return [tcp]
  return [tcp, { type: 'ws', host, port: wsPort, allowedOrigins: [...allowedOrigins] }]
}
