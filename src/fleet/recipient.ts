/** The key that a device publishes for its secrets, read and judged against the one that was pinned. */
import { z } from 'zod'
import { readPayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import type { Fleet } from './fleet.ts'
import { isRecipient } from './seal.ts'

/** Of the inventory only this: the rest of it may be of another version. */
const publishedSchema = z.looseObject({ recipient: z.unknown().optional() })

/** @throws LongshoreError recipient-missing, recipient-invalid */
export const readRecipient = async (fleet: Fleet, device: string): Promise<string> => {
  const topic = fleet.topics.inventory(device)
  const payload = (await fleet.read([topic])).get(topic)
  if (payload === undefined)
    throw new LongshoreError('recipient-missing', `${device}: the broker has no inventory of a device of this id`)
  const read = readPayload(publishedSchema, payload, Number.POSITIVE_INFINITY)
  if (!read.ok) throw new LongshoreError('recipient-missing', `${device}: its inventory: ${read.reason.message}`)
  const { recipient } = read.value
  if (recipient === undefined)
    throw new LongshoreError('recipient-missing', `${device}: its agent publishes no key for secrets`)
  if (typeof recipient === 'string' && (await isRecipient(recipient))) return recipient
  throw new LongshoreError(
    'recipient-invalid',
    `${device}: ${JSON.stringify(recipient).slice(0, 80)} is not an age recipient`,
  )
}
