/** What a broker answers on the socket in its state folder, to anybody on the same machine. */
import { z } from 'zod'
import { epochMsSchema } from './names.ts'
import { messageClasses } from './queued.ts'
import { reasonSchema } from './reason.ts'

/** The socket in the state folder of a broker. */
export const brokerSocketName = 'status.sock'

const count = z.int().nonnegative()

export const bridgeReportSchema = z
  .looseObject({
    site: z.string(),
    url: z.string().describe('without a password'),
    state: z.enum(['up', 'down', 'circle']).describe('circle: what it sends up came back, so it keeps out of it'),
    reason: reasonSchema.optional().describe('why it is not up'),
    stateDue: count.describe('retained messages that the broker above does not know yet'),
    isDrained: z.boolean().describe('nothing waits in its queue'),
    queued: z
      .record(
        z.enum(messageClasses),
        z.looseObject({
          appended: count,
          sent: count,
          dropped: z.partialRecord(z.string(), count),
          bytesOnDisk: count,
        }),
      )
      .describe('since the broker started'),
    sentUp: count,
    cameDown: count,
  })
  .meta({ id: 'BridgeReport' })

export type BridgeReport = z.infer<typeof bridgeReportSchema>

const amount = z.looseObject({ count, bytes: count })

export const brokerStatusSchema = z
  .looseObject({
    schema: z.literal(1),
    at: epochMsSchema,
    version: z.string(),
    startedAt: epochMsSchema,
    listeners: z.array(z.string()),
    connections: count,
    clients: z.looseObject({
      connected: count,
      total: count.describe('connected, or with a session'),
      maximum: count.describe('of total, since it started, as far as anybody looked'),
    }),
    sessions: count,
    subscriptions: count,
    retained: amount,
    queued: amount.describe('for clients that are not there, or have not acknowledged yet'),
    store: z
      .looseObject({ folder: z.string(), bytes: count.describe('on disk') })
      .optional()
      .describe('absent: nothing outlasts a restart'),
    traffic: z.looseObject({
      messagesReceived: count,
      messagesSent: count,
      publishesReceived: count,
      publishesSent: count,
      bytesReceived: count,
      bytesSent: count,
    }),
    dropped: z.record(z.string(), count),
    refused: z.record(z.string(), count).describe('by limit'),
    lastRefusals: z
      .array(z.looseObject({ at: epochMsSchema, limit: z.string(), message: z.string() }))
      .describe('oldest first'),
    fault: z.string().optional().describe('why the disk takes nothing now'),
    bridge: bridgeReportSchema.optional(),
  })
  .meta({ id: 'BrokerStatus' })

export type BrokerStatus = z.infer<typeof brokerStatusSchema>
