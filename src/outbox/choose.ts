/** Which class gives way when there is no room, and whether one may be sent now. Pure. */
import { type MessageClass, messageClasses } from '../protocol/queued.ts'
import type { OutboxLimits } from './limits.ts'

/**
 * The class whose oldest messages go: of those that have more than their share, the least important. None within the cap.
 *
 * @param bytes what each would hold
 */
export const chooseVictim = (
  bytes: Readonly<Record<MessageClass, number>>,
  { capBytes, classes }: Pick<OutboxLimits, 'capBytes' | 'classes'>,
): MessageClass | undefined => {
  const total = messageClasses.reduce((sum, one) => sum + bytes[one], 0)
  if (total <= capBytes) return undefined
  return messageClasses.findLast((one) => bytes[one] > classes[one].share * capBytes)
}

/** A bucket of what may be sent at once; filled steadily, and emptied by one with each message. */
export type Bucket = { readonly tokens: number; readonly filledMs: number }

/** As it stands at `nowMs` (of the steady clock). It holds a tenth of a second's worth, at least one. */
export const fillBucket = (bucket: Bucket, perSecond: number, nowMs: number): Bucket => ({
  tokens: Math.min(
    Math.max(1, perSecond / 10),
    bucket.tokens + (Math.max(0, nowMs - bucket.filledMs) / 1_000) * perSecond,
  ),
  filledMs: nowMs,
})

/** ms until there is one to take. */
export const bucketWaitMs = (bucket: Bucket, perSecond: number): number =>
  bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) / perSecond) * 1_000)
