/** Sends one command and waits for its final reply. */
import { randomBytes } from 'node:crypto'
import { type Command, type Reply, replySchema } from '../protocol/command.ts'
import { readPayload, writePayload } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'
import type { Fleet } from './fleet.ts'

export type AskInput = {
  readonly device: string
  readonly verb: string
  readonly args: Command['args']
  readonly timeoutMs: number
  /** epoch ms */
  readonly now: number
}

/** @throws LongshoreError no-answer */
export const ask = async (fleet: Fleet, { device, verb, args, timeoutMs, now }: AskInput): Promise<Reply> => {
  const id = randomBytes(9).toString('hex')
  const command: Command = { schema: 1, at: now, verb, args, expiresAt: now + timeoutMs }
  let finish: ((reply: Reply) => void) | undefined
  const answered = new Promise<Reply>((resolve) => {
    finish = resolve
  })
  // The reply's topic is listened to before the question is asked.
  const end = await fleet.watch([fleet.topics.reply(device, id)], ({ payload }) => {
    const read = readPayload(replySchema, payload, Number.POSITIVE_INFINITY)
    if (read.ok && read.value.final) finish?.(read.value)
  })
  let timer: NodeJS.Timeout | undefined
  try {
    await fleet.publish(fleet.topics.command(device, id), writePayload(command), { retain: false })
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new LongshoreError('no-answer', `${device} did not answer ${verb} within ${timeoutMs / 1000} s`)),
        timeoutMs,
      )
    })
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
    await end()
  }
}
