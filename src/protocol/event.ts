/** `<device>/event`: what happened on a device, and when. Not retained, QoS 1, through the outbox. */
import { z } from 'zod'
import { healthSchema } from './health.ts'
import { hostDeviceSchema } from './host-device.ts'
import { appNameSchema, digestSchema, generationSchema } from './names.ts'
import { queuedSchema } from './queued.ts'
import { reasonSchema } from './reason.ts'

/** Readers tolerate a kind that they do not know. */
export const eventKinds = [
  'agent-started',
  'agent-stopped',
  'link-up',
  'link-down',
  'clock-set',
  'device-id-in-use',
  'messages-dropped',
  'deployment-accepted',
  'deployment-refused',
  'deployment-succeeded',
  'deployment-rolled-back',
  'deployment-rollback-failed',
  'deployment-failed',
  'deployment-superseded',
  'app-degraded',
  'app-recovered',
  'app-removed',
  'service-started',
  'service-ended',
  'service-restarted',
  'service-healthy',
  'service-unhealthy',
  'service-missing',
  'device-plugged',
  'device-unplugged',
  'health-changed',
] as const

export type EventKind = (typeof eventKinds)[number]

export const eventSchema = z
  .looseObject({
    schema: z.literal(1),
    ...queuedSchema.shape,
    session: z.int().nonnegative().describe('of the newest connection when it happened'),
    kind: z.string().meta({ examples: [...eventKinds] }),
    app: appNameSchema.optional(),
    service: z.string().optional(),
    replica: z.int().positive().optional().describe('which container of the service, where there are several'),
    generation: generationSchema.optional(),
    release: digestSchema.optional(),
    reason: reasonSchema.optional().describe('why; with a failure always'),
    cause: z.string().optional().describe('which part of its definition had a container made anew'),
    exitCode: z.int().optional(),
    restarts: z.int().nonnegative().optional().describe('of the container, by the engine'),
    log: z.array(z.string()).optional().describe('the last lines of a container that ended'),
    durationMs: z.number().nonnegative().optional().describe('link-up: how long the link was down'),
    byMs: z.number().optional().describe('clock-set: how far it was set'),
    hardware: z
      .looseObject(
        hostDeviceSchema.pick({ class: true, name: true, node: true, usb: true, model: true, byPath: true }).shape,
      )
      .optional()
      .describe('device-plugged, device-unplugged: what it is, as the inventory has it'),
    dropped: z
      .looseObject({
        class: z.string(),
        epoch: z.int().nonnegative(),
        from: z.int().nonnegative(),
        to: z.int().nonnegative(),
        count: z.int().nonnegative(),
        reason: z.string(),
      })
      .optional()
      .describe('messages-dropped: of these messages so many will never come'),
    health: healthSchema.optional().describe('health-changed: the verdict from now on'),
    leftOut: z.int().positive().optional().describe('events of the same kind and source since the last one, not told'),
  })
  .meta({ id: 'Event' })

export type Event = z.infer<typeof eventSchema>
