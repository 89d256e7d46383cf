/** What a bridge is told: where the broker above is, and what of this site it is to know. docs/bridge.md explains each. */
import { z } from 'zod'
import { defined } from '../../src/defined.ts'
import { isBrokerUrl } from '../../src/link/addresses.ts'
import { siteSchema } from '../../src/protocol/bridge.ts'
import { deviceIdSchema, rootSchema } from '../../src/protocol/names.ts'
import { defaultRoot } from '../../src/protocol/topics.ts'

const path = z.string().min(1).optional()

export const bridgeSchema = z.strictObject({
  site: siteSchema,
  url: z.string().refine(isBrokerUrl, 'must be mqtt://, mqtts://, ws:// or wss:// and a host; several with commas'),
  mqttVersion: z.enum(['3.1.1', '5']).optional(),
  clientId: z.string().min(1).optional(),
  username: z.string().optional(),
  passwordFile: path,
  ca: path,
  cert: path,
  key: path,
  root: rootSchema.optional().describe('on this broker'),
  rootAbove: rootSchema.optional().describe('on the broker above; default: the same'),
  devices: z.array(deviceIdSchema).min(1).max(200).optional().describe('only these; default: all under the root'),
  keepaliveS: z.int().min(5).max(65_535).optional(),
  maxBytesPerSecond: z.int().min(1).optional(),
  maxMessagesPerSecond: z.number().positive().optional(),
  queueBytes: z
    .int()
    .min(1024 * 1024)
    .optional(),
})

export type BridgeConfig = z.infer<typeof bridgeSchema>

const defaults = { root: defaultRoot, keepaliveS: 60, queueBytes: 256 * 1024 * 1024 }

export type BridgeSettings = BridgeConfig & typeof defaults

export const bridgeSettingsOf = (config: BridgeConfig): BridgeSettings => ({ ...defaults, ...defined(config) })
