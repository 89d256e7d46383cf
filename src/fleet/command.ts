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
  /** without a reply for this long it is given up */
  readonly timeoutMs: number
  /** after this time the device does not begin it any more; default: timeoutMs */
  readonly expireMs?: number
  /** each reply before the final one, once, in order; a gap in `n` is one that the broker never had */
  readonly onProgress?: (reply: Reply) => void
  /** epoch ms */
  readonly now: number
}

/** @throws LongshoreError no-answer */
export const ask = async (
  fleet: Fleet,
  { device, verb, args, timeoutMs, expireMs = timeoutMs, onProgress, now }: AskInput,
): Promise<Reply> => {
  const id = randomBytes(9).toString('hex')
  const command: Command = { schema: 1, at: now, verb, args, expiresAt: now + expireMs }
  let timer: NodeJS.Timeout | undefined
  let highest = 0
  let settle: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  const answered = new Promise<Reply>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const wait = (): void => {
    clearTimeout(timer)
    const message = `${device} did not answer ${verb} within ${timeoutMs / 1000} s`
    timer = setTimeout(() => settle?.reject(new LongshoreError('no-answer', message)), timeoutMs)
  }
  // The reply's topic is listened to before the question is asked.
  const end = await fleet.watch([fleet.topics.reply(device, id)], ({ payload }) => {
    const read = readPayload(replySchema, payload, Number.POSITIVE_INFINITY)
    if (!read.ok || read.value.n <= highest) return // a broker may bring one twice
    highest = read.value.n
    if (read.value.final) settle?.resolve(read.value)
    else {
      wait()
      onProgress?.(read.value)
    }
  })
  try {
    await fleet.publish(fleet.topics.command(device, id), writePayload(command), { retain: false })
    wait()
    return await answered
  } finally {
    clearTimeout(timer)
    await end()
  }
}
