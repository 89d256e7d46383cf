/** `longshore broker`: the embedded broker, in the foreground. */
import type { Command } from 'commander'
import { z } from 'zod'
import { defined } from '../../defined.ts'
import { parsePort } from '../arguments.ts'
import { createLog, failLoudly, logLevelOption, readConfig, untilSignal } from '../daemon.ts'

type Options = { config?: string; host?: string; port?: number; wsPort?: number; state?: string; logLevel: string }

const portSchema = z.int().min(0).max(65_535)

const count = z.int().min(1).optional()

const configSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: portSchema.default(1883),
  wsPort: portSchema.optional(),
  allowedOrigins: z.array(z.string()).optional(),
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
})

export const addBroker = (program: Command): void => {
  program
    .command('broker')
    .description('run the embedded broker of one site in the foreground')
    .option('--config <file>', 'YAML file with the same settings; flags win')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <n>', 'port for MQTT over TCP; 0 takes a free one (default: 1883)', parsePort)
    .option('--ws-port <n>', 'port for MQTT over WebSocket (default: none)', parsePort)
    .option('--state <folder>', 'where it keeps what outlasts a restart (default: nowhere)')
    .addOption(logLevelOption())
    .action(async ({ config: file, logLevel, ...flags }: Options) => {
      const log = createLog(logLevel)
      const { host, port, ...rest } = await readConfig(configSchema, file, flags)
      const { createBroker } = await import('../../../broker/broker.ts')
      failLoudly(log)
      const broker = createBroker({ host, port, log, ...defined(rest) })
      const bound = await broker.start()
      log.info({ host, ...bound }, 'the broker listens')
      await untilSignal(log, broker.stop)
    })
}
