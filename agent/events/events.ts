/** Tells what happened, through the outbox: from whatever part of the agent, within limits by source. */
import type { Logger } from 'pino'
import { defined } from '../../src/defined.ts'
import type { Outbox } from '../../src/outbox/outbox.ts'
import { reasonOf } from '../../src/protocol/reason.ts'
import { type AgentEvent, classOf } from './agent-event.ts'
import { dueEvents, judgeEvent, noEventLimits, type Told } from './event-limiter.ts'

export type Events = {
  /** Resolves with true when it is on disk, or was left out. Never rejects: what cannot be kept is counted by the outbox. */
  readonly tell: (event: AgentEvent) => Promise<boolean>
  /** Resolves when what was left out last is on disk as well. */
  readonly stop: () => Promise<void>
}

export type EventsInput = {
  readonly outbox: Pick<Outbox, 'append'>
  readonly topic: string
  readonly session: () => number
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
  readonly log: Logger
}

const lookEveryMs = 30_000

export const createEvents = ({ outbox, topic, session, monotonicMs, log }: EventsInput): Events => {
  let limits = noEventLimits

  const append = async ({ event, leftOut }: Told): Promise<void> => {
    const body = { schema: 1, session: session(), ...event, ...defined({ leftOut: leftOut > 0 ? leftOut : undefined }) }
    await outbox.append(classOf(event), { topic, body })
  }

  const send = async (told: Told): Promise<boolean> => {
    try {
      await append(told).catch((error: unknown) => {
        if (reasonOf(error).code !== 'payload-too-large') throw error
        return append({ ...told, event: shortened(told.event) })
      })
      return true
    } catch (error) {
      log.warn({ kind: told.event.kind, ...reasonOf(error) }, 'an event could not be kept')
      return false
    }
  }

  const timer = setInterval(() => {
    const due = dueEvents(limits, monotonicMs())
    limits = due.limits
    for (const told of due.told) void send(told)
  }, lookEveryMs)
  timer.unref()

  return {
    tell: async (event) => {
      const judged = judgeEvent(limits, event, monotonicMs())
      limits = judged.limits
      return judged.told === undefined || (await send(judged.told))
    },
    stop: async () => {
      clearInterval(timer)
      const due = dueEvents(limits, Number.POSITIVE_INFINITY)
      limits = due.limits
      await Promise.all(due.told.map(send))
    },
  }
}

const mostReasonCharacters = 200

/** Without what containers and brokers said at length: that it happened counts most. */
const shortened = ({ log: _, reason, ...event }: AgentEvent): AgentEvent =>
  reason === undefined
    ? event
    : { ...event, reason: { ...reason, message: reason.message.slice(0, mostReasonCharacters) } }
