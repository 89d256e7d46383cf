/** Sends one command and waits for its final reply. */
import { randomBytes } from 'node:crypto'
import { type Command, type Reply, replySchema } from '../protocol/command.ts'
import { readPayload, writePayload } from '../protocol/payload.ts'
import type { Fleet } from './fleet.ts'
import { noAnswer } from './no-answer.ts'

export type AskInput = {
  readonly device: string
  readonly verb: string
  readonly args: Command['args']
  /** without a reply for this long it is given up */
  readonly timeoutMs: number
  /** the same, until the first reply comes; default: timeoutMs */
  readonly beginMs?: number
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
  { device, verb, args, timeoutMs, beginMs = timeoutMs, expireMs = timeoutMs, onProgress, now }: AskInput,
): Promise<Reply> => {
  const id = randomBytes(9).toString('hex')
  const askedAt = performance.now()
  let timer: NodeJS.Timeout | undefined
  let highest = 0
  let settle: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  const answered = new Promise<Reply>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const wait = (ms: number): void => {
    clearTimeout(timer)
    const giveUp = (): void =>
      void noAnswer(fleet, device, `${device} did not answer ${verb} within ${ms / 1000} s`).then(settle?.reject)
    timer = setTimeout(giveUp, ms)
  }
  // The reply's topic is listened to before the question is asked.
  const end = await fleet.watch([fleet.topics.reply(device, id)], ({ payload }) => {
    const read = readPayload(replySchema, payload, Number.POSITIVE_INFINITY)
    if (!read.ok || read.value.n <= highest) return // a broker may bring one twice
    highest = read.value.n
    if (read.value.final) settle?.resolve(read.value)
    else {
      wait(timeoutMs)
      onProgress?.(read.value)
    }
  })
  // A cluster may have taken seconds over it, which are not the device's.
  const at = now + Math.round(performance.now() - askedAt)
  const command: Command = { schema: 1, at, verb, args, expiresAt: at + expireMs }
  try {
    await fleet.publish(fleet.topics.command(device, id), writePayload(command), { retain: false })
    wait(beginMs)
    return await answered
  } finally {
    clearTimeout(timer)
    await end()
  }
}
