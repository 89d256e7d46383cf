/** Why nobody answered, as far as the broker knows: whoever waited in vain should not have to look it up. */
import { readPayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import { statusSchema } from '../protocol/status.ts'
import type { Fleet } from './fleet.ts'

/** @param said what was waited for */
export const noAnswer = async (
  fleet: Pick<Fleet, 'read' | 'topics'>,
  device: string,
  said: string,
): Promise<LongshoreError> =>
  // Who may not read the status is told no more than before.
  new LongshoreError('no-answer', `${said}${await standing(fleet, device).catch(() => '')}`)

const standing = async (fleet: Pick<Fleet, 'read' | 'topics'>, device: string): Promise<string> => {
  const topic = fleet.topics.status(device)
  const payload = (await fleet.read([topic])).get(topic)
  if (payload === undefined) return '; the broker knows no device of this id'
  const read = readPayload(statusSchema, payload, Number.POSITIVE_INFINITY)
  return read.ok && !read.value.online ? '; it is offline' : ''
}
