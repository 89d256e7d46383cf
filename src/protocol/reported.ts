/** `<device>/reported/<app>`: what the device says about an app. Retained, QoS 1. */
import { z } from 'zod'
import { appNameSchema, digestSchema, epochMsSchema, generationSchema } from './names.ts'
import { reasonSchema } from './reason.ts'

/**
 *   accepted → waiting ⇄ pulling → stopping → starting → verifying → running ⇄ degraded
 *                                                     ↘ completed (jobs only)   ↘ stopped
 *   any of them → rolling-back → running | failed;  any of them → failed;  any of them → removed
 */
export const phases = [
  'accepted',
  'waiting',
  'pulling',
  'stopping',
  'starting',
  'verifying',
  'rolling-back',
  'running',
  'degraded',
  'stopped',
  'completed',
  'failed',
  'removed',
] as const

/** What a generation came to. */
export const outcomes = ['succeeded', 'rolled-back', 'rollback-failed', 'failed', 'superseded'] as const

/** Why a message was not accepted at all. */
export const refusals = ['rejected', 'stale', 'conflict'] as const

export const serviceStates = [
  'missing',
  'created',
  'running',
  'paused',
  'restarting',
  'exited',
  'completed',
  'dead',
] as const

export const healthStates = ['none', 'starting', 'healthy', 'unhealthy'] as const

export const serviceReportSchema = z
  .looseObject({
    state: z.enum(serviceStates),
    health: z.enum(healthStates),
    image: z.string().describe('the reference in the Compose model'),
    imageId: z.string().optional(),
    imageDigest: z
      .string()
      .optional()
      .describe('what a registry calls the image, as sha256:…; where it has such a name'),
    digest: z.string().optional().describe('the spec digest that the container was made from'),
    restarts: z.int().nonnegative(),
    cause: z.string().optional().describe('why its container was made'),
    exitCode: z.int().optional(),
    startedAt: epochMsSchema.optional(),
    devices: z
      .array(z.looseObject({ target: z.string(), node: z.string().optional().describe('absent: it is away') }))
      .optional()
      .describe('the hardware that its container was given, by where the container sees it'),
    log: z.array(z.string()).optional().describe('the last lines of a container that ended though it should not'),
    reason: reasonSchema.optional(),
    replicas: z
      .array(
        z.looseObject({
          number: z.int().positive(),
          state: z.enum(serviceStates),
          health: z.enum(healthStates),
          restarts: z.int().nonnegative(),
          startedAt: epochMsSchema.optional(),
        }),
      )
      .optional()
      .describe('where several containers of the service run: each of them'),
  })
  .meta({ id: 'ServiceReport' })

/** A message that was not accepted, and why. */
export const refusedSchema = z.object({
  generation: generationSchema.optional(),
  release: digestSchema.optional(),
  outcome: z.enum(refusals),
  reason: reasonSchema,
  at: epochMsSchema,
})

/** SHA-256 of both versions; null: there is no file. */
export const keptFileSchema = z.looseObject({
  path: z.string(),
  device: z.string().nullable(),
  release: z.string().nullable(),
})

const releaseRefSchema = z.object({ generation: generationSchema, release: digestSchema })

export const reportedSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    session: z.int().nonnegative(),
    app: appNameSchema,
    generation: generationSchema.nullable().describe('of the newest accepted deployment; null if none ever was'),
    release: digestSchema.nullable(),
    phase: z.enum(phases).nullable(),
    outcome: z.enum(outcomes).optional(),
    reason: reasonSchema.optional().describe('whenever it is not plain success'),
    since: epochMsSchema.describe('when this phase began'),
    waitingFor: z.array(reasonSchema).optional(),
    running: releaseRefSchema.nullable(),
    lastGood: releaseRefSchema.optional(),
    refused: refusedSchema.optional(),
    keptFiles: z
      .array(keptFileSchema)
      .optional()
      .describe('writable files of which the device keeps another version than that of the release (file-kept)'),
    keptFileCount: z.int().positive().optional().describe('of all of them: keptFiles holds the first 50'),
    hold: z
      .looseObject({
        at: epochMsSchema,
        by: z.string(),
        until: epochMsSchema.optional(),
        reason: z.string().optional(),
      })
      .optional()
      .describe('the operator holds every deployment of the app'),
    services: z.record(z.string(), serviceReportSchema),
    shortened: z
      .literal(true)
      .optional()
      .describe('last lines and kept files, or the services too, are left out: the broker takes no longer messages'),
  })
  .meta({ id: 'Reported' })

export type Phase = (typeof phases)[number]
export type Outcome = (typeof outcomes)[number]
export type Refusal = (typeof refusals)[number]
export type ServiceState = (typeof serviceStates)[number]
export type HealthState = (typeof healthStates)[number]
export type ServiceReport = z.infer<typeof serviceReportSchema>
export type Reported = z.infer<typeof reportedSchema>
