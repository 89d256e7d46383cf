/**
 * `<device>/telemetry/host` and `<device>/telemetry/app/<app>`: what a machine and the services of an app are doing, flat
 * numbers with their units in the names. Not retained, through the outbox.
 */
import { z } from 'zod'
import { queuedSchema } from './queued.ts'

export const telemetrySchema = z
  .looseObject({
    schema: z.literal(1),
    ...queuedSchema.shape,
    session: z.int().nonnegative().describe('of the newest connection when it was read'),
  })
  .catchall(z.union([z.number(), z.string()]))
  .meta({ id: 'Telemetry', description: 'metrics stand beside these fields, as numbers; docs/telemetry.md lists them' })

export const telemetryProfiles = ['off', 'minimal', 'thrifty', 'normal', 'live'] as const
export type TelemetryProfile = (typeof telemetryProfiles)[number]
