/** An event before it is numbered and sent, and how important each kind is. Pure. */
import type { Event, EventKind } from '../../src/protocol/event.ts'
import type { MessageClass } from '../../src/protocol/queued.ts'

export type AgentEvent = { readonly kind: EventKind } & Partial<
  Pick<
    Event,
    | 'app'
    | 'service'
    | 'replica'
    | 'generation'
    | 'release'
    | 'reason'
    | 'cause'
    | 'exitCode'
    | 'restarts'
    | 'log'
    | 'durationMs'
    | 'byMs'
    | 'dropped'
    | 'hardware'
    | 'health'
  >
>

const alarms: ReadonlySet<EventKind> = new Set([
  'device-id-in-use',
  'messages-dropped',
  'deployment-rolled-back',
  'deployment-rollback-failed',
  'deployment-failed',
  'app-degraded',
])

/** Alarms are sent first and dropped last. */
export const classOf = ({ kind }: AgentEvent): Extract<MessageClass, 'alarm' | 'event'> =>
  alarms.has(kind) ? 'alarm' : 'event'
