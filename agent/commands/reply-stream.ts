/**
 * The replies of one command, numbered. Progress goes straight to the broker, one at a time, and is never on disk: `n`
 * rises in memory only. An agent that is killed in between has the next one answer under a number that no progress
 * reaches (`interruptedN`), so that it never goes back.
 */
import type { Reply } from '../../src/protocol/command.ts'

/** Far more than anybody reads, and far less than a reader's integers hold. */
export const mostProgress = 1_000_000

/** Of the answer to a command that an agent before this one had begun. */
export const interruptedN = mostProgress + 1

export type ReplyStream = {
  /** As in the context of a verb. */
  readonly progress: (result: NonNullable<Reply['result']>) => Promise<boolean>
  /** Ends the progress and resolves with the number of the final reply, when what was on its way has gone. */
  readonly end: () => Promise<number>
}

/** @param send rejects when the broker does not have it */
export const createReplyStream = (
  id: string,
  { send, nowMs }: { readonly send: (reply: Reply) => Promise<void>; readonly nowMs: () => number },
): ReplyStream => {
  let n = 0
  let isEnded = false
  let underWay: Promise<boolean> | undefined
  let waiting: Waiting | undefined

  const sendOne = async (result: NonNullable<Reply['result']>): Promise<boolean> => {
    if (n >= mostProgress - 1) return false
    n += 1
    return await send({ schema: 1, at: nowMs(), id, n, final: false, result }).then(
      () => true,
      () => false,
    )
  }

  const sendNext = (): void => {
    const next = waiting
    waiting = undefined
    if (next === undefined) return
    underWay = sendOne(next.result).finally(() => {
      underWay = undefined
      sendNext()
    })
    next.settle(underWay)
  }

  return {
    progress: (result) => {
      if (isEnded) return Promise.resolve(false)
      // Who was waiting to be sent is not any more: this one says more.
      waiting?.settle(false)
      return new Promise((resolve) => {
        waiting = { result, settle: resolve }
        if (underWay === undefined) sendNext()
      })
    },
    end: async () => {
      isEnded = true
      while (underWay !== undefined) await underWay
      return n + 1
    },
  }
}

type Waiting = {
  readonly result: NonNullable<Reply['result']>
  readonly settle: (isSent: boolean | Promise<boolean>) => void
}
