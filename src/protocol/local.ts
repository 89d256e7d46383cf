/** What the agent answers on its sockets, on the same machine: to `longshore load`, and to anybody how the device is. */
import { z } from 'zod'
import { healthSchema } from './health.ts'
import { appNameSchema, deviceIdSchema, epochMsSchema, generationSchema } from './names.ts'
import { messageClasses } from './queued.ts'
import { reasonSchema } from './reason.ts'
import { healthStates, outcomes, phases, refusals, serviceStates } from './reported.ts'
import { telemetryProfiles } from './telemetry.ts'

/** The socket in the state folder of an agent. */
export const socketName = 'agent.sock'

/** The one that only tells how the device is, to anybody. */
export const statusSocketName = 'status.sock'

/** What `longshore agent status` shows: all that is known on the device itself, with no network. */
export const agentStatusSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    device: deviceIdSchema,
    agent: z.string().describe('version'),
    startedAt: epochMsSchema,
    health: healthSchema,
    link: z.looseObject({
      isConnected: z.boolean(),
      broker: z.string().describe('without a password'),
      session: z.int().nonnegative(),
      since: epochMsSchema.optional().describe('when it came or went; absent: there was none yet'),
      reason: reasonSchema.optional().describe('why it is down'),
    }),
    engine: z.looseObject({ isThere: z.boolean() }),
    telemetry: z.enum(telemetryProfiles),
    outbox: z.record(
      z.enum(messageClasses),
      z.looseObject({ bytesOnDisk: z.number(), inMemory: z.number(), dropped: z.number() }),
    ),
    apps: z.array(
      z.looseObject({
        app: appNameSchema,
        phase: z.enum(phases).nullable(),
        outcome: z.enum(outcomes).optional(),
        reason: reasonSchema.optional(),
        waitingFor: z.array(reasonSchema).optional(),
        services: z.record(
          z.string(),
          z.looseObject({
            state: z.enum(serviceStates),
            health: z.enum(healthStates),
            restarts: z.int(),
            startedAt: epochMsSchema.optional(),
          }),
        ),
      }),
    ),
    host: z.record(z.string(), z.number()).describe('the newest metrics, as in telemetry'),
  })
  .meta({ id: 'AgentStatus' })

export type AgentStatus = z.infer<typeof agentStatusSchema>

/** What becomes of a bundle, or would become. */
export const judgementSchema = z.object({
  device: deviceIdSchema,
  generation: generationSchema,
  kind: z.enum(['accepted', 'known', 'refused']),
  outcome: z.enum(refusals).optional(),
  reason: reasonSchema.optional().describe('why it is refused'),
  missing: z.array(z.string()).describe('references of its images that are not on the engine'),
})

export const localErrorSchema = z.object({ error: reasonSchema })

export type Judgement = z.infer<typeof judgementSchema>
