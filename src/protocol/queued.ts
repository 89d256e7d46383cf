/** What everything that goes through the outbox of a device carries, so that a consumer can tell the same message sent twice. */
import { z } from 'zod'

/** Most important first: what is sent first, and dropped last. */
export const messageClasses = ['alarm', 'reply', 'event', 'telemetry'] as const

export const messageClassSchema = z.enum(messageClasses)
export type MessageClass = z.infer<typeof messageClassSchema>

const count = z.int().nonnegative()

/** Fields beside those of the message itself. The same message has the same class, epoch and seq however often it is sent. */
export const queuedSchema = z.object({
  class: messageClassSchema,
  epoch: count.describe('one more at each start of the sender, never less than epoch seconds when its clock was set'),
  seq: count.describe('rises within class and epoch, from 1'),
  at: z.number().describe('epoch ms when it happened, corrected when the clock was set only later'),
})
export type Queued = z.infer<typeof queuedSchema>

/** Readers tolerate a reason that they do not know. */
export const dropReasons = ['expired', 'full', 'poison', 'corrupt', 'disk'] as const
export type DropReason = (typeof dropReasons)[number]

/** Of the messages `from` to `to` of a class and epoch, `count` will never come; 0: nobody knows how many. */
export const droppedSchema = z.object({
  class: messageClassSchema,
  epoch: count,
  from: count,
  to: count,
  count,
  reason: z.string().meta({ examples: [...dropReasons] }),
})
export type Dropped = z.infer<typeof droppedSchema> & { readonly reason: DropReason }
